"""What two events have in common: whether they say the same, and which of the provider's words they hold. Pure."""

from dataclasses import replace

from shared.domain.events import (
    Event,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCreated,
    PaymentInitiated,
    PaymentRefunded,
    PaymentRefundRequested,
    PaymentSettled,
    PaymentVoided,
)


def yeses_of(event: Event) -> frozenset[str]:
    """The provider's reference that the event holds, of any yes."""
    match event:
        case PaymentCreated(provider_payment_id=reference) | PaymentSettled(capture_id=reference):
            return frozenset({reference})
        case PaymentVoided(void_id=reference) | PaymentCapturedLate(capture_id=reference):
            return frozenset({reference})
        case PaymentRefunded(provider_refund_id=reference) | PaymentChargedTwice(reference=reference):
            return frozenset({reference})
        case _:
            return frozenset()


def same_fact(one: Event, other: Event) -> bool:
    """Whether two events say the same, apart from their times. True for a repeat of our own append.

    The fingerprint stands for a whole request, even if words in it were erased later.
    """
    if isinstance(one, PaymentInitiated) and isinstance(other, PaymentInitiated):
        return (one.payment_id, one.merchant_id, one.request_fingerprint) == (
            other.payment_id,
            other.merchant_id,
            other.request_fingerprint,
        )
    if isinstance(one, PaymentRefundRequested) and isinstance(other, PaymentRefundRequested):
        return (one.refund_id, one.amount_minor, one.request_fingerprint) == (
            other.refund_id,
            other.amount_minor,
            other.request_fingerprint,
        )
    return replace(other, occurred_at=one.occurred_at) == one
