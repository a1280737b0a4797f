"""Where the rows of the read model are. Raises StoreBusy, AppendUnknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shared.domain.rows import Row

type Waiting = Literal["any", "retrying", "parked"]
"""A payment waits for a person, or for itself: started again and not done, or under way for longer than it should."""


SHORTEST_ID, LONGEST_ID = 8, 36
"""People read the first characters of an id off a screen, and look for the payment by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows; None means any. low, high: positions (codec/rows.py), the first of them included. payment_id: whole,
    or how it begins, from SHORTEST_ID characters on.

    waiting: with moved_before, and then all that owe something and have not moved since wait, too.
    """

    payment_id: str | None = None
    status: str | None = None
    reference: str | None = None
    settled: bool | None = None
    owes: str | None = None
    amount_minor: int | None = None
    waiting: Waiting | None = None
    moved_before: datetime | None = None
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Payments whose next move is one step's, and that need no person for it. late: how many of them have not moved for
    a while.

    oldest_at: when the one moved last that has stood still the longest.
    """

    payments: int
    late: int
    oldest_at: datetime


class Overview(Protocol):
    """Where the rows are."""

    async def stored(self, row: Row) -> Row | None:
        """The row of this payment as it is stored where this one belongs. Raises StoreBusy."""

    def remembered(self, row: Row) -> Row | None:
        """The row of this payment as this process put it last, where this one belongs; costs no request.

        It may have been changed or removed since: a put over it finds out. None where nothing is remembered.
        """

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

    async def owed(self, *, moved_before: datetime) -> Mapping[str, Owed]:
        """By step, or what stands there when it is not known; of all merchants. Without those that nobody owes, and
        without those that are parked: a person moves these.

        late are those that have not moved since. Of very many, being looked at by the sweep counts as moving, and
        oldest_at is of the one that was least lately looked at. Raises StoreBusy.
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
