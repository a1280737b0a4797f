"""Which step does what: one table."""

from shared.domain.payment import Step
from shared.services import Services
from shared.steps.create import Create
from shared.steps.notify import Notify
from shared.steps.settle import Settle
from shared.steps.step import PaymentStep
from shared.steps.void import Void


def payment_step(step: Step, services: Services) -> PaymentStep:
    """The step over these services."""
    match step:
        case Step.CREATE:
            return Create(services.provider)
        case Step.SETTLE:
            return Settle(services.provider)
        case Step.VOID:
            return Void(services.provider)
        case Step.NOTIFY | Step.NOTIFY_FAILURE:
            return Notify(services.notifier, step)
