"""A delivered message, read: which payment, which attempt, whether anybody can have acted on it. Knows no broker."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import flow
from shared.codec.cloud_events import Notice, from_cloud_event
from shared.codec.deliveries import Delivery, named_in, tried
from shared.domain.letters import Yes
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task
from shared.domain.retry import RetryPolicy
from shared.errors import TurnOver, Unreadable
from shared.flow import Place
from shared.ports.provider import AskAnswer, Busy, Call, NeverSeen, Unknown
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.step import PaymentStep, request_id

RECORDED_WITHIN_S = 25.0
"""How long an attempt may last beyond the limit of the turn: a little longer than one call of the store may take.

And how long the last attempt to tell a merchant may then take to record that it gave up.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One attempt of one step.

    cause: the event that the message stems from. is_marked_quiet: what a copy says of itself. yes: what the other side
    said to an earlier attempt, which could not record it. began: when this attempt did.
    """

    delivery: Delivery
    notice: Notice
    cause: str
    attempt: int
    is_marked_quiet: bool
    yes: Yes | None
    step: PaymentStep
    services: Services
    traceparent: str | None
    began: datetime

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
        return Call(request_id=request_id(self.notice.payment, self.step.task), traceparent=self.traceparent)

    @property
    def is_ordinary(self) -> bool:
        """Nobody can have acted on this message. Take the payment from it, and do not ask.

        After `fresh` the topic no longer drops a repeat by the feed, so an older message may be one.
        """
        is_first = self.delivery.message_id == self.notice.event_id and self.delivery.delivery_count == 1
        is_fresh = self.began - self.notice.occurred_at < self.services.limits.fresh
        return is_first and is_fresh and self.attempt == 0 and self.yes is None

    @property
    def is_quiet(self) -> bool:
        """Nobody else can be sending for this cause. A redelivery is never quiet: the first delivery may still send."""
        return self.is_ordinary or (self.is_marked_quiet and self.delivery.delivery_count == 1)

    @property
    def attempt_limit_s(self) -> float:
        """The calls end at the limit of the turn. What was heard is then recorded, or the next attempt records it."""
        return self.services.limits.turn_limit.total_seconds() + RECORDED_WITHIN_S

    # --- the calls, none of which begins or lasts beyond the limit of the turn ---

    async def send(self, payment: Payment) -> AskAnswer:
        """Raises TurnOver when it is too late to begin; nothing was sent then."""
        try:
            return await self._in_time(self.step.send(payment, self.call))
        except TimeoutError:
            return Unknown(f"no answer to {self.call.request_id} within the turn")

    async def ask(self, payment: Payment, *, started_at: datetime) -> AskAnswer:
        """What became of the request, by its id; before anything may be sent, and after a yes, also by our payment id.

        The other side may forget ids. started_at: when the step began; nobody asks by an id that is too old to be
        known. Raises TurnOver.
        """
        try:
            if not self.is_forgotten(started_at):
                answer = await self._in_time(self.step.ask(payment, self.call))
                is_final = self.is_quiet or self.yes is not None
                if not isinstance(answer, NeverSeen) or not is_final:
                    return answer
            return await self._in_time(self.step.find(payment, self.call))
        except TimeoutError:
            return Busy(f"no answer when asked about {self.call.request_id} within the turn")

    async def find(self, payment: Payment) -> AskAnswer:
        """What the other side's books say of the payment. Raises TurnOver."""
        try:
            return await self._in_time(self.step.find(payment, self.call))
        except TimeoutError:
            return Busy(f"no answer when asked for {self.payment_id} within the turn")

    def is_forgotten(self, started_at: datetime) -> bool:
        """Whether the provider may have forgotten the request id: it was not sent before the step began."""
        return self.now - started_at > self.services.limits.request_id_valid

    async def _in_time[A](self, call: Awaitable[A]) -> A:
        left = self.services.limits.turn_limit - (self.now - self.began)
        if left <= timedelta():
            if asyncio.iscoroutine(call):
                call.close()
            raise TurnOver(f"no time is left in this turn for {self.call.request_id}")
        async with asyncio.timeout(left.total_seconds()):
            return await call


def read(delivery: Delivery, *, step: Step, services: Services) -> Turn:
    """Raises Unreadable when the body is not an event, or id or attempt is not what we write."""
    so_far = tried(delivery)
    notice = from_cloud_event(delivery.body)
    named = named_in(delivery.message_id)
    if named is None or named[0] != notice.payment.payment_id:
        raise Unreadable(f"message {delivery.message_id} tells of payment {notice.payment.payment_id}")
    return Turn(
        delivery=delivery,
        notice=notice,
        cause=so_far.cause,
        attempt=so_far.attempt,
        is_marked_quiet=so_far.is_quiet,
        yes=so_far.yes,
        step=payment_step(_task(step, notice), services),
        services=services,
        traceparent=notice.traceparent,
        began=services.clock.now(),
    )


def _task(step: Step, notice: Notice) -> Task:
    if step is Step.NOTICE:
        return NoticeTask(notice.event_id)
    return RefundTask(notice.refund_id) if step is Step.REFUND and notice.refund_id else step
