"""What is erased of a payment: the words that a merchant writes for itself alone, which may name people. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.events import Event, PaymentInitiated, PaymentRefundRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Who erases, when and why; it stays beside what was erased."""

    at: datetime
    by: str
    why: str


def without_words(event: Event) -> Event:
    """The event without the merchant's own words; the same event when it has none.

    No rule reads them and no other event repeats them. What is needed to carry out the payment, and the fingerprint
    that tells a repeat, are no such words.
    """
    match event:
        case PaymentInitiated():
            return replace(event, description=None, metadata={})
        case PaymentRefundRequested():
            return replace(event, reason_given=None)
        case _:
            return event
