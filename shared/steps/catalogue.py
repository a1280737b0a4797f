"""Which step does what: one table. Knows no rule."""

from shared.domain.payment import NoticeTask, RefundTask, Step, Task
from shared.errors import Unreadable
from shared.services import Services
from shared.steps.create import create
from shared.steps.notify import Notify
from shared.steps.refund import refund
from shared.steps.settle import settle
from shared.steps.step import PaymentStep
from shared.steps.telling import teller
from shared.steps.void import cancel, void


def payment_step(task: Task, services: Services) -> PaymentStep:
    """The step over these services. Raises Unreadable for a refund or a notice that is not said which."""
    if isinstance(task, RefundTask):
        return refund(services.provider, task)
    if isinstance(task, NoticeTask):
        return Notify(teller(services), task)
    match task:
        case Step.CREATE:
            return create(services.provider, api=services.provider_api)
        case Step.SETTLE:
            return settle(services.provider)
        case Step.CANCEL:
            return cancel(services.provider)
        case Step.VOID:
            return void(services.provider)
        case Step.NOTIFY | Step.NOTIFY_FAILURE:
            return Notify(teller(services), task)
        case Step.REFUND:
            raise Unreadable("it does not say which refund it is about")
        case Step.NOTICE:
            raise Unreadable("it does not say which event the merchant is to be told of")
