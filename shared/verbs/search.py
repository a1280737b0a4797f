"""search: a page of payments from the read model, newest first, and how old it may be. Changes no payment.

Knows no HTTP and no Cosmos.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import flow
from shared.codec.cursors import position_in, to_cursor
from shared.codec.rows import HIGHEST, LOWEST, position_at, position_of
from shared.codec.values import time_to_json
from shared.domain.rows import Row
from shared.errors import PaymentsError, RowsNotReady
from shared.ports.outbox import has_read_all
from shared.ports.overview import RowFilter
from shared.services import Services

LOOKS = 12
"""Months that one page looks into at most. A page that has not seen all may be short or empty, and names the next."""

KEPT = timedelta(seconds=2)
"""How long a process believes what it last saw of the feed. A look costs about 10 RU, a page of 50 payments 18."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payments; None means any. The times are of the initiation; the first is included, the second is not."""

    payment_id: str | None = None
    status: str | None = None
    reference: str | None = None
    settled: bool | None = None
    owes: str | None = None
    initiated_from: datetime | None = None
    initiated_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some payments, newest first, and where the next ones begin; None at the end."""

    rows: Sequence[Row]
    next_page: str | None


async def search(merchant_id: str | None, wanted: Wanted, *, limit: int, page: str | None, services: Services) -> Page:
    """The next payments of a merchant, or of all merchants for None. Raises StoreBusy, PageUnknown.

    What was there when the first page was read is in the pages once, whatever comes in meanwhile: a payment never moves
    in the list.
    """
    asked = _asked(merchant_id, wanted)
    within = _filter(wanted, below=position_in(page, asked=asked) if page else HIGHEST)
    with services.telemetry.span("search"):
        rows, below = (
            await _everywhere(within, limit=limit, services=services)
            if merchant_id is None
            else await _by_month(merchant_id, within, limit=limit, services=services)
        )
    return Page(rows=rows, next_page=to_cursor(below, asked=asked) if below else None)


def _asked(merchant_id: str | None, wanted: Wanted) -> dict[str, object]:
    """What a cursor is tied to."""
    times = {"from": wanted.initiated_from, "before": wanted.initiated_before}
    return {
        "merchant": merchant_id,
        "status": wanted.status,
        "reference": wanted.reference,
        "settled": wanted.settled,
        **({"owes": wanted.owes} if wanted.owes else {}),
        **({"payment": wanted.payment_id} if wanted.payment_id else {}),
        **{name: time_to_json(moment) if moment else None for name, moment in times.items()},
    }


def _filter(wanted: Wanted, *, below: str) -> RowFilter:
    before = position_at(wanted.initiated_before) if wanted.initiated_before else HIGHEST
    return RowFilter(
        payment_id=wanted.payment_id,
        status=wanted.status,
        reference=wanted.reference,
        settled=wanted.settled,
        owes=wanted.owes,
        low=position_at(wanted.initiated_from) if wanted.initiated_from else LOWEST,
        high=min(before, below),
    )


type _Some = tuple[list[Row], str | None]
"""The rows of a page, and the position below which the next one goes on."""


def _cut(rows: Sequence[Row], *, limit: int) -> _Some:
    """One more than the limit was asked for: it tells whether there is a next page."""
    return list(rows[:limit]), position_of(rows[limit - 1]) if len(rows) > limit else None


async def _everywhere(within: RowFilter, *, limit: int, services: Services) -> _Some:
    return _cut(await services.overview.newest(within, limit=limit + 1), limit=limit)


async def _by_month(merchant_id: str, within: RowFilter, *, limit: int, services: Services) -> _Some:
    """The merchant's months from the newest on, until the page is full or enough months were looked into."""
    months = await services.overview.months(merchant_id, first=within.low[:7], last=within.high[:7], limit=LOOKS + 1)
    rows: list[Row] = []
    for month in months[:LOOKS]:
        left = limit + 1 - len(rows)
        rows += await services.overview.newest_in(month, merchant_id=merchant_id, wanted=within, limit=left)
        if len(rows) > limit:
            return _cut(rows, limit=limit)
    return rows, months[LOOKS - 1] if len(months) > LOOKS else None


class Freshness:
    """Up to when what a list shows is whole. Looked at once in a while, whoever asks; one per process and function."""

    def __init__(self) -> None:
        self._as_of: datetime | None = None
        self._looked_at: datetime | None = None
        self._is_noted = False
        self._fault: PaymentsError | None = None
        self._looking = asyncio.Lock()

    async def as_of(self, *, services: Services) -> datetime:
        """Every event that was stored until then is in the list; later ones may be.

        Raises StoreBusy, and RowsNotReady while the rows are filled for the first time.
        """
        async with self._looking:  # many who ask at once make one look
            now = services.clock.now()
            if self._looked_at is None or not timedelta(0) <= now - self._looked_at < KEPT:
                self._looked_at, self._fault = now, None
                try:
                    self._as_of = await self._look(now, services=services)
                except PaymentsError as fault:  # for all who wait: each look of their own would wait as long
                    self._fault = fault
        if self._fault is not None:
            raise self._fault
        if self._as_of is None:
            raise RowsNotReady("the list of payments is being filled, and would not be whole yet: ask again later")
        return self._as_of

    async def _look(self, now: datetime, *, services: Services) -> datetime | None:
        """Now, when project has read everything; else what was noted last, by the timer that measures or here."""
        parts = (await services.outbox.unread())[flow.PROJECT_LEASE_PREFIX]
        if not has_read_all(parts):
            return await services.overview.whole_as_of()
        if not self._is_noted:
            if await services.overview.whole_as_of() is None:
                with suppress(PaymentsError):  # the timer that measures notes it too
                    await services.overview.note_whole(now)
            self._is_noted = True
        return now
