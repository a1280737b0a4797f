"""A change feed and a lease container in memory, and a processor on them. Knows no SDK."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from local.azure.host.errors import InvocationFailed
from local.azure.host.feed import Document, FeedOptions, FeedProcessor, Page
from local.azure.host.leases import FeedRange, Holder, LeaseBook, LeaseChanged, LeaseDocument
from local.azure.host.retry import ENDLESS, RetryPolicy
from local.azure.host.wire import RetryContext
from tests.clock import IN_2030, ManualClock

LOW, HIGH = FeedRange("", "20", 0), FeedRange("20", "FF", 1)
AT_ONCE = RetryPolicy(ENDLESS, minimum_s=0.0, maximum_s=0.0)
NEVER = RetryPolicy(ENDLESS, minimum_s=3600.0, maximum_s=3600.0)


@dataclass
class MemoryFeed:
    """Changes per range; a page holds two. The continuation is the number of changes read."""

    changes: dict[FeedRange, list[str]]
    is_down: bool = False
    waits: bool = False
    """Whether a read that may waits for ever when there is nothing new."""
    may_wait: list[bool] = field(default_factory=list)
    """Of each read that was answered or failed."""

    async def ranges(self) -> list[FeedRange]:
        return list(self.changes)

    async def read(self, feed_range: FeedRange, *, continuation: str | None, may_wait: bool) -> Page:
        await asyncio.sleep(0)
        start = int(continuation or 0)
        while self.waits and may_wait and not self.is_down and len(self.changes[feed_range]) <= start:
            await asyncio.sleep(0.001)
        self.may_wait.append(may_wait)
        if self.is_down:
            raise ConnectionError("the store is down")
        found = self.changes[feed_range][start : start + 2]
        return Page([{"id": name} for name in found], str(start + len(found)))


@dataclass
class MemoryLeases:
    """A lease container."""

    documents: dict[str, LeaseDocument] = field(default_factory=dict)
    is_down: bool = False
    _etags: "itertools.count[int]" = field(default_factory=itertools.count)

    async def read(self, lease_id: str) -> LeaseDocument | None:
        self._check()
        found = self.documents.get(lease_id)
        return dict(found) if found else None

    async def beginning(self, prefix: str) -> list[LeaseDocument]:
        self._check()
        return [dict(found) for name, found in self.documents.items() if name.startswith(prefix)]

    async def create(self, document: LeaseDocument) -> LeaseDocument:
        self._check()
        if document["id"] in self.documents:
            raise LeaseChanged(document["id"])
        return self._store(document)

    async def replace(self, document: LeaseDocument) -> LeaseDocument:
        self._check()
        if self.documents.get(document["id"], {}).get("_etag") != document["_etag"]:
            raise LeaseChanged(document["id"])
        return self._store(document)

    def of(self, feed_range: FeedRange) -> LeaseDocument:
        return self.documents[f"sample..{feed_range.token}"]

    def _store(self, document: LeaseDocument) -> LeaseDocument:
        stored = {**document, "_etag": f'"{next(self._etags)}"'}
        self.documents[document["id"]] = stored
        return dict(stored)

    def _check(self) -> None:
        if self.is_down:
            raise ConnectionError("the store is down")


class Work:
    """A function that notes what it is given, and fails or waits when the test wants it to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tries: list[int] = []
        self.fails = False
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, documents: list[Document], retry: RetryContext) -> None:
        self.seen += [document["id"] for document in documents]
        self.tries.append(retry.retry_count)
        await self.may_end.wait()
        if self.fails:
            raise InvocationFailed("f", reason="refused")


@dataclass
class Setup:
    """What a host needs to process a feed. Two hosts on one setup share feed, leases and clock."""

    feed: MemoryFeed
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    clock: ManualClock = field(default_factory=lambda: ManualClock(IN_2030))

    @asynccontextmanager
    async def host(
        self, work: Callable[[list[Document], RetryContext], Awaitable[Any]], **options: Any
    ) -> AsyncIterator[FeedProcessor]:
        processor = self.processor(work, **options)
        await processor.start()
        try:
            yield processor
        finally:
            await processor.abort()

    def processor(
        self,
        work: Callable[[list[Document], RetryContext], Awaitable[Any]],
        *,
        host_id: str = "one",
        instance: str = "1",
        retry: RetryPolicy = AT_ONCE,
        poll_delay_s: float = 0.01,
        renew_interval_s: float = 3600.0,
    ) -> FeedProcessor:
        async def open_leases() -> LeaseBook:
            holder = Holder(host_id, instance)
            return LeaseBook(self.leases, prefix="sample", holder=holder, expiration_s=60.0, clock=self.clock)

        options = FeedOptions(poll_delay_s, acquire_interval_s=0.01, renew_interval_s=renew_interval_s, retry=retry)
        return FeedProcessor("f", feed=self.feed, open_leases=open_leases, run=work, options=options)


def setup(*names: str) -> Setup:
    return Setup(MemoryFeed({LOW: list(names)}))
