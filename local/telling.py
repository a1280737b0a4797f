"""What `make run` says of the payments that come after the sample: one line each time that one moves.

Asks the app for its list of payments once a second, all merchants' as an operator sees them, and decides nothing. The
platform does not depend on it: whatever the app answers, it goes on.
"""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime

import aiohttp

from local.asking import FOLLOWED, Away, Json, Unwilling, ask
from terminal.money import money
from terminal.text import printable

EVERY_S = 1.0
LINES = 20
"""At most so many in a second; payments beyond that are counted."""


@contextlib.asynccontextmanager
async def payments_told(url: str) -> AsyncIterator[None]:
    """Prints lines until the end of the block. url: the function app's."""
    telling = asyncio.create_task(_tell(url, since=datetime.now(UTC)))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait([telling])


class Moves:
    """Which payments have moved since the last look. Forgets those that are not among the newest any more."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._seen: dict[str, tuple[object, ...]] = {}

    def among(self, rows: Iterable[Json]) -> list[Json]:
        """Oldest first. What happened before the time is not told, also when the list brings it late."""
        shown = {row["id"]: row for row in rows}
        before, self._seen = self._seen, {payment_id: _standing(row) for payment_id, row in shown.items()}
        moved = [shown[each] for each in reversed(shown) if self._seen[each] != before.get(each)]
        return [row for row in moved if datetime.fromisoformat(row["moved_at"]) >= self._since]


def lines(moved: Sequence[Json]) -> list[str]:
    """One for each payment; after LINES of them, one for the rest."""
    told, rest = moved[:LINES], moved[LINES:]
    counts = Counter(each["status"] for each in rest)
    counted = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return [*map(_line, told), *([f"  ... and {len(rest)} more payments: {counted}"] if rest else [])]


async def _tell(url: str, *, since: datetime) -> None:
    moves = Moves(since)
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                page = await ask(http, f"{url}/api/ops/payments?limit={FOLLOWED}")
            except Away:
                page = {"payments": []}  # the host is very busy: a later round tells where the payments are then
            except Unwilling as exc:
                print(printable(f"later payments are not shown: {exc}"), file=sys.stderr)
                return
            if page["payments"]:
                for line in lines(moves.among(page["payments"])):
                    print(printable(line), flush=True)
            await asyncio.sleep(EVERY_S)


def _standing(row: Json) -> tuple[object, ...]:
    """When one of these is another, the payment has moved."""
    return row["status"], row["refunded_minor"], row["disputed_minor"], tuple(row["broken"])


def _line(row: Json) -> str:
    at = datetime.fromisoformat(row["moved_at"]).strftime("%H:%M:%S")
    return "  ".join([f"  {at}", row["id"], money(row) or "-", row["reference"] or "-", row["status"], *_more(row)])


def _more(row: Json) -> list[str]:
    """What the status does not say."""
    parts = {"refunded": "refunded_minor", "disputed": "disputed_minor"}
    moved = {word: money({**row, "amount_minor": row[name]}) for word, name in parts.items() if row[name]}
    broken = [f"broke: {', '.join(row['broken'])}"] if row["broken"] else []
    return [*(f"{amount} {word}" for word, amount in moved.items()), *broken]
