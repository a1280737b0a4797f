"""The read model: one row per payment, as small as the sweep and a list need. Derived, never the truth.

It can be thrown away and rebuilt from the change feed: delete the rows and the leases of `project`.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.stream import StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A payment at a glance. owes: the step that has to move next; None at rest. sweeps: how often it was swept."""

    payment_id: str
    version: int
    status: str
    owes: str | None
    amount_minor: int
    currency: str
    reference: str
    settled: bool
    initiated_at: datetime
    moved_at: datetime
    sweeps: int = 0
    swept_at: datetime | None = None
    etag: str | None = None


def row_of(stored: StoredEvent) -> Row:
    """The row after this event."""
    payment = stored.payment
    return Row(
        payment_id=payment.payment_id,
        version=payment.version,
        status=payment.status.value,
        owes=payment.owes.value if payment.owes else None,
        amount_minor=payment.amount.amount_minor,
        currency=payment.amount.currency,
        reference=payment.reference,
        settled=payment.settled is not None,
        initiated_at=payment.initiated_at,
        moved_at=stored.event.occurred_at,
    )


def newer(row: Row, standing: Row | None) -> Row | None:
    """The row to store, with the sweeps counted so far; None when the row that is stored is as new."""
    if standing is None:
        return row
    if standing.version >= row.version:
        return None
    return replace(row, sweeps=standing.sweeps, swept_at=standing.swept_at, etag=standing.etag)
