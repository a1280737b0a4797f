"""Payments and dead letters in the language of the domain: `a_payment().created().settled()`. Knows no storage."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self

from shared.domain.events import (
    Event,
    Notification,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentMerchantTold,
    PaymentParked,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.evolution import evolve, fold
from shared.domain.letters import LetterRecord, letter_id_of
from shared.domain.money import Money
from shared.domain.notice import NOTICE_EVENTS, telling
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task, task_named
from shared.domain.standing import Standing, standing
from shared.domain.stream import StoredEvent

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
PAYMENT_ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
REFUND_ID = "5e1f4a2b-0c3d-5e6f-8a9b-0123456789ab"
OTHER_REFUND_ID = "6f2a5b3c-1d4e-5f70-9bac-0123456789ab"
DISPUTE_ID = "dp_1"
OTHER_DISPUTE_ID = "dp_2"
TASKS: tuple[Task, ...] = (
    *(step for step in Step if step not in (Step.REFUND, Step.NOTICE)),
    RefundTask(REFUND_ID),
    RefundTask(OTHER_REFUND_ID),
    *(NoticeTask(f"{PAYMENT_ID}:{version}") for version in range(3, 8)),
)
"""All that a payment of these tests may owe, of notices the first ones."""
LETTER_ID = "11111111-2222-5333-8444-555555555555"
_HEARD_AFTER = timedelta(seconds=0.5)


def initiated(**changes: Any) -> PaymentInitiated:
    event = PaymentInitiated(
        occurred_at=NOON,
        payment_id=PAYMENT_ID,
        merchant_id="merchant-1",
        amount=Money(1250, "EUR"),
        payment_method="pm_ok",
        reference="order-1",
        request_fingerprint="f" * 64,
        expires_at=NOON + timedelta(hours=24),
        description="Two books",
        metadata={"cart": "77"},
        notification_url="https://shop.example/hooks",
    )
    return replace(event, **changes)


@dataclass(frozen=True)
class Story:
    """What has happened to a payment: its events, one second apart."""

    events: tuple[Event, ...] = field(default_factory=tuple)

    def then(self, *events: Event) -> Self:
        return replace(self, events=(*self.events, *events))

    @property
    def at(self) -> datetime:
        return NOON + timedelta(seconds=len(self.events))

    def created(self, provider_payment_id: str = "pp_1") -> Self:
        return self.then(PaymentCreated(occurred_at=self.at, provider_payment_id=provider_payment_id))

    def settled(self, capture_id: str = "cap_1") -> Self:
        return self.then(PaymentSettled(occurred_at=self.at, capture_id=capture_id))

    def completed(self, notification: Notification = "delivered") -> Self:
        return self.then(PaymentCompleted(occurred_at=self.at, notification=notification))

    def cancel_requested(self) -> Self:
        return self.then(PaymentCancelRequested(occurred_at=self.at))

    def cancelled(self, step: str = "cancel") -> Self:
        failed = PaymentFailed(
            occurred_at=self.at, reason="cancelled", code="cancelled_by_merchant", failed_step=step, tells=True
        )
        return self.then(failed)

    def refund_requested(self, refund_id: str = REFUND_ID, *, amount_minor: int = 500) -> Self:
        requested = PaymentRefundRequested(
            occurred_at=self.at,
            refund_id=refund_id,
            amount_minor=amount_minor,
            request_fingerprint="e" * 64,
            reason_given="damaged",
        )
        return self.then(requested)

    def refunded(self, refund_id: str = REFUND_ID, *, reference: str = "re_1") -> Self:
        return self.then(PaymentRefunded(occurred_at=self.at, refund_id=refund_id, provider_refund_id=reference))

    def refund_failed(self, refund_id: str = REFUND_ID) -> Self:
        failed = PaymentRefundFailed(
            occurred_at=self.at, refund_id=refund_id, reason="declined", code="refund_declined"
        )
        return self.then(failed)

    def dispute_opened(
        self, dispute_id: str = DISPUTE_ID, *, amount_minor: int = 500, capture_id: str | None = "cap_1"
    ) -> Self:
        """By the provider's clock, as each decision below, half a second before it was recorded."""
        opened = PaymentDisputeOpened(
            occurred_at=self.at,
            dispute_id=dispute_id,
            amount_minor=amount_minor,
            code="fraudulent",
            opened_at=self.at - _HEARD_AFTER,
            capture_id=capture_id,
        )
        return self.then(opened)

    def dispute_won(self, dispute_id: str = DISPUTE_ID) -> Self:
        won = PaymentDisputeWon(occurred_at=self.at, dispute_id=dispute_id, decided_at=self.at - _HEARD_AFTER)
        return self.then(won)

    def dispute_lost(self, dispute_id: str = DISPUTE_ID) -> Self:
        lost = PaymentDisputeLost(occurred_at=self.at, dispute_id=dispute_id, decided_at=self.at - _HEARD_AFTER)
        return self.then(lost)

    def declined(self, step: str = "create", *, tells: bool = False) -> Self:
        """tells: as streams have it since the merchant's being told of a failure is an event."""
        return self.then(
            PaymentFailed(occurred_at=self.at, reason="declined", code="card_declined", failed_step=step, tells=tells)
        )

    def announced_again(self) -> Self:
        """The failure once more, behind a yes that came late."""
        failed = self.payment.failed
        assert failed is not None
        return self.then(replace(failed, occurred_at=self.at))

    def voided(self, void_id: str = "vo_1") -> Self:
        return self.then(PaymentVoided(occurred_at=self.at, void_id=void_id))

    def failure_told(self) -> Self:
        return self.then(PaymentFailureTold(occurred_at=self.at))

    def merchant_told(self, event_id: str | None = None) -> Self:
        """event_id: of what it was told longest ago to be told, if none is named."""
        return self.then(PaymentMerchantTold(occurred_at=self.at, event_id=event_id or self.payment.untold[0].event_id))

    def telling(self) -> Self:
        """The newest event as streams have it since the merchant is told of each."""
        *before, newest = self.events
        assert isinstance(newest, NOTICE_EVENTS)
        return replace(self, events=(*before, telling(newest, url=self.payment.notification_url)))

    def captured_late(self, capture_id: str = "cap_1") -> Self:
        return self.then(PaymentCapturedLate(occurred_at=self.at, capture_id=capture_id))

    def charged_twice(self, step: str, reference: str) -> Self:
        return self.then(PaymentChargedTwice(occurred_at=self.at, step=step, reference=reference))

    def parked(self, step: str, *, cause: str | None = None, reason: str = "retries_exhausted") -> Self:
        """cause: the step's current one, if none is named."""
        parked = PaymentParked(
            occurred_at=self.at,
            step=step,
            cause=cause or self.standing(step).cause,
            reason=reason,
            severity="normal",
            letter_id=LETTER_ID,
        )
        return self.then(parked)

    def resumed(self, step: str, **changes: Any) -> Self:
        """By an operator's replay, if nothing else is said."""
        now = self.standing(step)
        resumed = PaymentResumed(
            occurred_at=self.at,
            step=step,
            replaces=now.cause,
            starter=now.starter,
            to="finish",
            by="replay",
            who="ann",
            why="the provider is well again",
            action=f"action-{len(self.events)}",
        )
        return self.then(replace(resumed, **changes))

    def seen_to(self, step: str | None = None, *, reference: str | None = None) -> Self:
        seen_to = PaymentSeenTo(occurred_at=self.at, step=step, reference=reference, who="ann", why="done by hand")
        return self.then(seen_to)

    @cached_property
    def _standings(self) -> dict[str, Standing]:
        return {}

    def standing(self, step: str) -> Standing:
        if step not in self._standings:
            task = task_named(step)
            assert task is not None, step
            self._standings[step] = standing(self.stored, task)
        return self._standings[step]

    @property
    def last_id(self) -> str:
        """The id of the newest event."""
        return self.stored[-1].event_id

    @cached_property
    def payment(self) -> Payment:
        payment = fold(self.events)
        assert payment is not None
        return payment

    @cached_property
    def stored(self) -> tuple[StoredEvent, ...]:
        stored: list[StoredEvent] = []
        payment: Payment | None = None
        for event in self.events:
            payment = evolve(payment, event)
            stored.append(StoredEvent(payment=payment, event=event, traceparent=TRACEPARENT, caused_by="test"))
        return tuple(stored)


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def a_payment(**changes: Any) -> Story:
    return Story((initiated(**changes),))


def a_letter(**changes: Any) -> LetterRecord:
    """Of a create whose retries were exhausted. The id is that of its source, message and reason."""
    letter = LetterRecord(
        letter_id="",
        step="create",
        source="payment-initiated/create",
        reason="retries_exhausted",
        description="busy after 6 attempts",
        severity="normal",
        payment_id=PAYMENT_ID,
        event_id=f"{PAYMENT_ID}:1",
        cause=f"{PAYMENT_ID}:1",
        message_id=f"{PAYMENT_ID}:1:create:5",
        subject="payment.initiated",
        body="{}",
        attempt=5,
        delivery_count=1,
        yes=None,
        recorded_at=NOON,
    )
    letter = replace(letter, **changes)
    own = letter_id_of(source=letter.source, message_id=letter.message_id, reason=letter.reason)
    return replace(letter, letter_id=letter.letter_id or own)
