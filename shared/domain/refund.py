"""One refund of a payment, and what all of them hold of its money. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from shared.domain.events import PaymentRefunded, PaymentRefundFailed, PaymentRefundRequested, RefundEvent

type RefundStatus = Literal["pending", "refunded", "failed"]

MOST, MOST_REQUESTED = 20, 40
"""Refunds of one payment that have not failed, and all. Each stands in every later event, which has to stay small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """The facts of one refund so far. A yes of the provider counts, whatever was recorded before."""

    refund_id: str
    amount_minor: int
    requested_at: datetime
    refunded: PaymentRefunded | None = None
    failed: PaymentRefundFailed | None = None

    @property
    def is_failed(self) -> bool:
        return self.failed is not None and self.refunded is None

    @property
    def is_pending(self) -> bool:
        """Whether it is not known yet what became of it."""
        return self.failed is None and self.refunded is None

    @property
    def status(self) -> RefundStatus:
        """What a merchant is told."""
        if self.refunded:
            return "refunded"
        return "failed" if self.failed else "pending"

    @property
    def facts(self) -> int:
        """How many events it shows."""
        return 1 + sum(fact is not None for fact in (self.refunded, self.failed))


def held_minor(refunds: Iterable[Refund]) -> int:
    """What was given back and what may be: only a definite failure gives its amount free."""
    return sum(refund.amount_minor for refund in refunds if not refund.is_failed)


def with_event(refunds: tuple[Refund, ...], event: RefundEvent) -> tuple[Refund, ...]:
    """The refunds after one more event. Raises ValueError for an answer to a refund that nobody requested."""
    if isinstance(event, PaymentRefundRequested):
        return (
            *refunds,
            Refund(refund_id=event.refund_id, amount_minor=event.amount_minor, requested_at=event.occurred_at),
        )
    if all(refund.refund_id != event.refund_id for refund in refunds):
        raise ValueError(f"refund {event.refund_id} was never requested")
    return tuple(_answered(refund, event) if refund.refund_id == event.refund_id else refund for refund in refunds)


def _answered(refund: Refund, event: PaymentRefunded | PaymentRefundFailed) -> Refund:
    match event:
        case PaymentRefunded():
            return replace(refund, refunded=event)
        case PaymentRefundFailed():
            return replace(refund, failed=event)
        case _:
            assert_never(event)
