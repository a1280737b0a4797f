"""A delivered message, read: which payment, which attempt, whether anybody can have acted on it. Knows no broker."""

from dataclasses import dataclass
from datetime import datetime

from shared import flow
from shared.codec.cloud_events import Notice, from_cloud_event
from shared.codec.messages import FEED_RUN, Delivery, tried
from shared.domain.retry import RetryPolicy
from shared.flow import Place
from shared.ports.provider import Call
from shared.services import Services
from shared.steps.step import PaymentStep, request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One attempt of one step. run: 0 from the feed, r1, r2 ... for replays, s1, s2 ... for sweeps.

    answered: an earlier attempt got the provider's yes and could not record it.
    """

    delivery: Delivery
    notice: Notice
    attempt: int
    run: str
    answered: bool
    step: PaymentStep
    services: Services
    traceparent: str | None

    @property
    def now(self) -> datetime:
        return self.services.clock.now()

    @property
    def place(self) -> Place:
        return flow.PLACE_OF[self.step.step]

    @property
    def policy(self) -> RetryPolicy:
        return self.services.limits.retries.of(self.step.step)

    @property
    def payment_id(self) -> str:
        return self.notice.payment.payment_id

    @property
    def call(self) -> Call:
        return Call(request_id=request_id(self.notice.payment, self.step.step), traceparent=self.traceparent)

    @property
    def ordinary(self) -> bool:
        """Nobody can have acted on this message. Take the payment from it, and do not ask.

        After `fresh` the topic no longer drops a repeat by the feed, so an older message may be one.
        """
        first = self.attempt == 0 and self.run == FEED_RUN and self.delivery.delivery_count == 1
        return first and self.now - self.notice.occurred_at < self.services.limits.fresh

    @property
    def request_id_expired(self) -> bool:
        """Whether the provider may have forgotten the request id, counted from the event: it was not sent before."""
        return self.now - self.notice.occurred_at > self.services.limits.request_id_valid


def read(delivery: Delivery, *, step: PaymentStep, services: Services) -> Turn:
    """Raises Unreadable when the body is not an event, or attempt or run is not what we write."""
    so_far = tried(delivery)
    notice = from_cloud_event(delivery.body)
    return Turn(
        delivery=delivery,
        notice=notice,
        attempt=so_far.attempt,
        run=so_far.run,
        answered=so_far.answered,
        step=step,
        services=services,
        traceparent=notice.traceparent,
    )
