"""A model of request charges (RU). Estimates, good for comparing designs, not for a bill.

The table of sizes is Microsoft's ("Understand request unit consumption": reads and writes by item size). Everything
that is not in it - indexing, queries, feed pages, refusals - is an estimate of ours and says so. Knows no storage.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
SIZES: Final = tuple(size * KIB for size in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048))
READS: Final = (1.0, 1.04, 1.14, 1.33, 1.67, 2.19, 4.76, 9.95, 20.28, 40.95, 145.9, 291.8)
WRITES: Final = (4.95, 6.29, 6.67, 7.04, 9.52, 11.23, 22.67, 48.19, 98.29, 184.57, 625.0, 1250.0)
PER_INDEXED_LEAF: Final = 0.25
"""Estimate: what each indexed scalar adds to a write."""
REPLACE_FACTOR: Final = 2.0
"""Estimate: a replace removes the old version's index entries and writes the new ones."""
QUERY: Final = 2.3
PER_ROW: Final = 0.05
PER_ITEM_READ: Final = 0.05
"""Estimates: a query's base, what each returned row adds, and each item that is read only to be looked at."""
FEED_POLL: Final = 1.0
REFUSED: Final = 1.0
"""Estimates: a feed poll that finds nothing; a request that is refused after a look-up."""


@dataclass(frozen=True, slots=True)
class Charges:
    """The prices of an account. Strong consistency doubles every read: two replicas are asked."""

    strong: bool

    def read(self, size: int) -> float:
        return self._reads(_by_size(READS, size))

    def write(self, size: int, *, indexed_leaves: int, replaces: bool = False) -> float:
        cost = _by_size(WRITES, size) + PER_INDEXED_LEAF * indexed_leaves
        return round(cost * (REPLACE_FACTOR if replaces else 1.0), 2)

    def query(self, *, rows: int, size: int, items_read: int = 0) -> float:
        """items_read: how many there are, for a query that no index serves."""
        returned = _by_size(READS, size) - READS[0]
        return self._reads(QUERY + PER_ROW * rows + returned + PER_ITEM_READ * items_read)

    def feed(self, *, size: int) -> float:
        return self._reads(FEED_POLL + (_by_size(READS, size) if size else 0.0))

    def _reads(self, cost: float) -> float:
        return round(cost * (2.0 if self.strong else 1.0), 2)


def _by_size(prices: tuple[float, ...], size: int) -> float:
    """Interpolated between the rows of the table; below the first row its price, above the last in proportion."""
    place = bisect_right(SIZES, size)
    if place == 0:
        return prices[0]
    if place == len(SIZES):
        return prices[-1] * size / SIZES[-1]
    low, high = SIZES[place - 1], SIZES[place]
    return prices[place - 1] + (prices[place] - prices[place - 1]) * (size - low) / (high - low)
