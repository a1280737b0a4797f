"""Where the rows of the read model are. Raises StoreBusy, AppendUnknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.rows import Row


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
        """Store over the row that was read (its etag), or as a new one. False: another was first; read again.

        Raises StoreBusy, AppendUnknown.
        """

    async def stuck(self, owes: str, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        """Rows that owe this and have neither moved nor been looked at by the sweep since. Raises StoreBusy.

        owes: a step, or what stands there when it is not known.
        """

    async def list(self, *, settled: bool | None, limit: int, page: str | None = None) -> RowPage:
        """Rows in the store's order. Raises StoreBusy, PageUnknown."""
