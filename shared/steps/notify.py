"""notify: tell the merchant what became of the payment. A paid one completes even if the merchant never answers."""

from dataclasses import dataclass
from datetime import datetime

from shared.codec.cloud_events import cloud_event, still_to_tell, to_cloud_event
from shared.domain.events import Event, PaymentCompleted, PaymentFailureTold, PaymentMerchantTold
from shared.domain.payment import NoticeTask, Payment, Step, Task
from shared.domain.stream import StoredEvent
from shared.ports.notifier import Notifier
from shared.ports.provider import AskAnswer, Call, Declined, Done, NeverSeen


@dataclass(frozen=True, slots=True)
class Notify:
    """Tells of success (PaymentCompleted is recorded), as NOTIFY_FAILURE of failure (PaymentFailureTold), or, as a
    notice, of one event (PaymentMerchantTold).

    It does not ask before a repeat: the merchant recognises repeats by the request id.
    """

    notifier: Notifier
    task: Task
    asks: bool = False

    @property
    def step(self) -> Step:
        return self.task.step

    async def send(self, payment: Payment, call: Call) -> AskAnswer:
        if payment.notification_url is None:
            return Done("not_wanted")
        answer = await self.notifier.notify(
            payment.notification_url, _announcement(payment, self.task, call=call), call=call
        )
        return Done("delivered") if isinstance(answer, Done) else answer

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return NeverSeen()

    async def find(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return NeverSeen()

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event:
        if isinstance(self.task, NoticeTask):
            return PaymentMerchantTold(occurred_at=at, event_id=self.task.event_id)
        if self.step is Step.NOTIFY_FAILURE:
            return PaymentFailureTold(occurred_at=at)
        wanted = not (isinstance(answer, Done) and answer.reference == "not_wanted")
        return PaymentCompleted(occurred_at=at, notification="delivered" if wanted else "not_wanted")

    def given_up(self, *, at: datetime) -> Event | None:
        if self.step is not Step.NOTIFY:
            return None
        return PaymentCompleted(occurred_at=at, notification="undelivered")


def _announcement(payment: Payment, task: Task, *, call: Call) -> str:
    """The CloudEvent that the merchant is told of; its id is the request id, the same in a repeat."""
    if isinstance(task, NoticeTask) and (earlier := still_to_tell(payment, task)):
        return cloud_event(earlier, payment, traceparent=call.traceparent)
    told = {Step.NOTIFY: payment.settled, Step.NOTIFY_FAILURE: payment.failed}
    event = told.get(task.step)
    if event is None:
        raise ValueError(f"payment {payment.payment_id} has nothing to tell the merchant yet")
    stored = StoredEvent(payment=payment, event=event, traceparent=call.traceparent)
    return to_cloud_event(stored, event_id=call.request_id)
