"""The read model: one row per payment, as small as the sweep and a list need. Derived, never the truth.

It can be thrown away and rebuilt from the change feed: delete the rows and the leases of `project`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from shared.codec import time_from_json, time_to_json
from shared.domain.payment import Step
from shared.ports import StoredEvent


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
    """What to store over what stands: nothing when that is as new; else the row, with the sweeps counted so far."""
    if standing is None:
        return row
    if standing.version >= row.version:
        return None
    return replace(row, sweeps=standing.sweeps, swept_at=standing.swept_at, etag=standing.etag)


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows, and where the next ones begin; None at the end."""

    rows: tuple[Row, ...]
    next_page: str | None


class Overview(Protocol):
    """Where the rows are."""

    async def get(self, payment_id: str) -> Row | None:
        """Raises StoreBusy."""

    async def put(self, row: Row) -> bool:
        """Store over the row that was read (its etag), or as a new one. False: another was first; read again."""

    async def stuck(self, step: Step, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        """Rows that owe the step and have neither moved nor been swept since. Raises StoreBusy."""

    async def list(self, *, settled: bool | None, limit: int, page: str | None = None) -> RowPage:
        """Rows in the store's order. Raises StoreBusy."""


def row_to_json(row: Row) -> dict[str, Any]:
    """As stored, and as operators see it. active_at: when it last moved or was swept, for the sweep to query."""
    return {
        "id": row.payment_id,
        "version": row.version,
        "status": row.status,
        "owes": row.owes,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "reference": row.reference,
        "settled": row.settled,
        "initiated_at": time_to_json(row.initiated_at),
        "moved_at": time_to_json(row.moved_at),
        "sweeps": row.sweeps,
        "swept_at": time_to_json(row.swept_at) if row.swept_at else None,
        "active_at": time_to_json(max(row.moved_at, row.swept_at or row.moved_at)),
    }


def row_from_json(fields: Mapping[str, Any]) -> Row:
    """The row as it was stored."""
    return Row(
        payment_id=fields["id"],
        version=fields["version"],
        status=fields["status"],
        owes=fields["owes"],
        amount_minor=fields["amount_minor"],
        currency=fields["currency"],
        reference=fields["reference"],
        settled=fields["settled"],
        initiated_at=time_from_json(fields["initiated_at"]),
        moved_at=time_from_json(fields["moved_at"]),
        sweeps=fields["sweeps"],
        swept_at=time_from_json(fields["swept_at"]) if fields["swept_at"] else None,
        etag=fields.get("_etag"),
    )
