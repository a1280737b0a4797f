"""How far readers of the change feed have come, seen from outside. Raises StoreBusy, AppendUnknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Unread:
    """What a reader has still to read of one part of the feed. position: how far it has come; opaque."""

    part: str
    position: str
    changes: int


class Outbox(Protocol):
    """The progress of readers through the change feed. A reader may be dead while somebody looks."""

    async def unread(self) -> Mapping[str, Sequence[Unread]]:
        """By the prefix of a reader's leases: one for each part of the feed that has a lease. Raises StoreBusy."""

    async def remembered(self) -> dict[str, Any]:
        """What was last handed to remember; {} the first time. Raises StoreBusy."""

    async def remember(self, seen: Mapping[str, Any]) -> None:
        """Keep plain JSON for the next measurement, maybe in another process. Raises StoreBusy, AppendUnknown."""
