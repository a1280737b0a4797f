"""Where the rows of the read model are. Raises StoreBusy, AppendUnknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows; None means any. low, high: positions (codec/rows.py), the first of them included."""

    payment_id: str | None = None
    status: str | None = None
    reference: str | None = None
    settled: bool | None = None
    owes: str | None = None
    low: str
    high: str


class Overview(Protocol):
    """Where the rows are."""

    async def stored(self, row: Row) -> Row | None:
        """The row of this payment as it is stored where this one belongs. Raises StoreBusy."""

    async def find(self, payment_id: str) -> Row | None:
        """The row of a payment of which nothing else is known: looks everywhere. Raises StoreBusy."""

    async def note_month(self, row: Row) -> None:
        """Before the first row of a payment is put: lists look into the months that are noted.

        Raises StoreBusy, AppendUnknown: noting again is safe.
        """

    async def put(self, row: Row) -> bool:
        """Store over the row that was read (its etag), or as a new one. False: another was first; read again.

        Raises StoreBusy, AppendUnknown.
        """

    async def drop(self, row: Row) -> None:
        """Remove a row as it was read; nothing happens if it has changed. Raises StoreBusy, AppendUnknown."""

    async def stuck(self, owes: str, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        """Rows that owe this and have neither moved nor been looked at by the sweep since. Raises StoreBusy.

        owes: a step, or what stands there when it is not known.
        """

    async def newest(self, wanted: RowFilter, *, limit: int) -> Sequence[Row]:
        """The first rows, newest first, of all merchants: looks everywhere. Raises StoreBusy."""

    async def newest_in(self, month: str, *, merchant_id: str, wanted: RowFilter, limit: int) -> Sequence[Row]:
        """The first rows of a merchant's month, newest first: looks in one place. Raises StoreBusy."""

    async def months(self, merchant_id: str, *, first: str, last: str, limit: int) -> Sequence[str]:
        """The months from first to last that may hold rows of a merchant, newest first. Raises StoreBusy."""

    async def whole_as_of(self) -> datetime | None:
        """A time up to which every stored event was in the rows when it was noted; None while rows are first filled.

        Raises StoreBusy.
        """

    async def note_whole(self, as_of: datetime) -> None:
        """Every event that was stored until then is in the rows. Raises StoreBusy, AppendUnknown."""
