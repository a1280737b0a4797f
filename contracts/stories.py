"""Payments as they are told in samples: their events, and what is stored of them. Writes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.events import (
    Event,
    PaymentCancelRequested,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentInitiated,
    PaymentMerchantTold,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.evolution import fold
from shared.domain.money import Money
from shared.domain.stream import StoredEvent

PAYMENT_ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
_SENT_AT = datetime(2026, 1, 2, 12, 0, 0, 123456, UTC)
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def at(number: int) -> datetime:
    return _SENT_AT + timedelta(seconds=number)


INITIATED = PaymentInitiated(
    occurred_at=at(0),
    payment_id=PAYMENT_ID,
    merchant_id="merchant-1",
    amount=Money(1250, "EUR"),
    payment_method="pm_ok",
    reference="order-1",
    request_fingerprint="",
    expires_at=at(86_400),
    description="Two books",
    metadata={"cart": "7"},
    notification_url="https://shop.example/hooks",
)
_CREATED = PaymentCreated(occurred_at=at(1), provider_payment_id="pp_1")
_PAID: tuple[Event, ...] = (
    INITIATED,
    _CREATED,
    PaymentSettled(occurred_at=at(2), capture_id="cap_1"),
    PaymentCompleted(occurred_at=at(3), notification="delivered"),
)
DECLINED: tuple[Event, ...] = (
    INITIATED,
    _CREATED,
    PaymentFailed(occurred_at=at(2), reason="declined", code="insufficient_funds", failed_step="settle", tells=True),
    PaymentVoided(occurred_at=at(3), void_id="void_1", tells=True),
)


CANCELLED: tuple[Event, ...] = (
    INITIATED,
    _CREATED,
    PaymentCancelRequested(occurred_at=at(2)),
)
REFUND_ID = "5e1f4a2b-0c3d-5e6f-8a9b-0123456789ab"
_REFUND = PaymentRefundRequested(
    occurred_at=at(4), refund_id=REFUND_ID, amount_minor=500, request_fingerprint="", reason_given="damaged"
)
REFUNDED: tuple[Event, ...] = (
    *_PAID,
    _REFUND,
    PaymentRefunded(occurred_at=at(5), refund_id=REFUND_ID, provider_refund_id="re_1", tells=True),
)
NOT_REFUNDED: tuple[Event, ...] = (
    *_PAID,
    _REFUND,
    PaymentRefundFailed(occurred_at=at(5), refund_id=REFUND_ID, reason="declined", code="refund_declined", tells=True),
)


_DISPUTE = PaymentDisputeOpened(
    occurred_at=at(6),
    dispute_id="dp_1",
    amount_minor=750,
    code="fraudulent",
    opened_at=at(5),
    capture_id="cap_1",
    tells=True,
)
DISPUTED: tuple[Event, ...] = (
    *REFUNDED,
    PaymentMerchantTold(occurred_at=at(6), event_id=f"{PAYMENT_ID}:6"),
    replace(_DISPUTE, occurred_at=at(8), opened_at=at(7)),
    PaymentDisputeWon(occurred_at=at(10), dispute_id="dp_1", decided_at=at(9), tells=True),
)
LOST: tuple[Event, ...] = (
    *_PAID,
    _DISPUTE,
    PaymentDisputeLost(occurred_at=at(8), dispute_id="dp_1", decided_at=at(7), tells=True),
)


def stored(events: tuple[Event, ...]) -> list[StoredEvent]:
    found = []
    for number, event in enumerate(events, start=1):
        payment = fold(events[:number])
        if payment is None:
            raise ValueError("a payment begins with its first event")
        found.append(StoredEvent(event=event, payment=payment, traceparent=_TRACE, caused_by=None))
    return found
