"""Which step does what: one table. Knows no rule."""

from shared.domain.payment import Step
from shared.services import Services
from shared.steps.create import create
from shared.steps.notify import Notify
from shared.steps.settle import settle
from shared.steps.step import PaymentStep
from shared.steps.void import cancel, void


def payment_step(step: Step, services: Services) -> PaymentStep:
    """The step over these services."""
    match step:
        case Step.CREATE:
            return create(services.provider)
        case Step.SETTLE:
            return settle(services.provider)
        case Step.CANCEL:
            return cancel(services.provider)
        case Step.VOID:
            return void(services.provider)
        case Step.NOTIFY | Step.NOTIFY_FAILURE:
            return Notify(services.notifier, step)
