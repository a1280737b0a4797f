"""Payments in the language of the domain: `a_payment().created().settled()`. Knows no storage and no HTTP."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money
from shared.domain.payment import Payment, evolve, fold
from shared.domain.stream import StoredEvent

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
PAYMENT_ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"


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

    def _then(self, event: Event) -> Self:
        return replace(self, events=(*self.events, event))

    @property
    def _at(self) -> datetime:
        return NOON + timedelta(seconds=len(self.events))

    def created(self, provider_payment_id: str = "pp_1") -> Self:
        return self._then(PaymentCreated(occurred_at=self._at, provider_payment_id=provider_payment_id))

    def settled(self, capture_id: str = "cap_1") -> Self:
        return self._then(PaymentSettled(occurred_at=self._at, capture_id=capture_id))

    def completed(self) -> Self:
        return self._then(PaymentCompleted(occurred_at=self._at, notification="delivered"))

    def declined(self, step: str = "create") -> Self:
        return self._then(
            PaymentFailed(occurred_at=self._at, reason="declined", code="card_declined", failed_step=step)
        )

    def voided(self) -> Self:
        return self._then(PaymentVoided(occurred_at=self._at, void_id="vo_1"))

    @property
    def payment(self) -> Payment:
        payment = fold(self.events)
        assert payment is not None
        return payment

    @property
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
