"""Who reads which range of a change feed, and how far it has been read. Must not know the SDK or what is read.

The documents look like those of the .NET change feed processor, one per range. An etag guards every update: when two
hosts write, one loses and knows it. One more document, `.info`, says that there is one for every range.
"""

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

_log = logging.getLogger(__name__)

type LeaseDocument = dict[str, Any]
type Clock = Callable[[], dt.datetime]

_VERSION = 0  # of the documents, in the .NET processor


class LeaseLost(Exception):
    """Another host has taken the lease."""


class LeaseChanged(Exception):
    """The document is not as we last saw it, or is gone, or is already there."""


@dataclass(frozen=True, slots=True)
class FeedRange:
    """A part of a container, from `low` up to but without `high`, in hashed partition keys."""

    low: str
    high: str
    place: int = 0
    """Among the ranges; by it the lease is named."""

    @property
    def token(self) -> str:
        return str(self.place)


class LeaseStore(Protocol):
    """The lease container. Documents carry `_etag`."""

    async def read(self, lease_id: str) -> LeaseDocument | None: ...

    async def beginning(self, prefix: str) -> list[LeaseDocument]:
        """The documents whose ids begin like that."""

    async def create(self, document: LeaseDocument) -> LeaseDocument:
        """Raises `LeaseChanged` when it is already there."""

    async def replace(self, document: LeaseDocument) -> LeaseDocument:
        """Raises `LeaseChanged` unless the stored document still has this one's etag."""


@dataclass(frozen=True, slots=True)
class Holder:
    """`host_id` outlives a restart, so a restarted host takes its own leases back at once; `instance` does not.

    Microsoft's has no such id: it waits until the leases of the instance before have expired.
    """

    host_id: str
    instance: str


class LeaseBook:
    """The leases of one function's feed. `prefix` sets them apart from those of other functions and containers."""

    def __init__(self, store: LeaseStore, *, prefix: str, holder: Holder, expiration_s: float, clock: Clock) -> None:
        self._store = store
        self._prefix = prefix
        self._holder = holder
        self._expiration_s = expiration_s
        self._clock = clock
        self._once_held: set[str] = set()
        self._reported: set[str] = set()

    async def ranges(self, current: Callable[[], Awaitable[list[FeedRange]]]) -> list[FeedRange]:
        """The ranges as first seen. Ranges that Cosmos DB has split since are read as the one they were."""
        info_id = f"{self._prefix}.info"
        if await self._store.read(info_id) is None:
            for feed_range in await current():
                with contextlib.suppress(LeaseChanged):  # another host is doing the same
                    await self._store.create(self._fresh(feed_range))
            with contextlib.suppress(LeaseChanged):
                await self._store.create({"id": info_id})
        leases = await self._store.beginning(f"{self._prefix}..")
        return sorted(map(_range_of, leases), key=lambda feed_range: feed_range.place)

    async def acquire(self, feed_range: FeedRange) -> "HeldLease | None":
        """Take the lease if it is new, free, expired or ours. None when a living host has it."""
        lease_id = self._lease_id(feed_range)
        try:
            found = await self._store.read(lease_id) or await self._store.create(self._fresh(feed_range))
            if not self._may_take(found):
                self._report(found)
                return None
            taken = await self._store.replace(found | self._ours())
        except LeaseChanged:
            return None  # another host was quicker; it is looked at again
        self._once_held.add(lease_id)
        self._reported.discard(lease_id)
        return HeldLease(self._store, taken, stamp=self._ours)

    def _lease_id(self, feed_range: FeedRange) -> str:
        return f"{self._prefix}..{feed_range.token}"

    def _fresh(self, feed_range: FeedRange) -> LeaseDocument:
        return {
            "id": self._lease_id(feed_range),
            "version": _VERSION,
            "LeaseToken": feed_range.token,
            "FeedRange": {"Range": {"min": feed_range.low, "max": feed_range.high}},
            "Owner": None,
            "ContinuationToken": None,
            "properties": {},
            "timestamp": self._clock().isoformat(),
            "Mode": "Incremental Feed",
        }

    def _ours(self) -> LeaseDocument:
        return {
            "Owner": self._holder.instance,
            "properties": {"host": self._holder.host_id},
            "timestamp": self._clock().isoformat(),
        }

    def _may_take(self, found: LeaseDocument) -> bool:
        if found["Owner"] is None or self._expires_in(found) <= 0:
            return True
        if found["properties"].get("host") != self._holder.host_id:
            return False
        is_this_process = found["Owner"] == self._holder.instance
        # A lease with our name that we never had in this process is from before a restart. One that we had and lost
        # belongs to a second process with the same name: to take it back at once would be a tug of war.
        return is_this_process or found["id"] not in self._once_held

    def _expires_in(self, found: LeaseDocument) -> float:
        age = self._clock() - dt.datetime.fromisoformat(found["timestamp"])
        return self._expiration_s - age.total_seconds()

    def _report(self, found: LeaseDocument) -> None:
        if found["id"] not in self._reported:
            self._reported.add(found["id"])
            holder, left_s = found["properties"].get("host") or found["Owner"], self._expires_in(found)
            _log.warning("lease %s: held by host %s, free in %.0f s unless it is renewed", found["id"], holder, left_s)


def _range_of(lease: LeaseDocument) -> FeedRange:
    bounds = lease["FeedRange"]["Range"]
    return FeedRange(bounds["min"], bounds["max"], int(lease["LeaseToken"]))


class HeldLease:
    """A lease while it is ours. Its updates go one after another, for each needs the etag of the one before."""

    def __init__(self, store: LeaseStore, document: LeaseDocument, *, stamp: Callable[[], LeaseDocument]) -> None:
        self._store = store
        self._document = document
        self._stamp = stamp
        self._turn = asyncio.Lock()
        self._is_lost = False

    @property
    def continuation(self) -> str | None:
        value: str | None = self._document["ContinuationToken"]
        return value

    def check(self) -> None:
        """Raises `LeaseLost` when an update has told that it is no longer ours."""
        if self._is_lost:
            raise LeaseLost(f"lease {self._document['id']}: another host has taken it")

    async def renew(self) -> None:
        await self._update(self._stamp)

    async def checkpoint(self, continuation: str | None) -> None:
        """Everything up to `continuation` has been dealt with."""
        await self._update(lambda: self._stamp() | {"ContinuationToken": continuation})

    async def release(self) -> None:
        """Any host may take it now."""
        await self._update(lambda: {"Owner": None, "properties": {}})

    async def _update(self, changes: Callable[[], LeaseDocument]) -> None:
        async with self._turn:
            self.check()
            try:
                self._document = await self._store.replace(self._document | changes())
            except LeaseChanged:
                self._is_lost = True
                self.check()
