"""Outbox on Azure Cosmos DB: how far the leases of readers are behind the container they read.

A lease holds the log sequence number up to which its part of the feed was handled. The session token of any answer from
that part holds the newest one. Their difference is what is unread, in transactions. The .NET change feed estimator and
the KEDA scaler calculate the same. To know that, only headers of answers are used. Knows no event.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from shared.adapters.cosmos import feeds
from shared.adapters.cosmos.faults import reading, writing
from shared.ports.outbox import Look, Unread

_RID_KEPT_S = 60.0
"""A container that was deleted and made again has another resource id. Then the lag is wrong for so long at most."""

_MEMORY = "regis-pay.backlog"
"""A document beside the leases; its id must not begin with a lease prefix."""


@dataclass(slots=True)
class _Parts:
    """The physical partitions: the newest log sequence number of each, by its id.

    A lease names one by its id (`0`), or by the bounds of its hashed keys (`-1F`).
    """

    newest: dict[str, int] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, dict[str, Any]] = field(default_factory=dict)

    def name(self, lease_token: str) -> str:
        return self.named.get(lease_token, lease_token)

    def note(self, feed_range: dict[str, Any], tokens: Sequence[str]) -> None:
        """What the session tokens of a feed say."""
        bounds = feed_range["Range"]
        for token in tokens:
            part, _, numbers = token.partition(":")
            self.named[f"{bounds['min']}-{bounds['max']}"] = part
            self.ranges[part] = feed_range
            self.newest[part] = max(self.newest.get(part, 0), _global_number(numbers))


class CosmosOutbox:
    """The leases of some functions over one container; each has a prefix of its own."""

    def __init__(self, events: ContainerProxy, leases: ContainerProxy, *, lease_prefixes: Sequence[str]) -> None:
        self._events = events
        self._leases = leases
        self._prefixes = tuple(lease_prefixes)
        self._rid: tuple[str, float] | None = None
        self._known: frozenset[str] = frozenset()
        """The parts that there were when a look last began anew. One that was split answers for one half at a time."""

    async def unread(self) -> Mapping[str, Sequence[Unread]]:
        """When several leases name one part, the furthest counts: so far the part was read."""
        async with reading("measure the outbox"):
            parts = _Parts()
            async for feed_range in self._events.read_feed_ranges():
                parts.note(feed_range, (await feeds.from_now(self._events, feed_range)).tokens)
            return await self._unread_in(parts)

    async def look(self, position: Mapping[str, str] | None, *, since: datetime, limit: int) -> Look:
        async with reading("look at the outbox"):
            if position is None:
                return await self._first_look(since=since, limit=limit)
            parts, reads = _Parts(), {}
            for name, at in position.items():
                reads[name] = await feeds.from_position(self._events, at, limit=limit)
                parts.note(json.loads(name), reads[name].tokens)
            return Look(
                documents=[document for read in reads.values() for document in read.documents],
                position={name: read.position for name, read in reads.items()},
                unread=await self._unread_in(parts),
                is_whole=all(read.is_end for read in reads.values()) and parts.newest.keys() <= self._known,
            )

    async def _first_look(self, *, since: datetime, limit: int) -> Look:
        """Where the feed ends now is noted first; what is stored after that is left to the next look."""
        parts, position, documents, is_whole = _Parts(), {}, [], True
        async for feed_range in self._events.read_feed_ranges():
            end = await feeds.from_now(self._events, feed_range)
            parts.note(feed_range, end.tokens)
            position[json.dumps(feed_range)] = end.position
            read = await feeds.from_time(self._events, feed_range, since=since, limit=limit)
            newest = max(_global_number(token.partition(":")[2]) for token in end.tokens)
            documents += [document for document in read.documents if document["_lsn"] <= newest]
            is_whole = is_whole and read.is_end
        self._known = frozenset(parts.newest)
        return Look(documents=documents, position=position, unread=await self._unread_in(parts), is_whole=is_whole)

    async def _unread_in(self, parts: _Parts) -> Mapping[str, Sequence[Unread]]:
        container = await self._container_rid()
        query = "SELECT c.id, c.LeaseToken, c.ContinuationToken FROM c WHERE IS_DEFINED(c.LeaseToken)"
        leases = [lease async for lease in self._leases.query_items(query)]
        over_it = [lease for lease in leases if container in lease["id"]]  # an older one's may still lie there
        await self._look_into_empty_parts(parts, leases=over_it)
        return {
            prefix: _unread([lease for lease in over_it if lease["id"].startswith(prefix)], parts=parts)
            for prefix in self._prefixes
        }

    async def _container_rid(self) -> str:
        """Definitions are read from a small budget that all share, so not at every look."""
        now = asyncio.get_running_loop().time()
        if self._rid is None or now - self._rid[1] > _RID_KEPT_S:
            self._rid = str((await self._events.read())["_rid"]), now
        return self._rid[0]

    async def _look_into_empty_parts(self, parts: _Parts, *, leases: Sequence[Mapping[str, Any]]) -> None:
        """A part without documents may have a number all the same, and its readers never a position: that is no lag."""
        unread = {parts.name(lease["LeaseToken"]) for lease in leases if not lease["ContinuationToken"]}
        for part in unread & parts.ranges.keys():
            if parts.newest[part] and not await self._holds_any(parts.ranges[part]):
                parts.newest[part] = 0

    async def _holds_any(self, feed_range: dict[str, Any]) -> bool:
        changes = self._events.query_items_change_feed(feed_range=feed_range, start_time="Beginning", max_item_count=1)
        async for _ in changes:
            return True
        return False

    async def remembered(self) -> dict[str, Any]:
        async with reading("read the last measurement"):
            try:
                document = await self._leases.read_item(_MEMORY, partition_key=_MEMORY)
            except CosmosResourceNotFoundError:
                return {}
        seen: dict[str, Any] = json.loads(document["seen"])
        return seen

    async def remember(self, seen: Mapping[str, Any]) -> None:
        async with writing("keep this measurement"):
            await self._leases.upsert_item({"id": _MEMORY, "seen": json.dumps(seen)}, no_response=True)


def _unread(leases: Sequence[Mapping[str, Any]], *, parts: _Parts) -> list[Unread]:
    """How far each part was read. One without a lease was not, once the reader has any."""
    found = {part: Unread(part, "", newest) for part, newest in parts.newest.items()} if leases else {}
    for lease in leases:
        part = parts.name(lease["LeaseToken"])
        here = Unread(part, lease["ContinuationToken"] or "", parts.newest.get(part, 0))
        found[part] = max(found.get(part, here), here, key=lambda each: each.read_to)
    return list(found.values())


def _global_number(numbers: str) -> int:
    """The global number of a session token `version#global#region=local...` or `version#global`."""
    parts = numbers.split("#")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0
