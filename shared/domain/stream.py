"""A stream: the events of one payment in order, each with the payment as it stands after it. Knows no storage."""

from dataclasses import dataclass

from shared.domain.events import Event
from shared.domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event of a stream with the payment as it stands after it; its version is `payment.version`.

    traceparent: the W3C trace context it was written under. caused_by: the id of what led to it.
    """

    payment: Payment
    event: Event
    traceparent: str | None = None
    caused_by: str | None = None

    @property
    def event_id(self) -> str:
        """Unique for ever; also the id of its document and of its message."""
        return f"{self.payment.payment_id}:{self.payment.version}"
