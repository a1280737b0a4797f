"""notify: tell the merchant how the payment ended. A paid payment completes even if the merchant never answers."""

from dataclasses import dataclass
from datetime import datetime

from shared.codec.cloud_events import to_cloud_event
from shared.domain.events import Event, PaymentCompleted, PaymentFailureTold
from shared.domain.payment import Payment, Step, Task
from shared.domain.stream import StoredEvent
from shared.ports.notifier import Notifier
from shared.ports.provider import AskAnswer, Call, Declined, Done, NeverSeen


@dataclass(frozen=True, slots=True)
class Notify:
    """Tells of success (PaymentCompleted is recorded) or, as NOTIFY_FAILURE, of failure (PaymentFailureTold).

    It does not ask before a repeat: the merchant recognises repeats by the request id.
    """

    notifier: Notifier
    step: Step
    asks: bool = False

    @property
    def task(self) -> Task:
        return self.step

    async def send(self, payment: Payment, call: Call) -> AskAnswer:
        if payment.notification_url is None:
            return Done("not_wanted")
        answer = await self.notifier.notify(
            payment.notification_url, _announcement(payment, self.step, call=call), call=call
        )
        return Done("delivered") if isinstance(answer, Done) else answer

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return NeverSeen()

    async def find(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return NeverSeen()

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event:
        if self.step is Step.NOTIFY_FAILURE:
            return PaymentFailureTold(occurred_at=at)
        wanted = not (isinstance(answer, Done) and answer.reference == "not_wanted")
        return PaymentCompleted(occurred_at=at, notification="delivered" if wanted else "not_wanted")

    def given_up(self, *, at: datetime) -> Event | None:
        if self.step is Step.NOTIFY_FAILURE:
            return None
        return PaymentCompleted(occurred_at=at, notification="undelivered")


def _announcement(payment: Payment, step: Step, *, call: Call) -> str:
    """The CloudEvent of the failure or of the settlement; its id is the request id, the same in a repeat."""
    event = payment.failed if step is Step.NOTIFY_FAILURE else payment.settled
    if event is None:
        raise ValueError(f"payment {payment.payment_id} has nothing to tell the merchant yet")
    stored = StoredEvent(payment=payment, event=event, traceparent=call.traceparent)
    return to_cloud_event(stored, event_id=call.request_id)
