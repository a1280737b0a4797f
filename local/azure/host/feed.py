"""Fires a function for the changes of one Cosmos DB container. Must not know the SDK or the app.

Each feed range has a lease that says who reads it and how far it has been read. Per range: read a page, invoke until
it succeeds, note the page's end in the lease, read on. Never two pages of one range at once; ranges run in parallel.
After a crash the feed goes on from what is noted, so at most one page of each range comes twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from local.azure.host.errors import CannotStart
from local.azure.host.leases import FeedRange, HeldLease, LeaseBook, LeaseLost
from local.azure.host.pacing import Condition, Stop
from local.azure.host.retry import RetryPolicy, invoke_with_retries
from local.azure.host.wire import RetryContext

_log = logging.getLogger(__name__)

type Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    documents: list[Document]
    continuation: str | None
    """Where to read on after this page."""


class Feed(Protocol):
    """The changes of one container, range by range, oldest first."""

    async def ranges(self) -> list[FeedRange]: ...

    async def read(self, feed_range: FeedRange, *, continuation: str | None, may_wait: bool) -> Page:
        """The next changes; without a continuation from the very first one. No documents: nothing new.

        may_wait: for news, if the store can.
        """


@dataclass(frozen=True, slots=True)
class FeedOptions:
    poll_delay_s: float
    acquire_interval_s: float
    renew_interval_s: float
    retry: RetryPolicy


class FeedProcessor:
    """All ranges of one function's feed."""

    def __init__(
        self,
        name: str,
        *,
        feed: Feed,
        open_leases: Callable[[], Awaitable[LeaseBook]],
        run: Callable[[list[Document], RetryContext], Awaitable[object]],
        options: FeedOptions,
    ) -> None:
        self._name = name
        self._open_leases = open_leases
        self.feed = feed
        self.run = run
        self.options = options
        self.stop = Stop()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Return when every range's lease has been acquired, or is known to be held by another host that is alive."""
        book, ranges = await self._opened()
        workers = [RangeWorker(self._name, r, processor=self, leases=book) for r in ranges]
        self._tasks = [asyncio.create_task(worker.work()) for worker in workers]
        await asyncio.gather(*(worker.looked.wait() for worker in workers))

    async def drain(self) -> None:
        """Finish and note the pages under way, then let the leases go. A page that fails is left for the next start."""
        self.stop.tell()
        await asyncio.gather(*self._tasks)

    async def abort(self) -> None:
        """Give up the pages under way: nothing is noted, so they come again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _opened(self) -> tuple[LeaseBook, list[FeedRange]]:
        condition = Condition(f"{self._name}: Cosmos DB", _log)
        while True:
            try:
                book = await self._open_leases()
                ranges = await book.ranges(self.feed.ranges)
            except CannotStart:
                raise
            except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the store is tried again
                await self.stop.pause(condition.down(exc))
            else:
                condition.up()
                return book, ranges


class RangeWorker:
    """Reads one range for as long as its lease is ours."""

    def __init__(self, name: str, feed_range: FeedRange, *, processor: FeedProcessor, leases: LeaseBook) -> None:
        self._name = f"{name}: range {feed_range.token}"
        self._range = feed_range
        self._processor = processor
        self._leases = leases
        self._condition = Condition(f"{self._name}: Cosmos DB", _log)
        self.looked = asyncio.Event()
        """Set once the lease has been acquired, or found in other hands."""

    async def work(self) -> None:
        stop = self._processor.stop
        while not stop.is_told:
            try:
                held = await self._leases.acquire(self._range)
                self._condition.up()
                self.looked.set()
                if held is None:
                    await stop.pause(self._processor.options.acquire_interval_s)
                else:
                    await self._read_while(held)
            except LeaseLost as lost:
                _log.warning("%s: %s", self._name, lost)
            except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the store is tried again
                await stop.pause(self._condition.down(exc))
        self.looked.set()

    async def _read_while(self, held: HeldLease) -> None:
        """Read, invoke, note, until the lease is lost or it is time to stop; then let it go."""
        going = Stop()
        keepers = [asyncio.create_task(self._renew(held, going)), asyncio.create_task(self._end_with(going))]
        try:
            while not going.is_told:
                await self._next_page(held, going)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        held.check()
        await held.release()

    async def _next_page(self, held: HeldLease, going: Stop) -> None:
        options = self._processor.options
        try:
            read = self._processor.feed.read
            may_wait = not self._condition.is_down  # else it would be told late that the store answers again
            page = await going.unless_told(read(self._range, continuation=held.continuation, may_wait=may_wait))
            self._condition.up()
        except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the store is tried again
            await going.pause(self._condition.down(exc))
            return
        if page is None or not page.documents:
            await going.pause(options.poll_delay_s)
            return

        async def once(retry: RetryContext) -> object:
            return await self._processor.run(page.documents, retry)

        if await invoke_with_retries(once, policy=options.retry, pause=going.pause):
            await self._note(held, page.continuation)

    async def _note(self, held: HeldLease, continuation: str | None) -> None:
        """Checkpoint. While the store is down it is tried again: the function has done its work."""
        while True:
            try:
                await held.checkpoint(continuation)
                self._condition.up()
                return
            except LeaseLost:
                raise
            except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the store is tried again
                if not await self._processor.stop.pause(self._condition.down(exc)):
                    return

    async def _renew(self, held: HeldLease, going: Stop) -> None:
        while await going.pause(self._processor.options.renew_interval_s):
            try:
                await held.renew()
            except LeaseLost:
                going.tell()
            except Exception as exc:  # noqa: BLE001 - the edge: a store that is down is noticed by the reading too
                self._condition.down(exc)

    async def _end_with(self, going: Stop) -> None:
        await self._processor.stop.wait()
        going.tell()
