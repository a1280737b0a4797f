"""The change feed in its LatestVersion mode: each physical partition is a log, ordered by log sequence number.

An item stands in it once, at its last write; deletes do not appear. Knows no protocol: a continuation is a number.
"""

from dataclasses import dataclass
from typing import Final

from local.azure.cosmos.charges import Charges
from local.azure.cosmos.store import Row, Scope, Store

PAGE_ITEMS: Final = 100
PAGE_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of the feed: the items, and the sequence number to go on from."""

    rows: list[Row]
    continuation: int
    charge: float


class Feed:
    """Reads the change feed."""

    def __init__(self, store: Store, charges: Charges) -> None:
        self._store = store
        self._charges = charges

    def now(self, scope: Scope) -> Changes:
        """Nothing yet: the place behind everything that is there."""
        return Changes([], self._current(scope), self._charges.feed(size=0))

    def read(self, scope: Scope, *, after: int = 0, since: int = 0, size: int | None = None) -> Changes:
        """The changes behind a sequence number that were made at `since` (seconds since the epoch) or later.

        A page never splits a transaction: its items have one sequence number and come together, however many.
        """
        rows: list[Row] = []
        weight = 0
        for row in self._store.changes(scope, after=after, since=since):
            full = len(rows) >= (size or PAGE_ITEMS) or weight > PAGE_BYTES
            if full and row.lsn != rows[-1].lsn:
                return Changes(rows, rows[-1].lsn, self._charges.feed(size=weight))
            rows.append(row)
            weight += len(row.body)
        return Changes(rows, self._current(scope), self._charges.feed(size=weight))

    def _current(self, scope: Scope) -> int:
        return self._store.lsns(scope.container)[scope.range or 0]
