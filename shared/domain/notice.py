"""What a merchant is still to be told by itself: one entry for each event that is. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.domain.events import (
    NoticeEvent,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)

NOTICE_EVENTS: Final[tuple[type[NoticeEvent], ...]] = (
    PaymentVoided,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentDisputeLost,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """An event that its merchant does not know of yet. refund_id, dispute_id: which one it is about, if one.

    Nothing is kept of what was told, so that a payment with many refunds stays small.
    """

    event_id: str
    kind: type[NoticeEvent]
    occurred_at: datetime
    refund_id: str | None = None
    dispute_id: str | None = None


def untold(event: NoticeEvent, *, event_id: str) -> tuple[Untold, ...]:
    """The entry of an event; () when nobody is to be told of it."""
    if not event.tells:
        return ()
    entry = Untold(
        event_id=event_id,
        kind=type(event),
        occurred_at=event.occurred_at,
        refund_id=getattr(event, "refund_id", None),
        dispute_id=getattr(event, "dispute_id", None),
    )
    return (entry,)


def telling[E: NoticeEvent](event: E, *, url: str | None) -> E:
    """The event as it is decided: whether its merchant is to be told is settled then, for good."""
    return replace(event, tells=url is not None)


def shown[E: NoticeEvent](event: E) -> E:
    """The event as a payment shows it as a fact: what is left to be told stands in `untold` alone."""
    return replace(event, tells=False)
