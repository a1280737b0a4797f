"""How far readers of the change feed have come, seen from outside. Raises StoreBusy, AppendUnknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from shared.codec.values import time_from_json, time_to_json

PUBLISHED: Final = "parts"
PROJECTED: Final = "projected"
"""Under which names it is remembered where each reader stood: of the publisher, and of the read model."""


@dataclass(frozen=True, slots=True)
class Unread:
    """How far a reader has come in one part of the feed. position: where the reader's lease stands, as it stands there.

    newest: the number of the last change in the part.
    """

    part: str
    position: str
    newest: int

    @property
    def read_to(self) -> int:
        """The number of the last change that was read; 0 before the first."""
        digits = self.position.strip('"')
        return int(digits) if digits.isdecimal() else 0

    @property
    def changes(self) -> int:
        """How many are left to read."""
        return max(0, self.newest - self.read_to)


def has_read_all(parts: Sequence[Unread]) -> bool:
    """Whether a reader has read everything; one that was never there has not."""
    return bool(parts) and not any(each.changes for each in parts)


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one reader of the feed. since: when each part that has something to read was first seen where it is.

    A part's lag is how long its position has not moved while there was something to read: zero while the reader keeps
    up, and too small by at most the time between two looks.
    """

    parts: Sequence[Unread]
    since: Mapping[str, datetime]

    @property
    def changes(self) -> int:
        """How many are left to read."""
        return sum(each.changes for each in self.parts)

    def seconds(self, now: datetime) -> float:
        """Of the part that stands still the longest."""
        return max(((now - moment).total_seconds() for moment in self.since.values()), default=0.0)

    def remembered(self) -> dict[str, Any]:
        """Plain JSON, for the next look."""
        return {
            each.part: {"position": each.position, "since": time_to_json(self.since[each.part])}
            for each in self.parts
            if each.part in self.since
        }


def lag_of(parts: Sequence[Unread], *, before: Mapping[str, Any], now: datetime) -> Lag:
    """before: what was remembered of the look before this one."""
    return Lag(parts, {each.part: _since(each, before=before, now=now) for each in parts if each.changes})


def _since(part: Unread, *, before: Mapping[str, Any], now: datetime) -> datetime:
    seen = before.get(part.part)
    if seen is not None and seen["position"] == part.position:
        return time_from_json(seen["since"])
    return now


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at the feed has seen. documents: events as they are stored, each part in its order.

    position: where the next look goes on. unread: as Outbox.unread has it. is_whole: False when there was more than
    one look may read: then something between this look and the next one may be missing.
    """

    documents: Sequence[Mapping[str, Any]]
    position: Mapping[str, str]
    unread: Mapping[str, Sequence[Unread]]
    is_whole: bool


class Outbox(Protocol):
    """The progress of readers through the change feed. A reader may be dead while somebody looks."""

    async def unread(self) -> Mapping[str, Sequence[Unread]]:
        """By the prefix of a reader's leases: one for each part of the feed, none before the first lease.

        Raises StoreBusy.
        """

    async def look(self, position: Mapping[str, str] | None, *, since: datetime, limit: int) -> Look:
        """What was stored behind the position; with none, what was stored since then. Some `limit` events at most.

        How far the readers have come is seen by the same requests. An event that was erased meanwhile comes again.
        Raises StoreBusy, and StoreRefuses for a position that is of no use any more.
        """

    async def remembered(self) -> dict[str, Any]:
        """What was last handed to remember; {} the first time. Raises StoreBusy."""

    async def remember(self, seen: Mapping[str, Any]) -> None:
        """Keep plain JSON for the next measurement, maybe in another process. Raises StoreBusy, AppendUnknown."""
