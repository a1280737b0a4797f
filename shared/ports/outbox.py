"""How far readers of the change feed have come, seen from outside. Raises StoreBusy, AppendUnknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


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


class Outbox(Protocol):
    """The progress of readers through the change feed. A reader may be dead while somebody looks."""

    async def unread(self) -> Mapping[str, Sequence[Unread]]:
        """By the prefix of a reader's leases: one for each part of the feed, none before the first lease.

        Raises StoreBusy.
        """

    async def remembered(self) -> dict[str, Any]:
        """What was last handed to remember; {} the first time. Raises StoreBusy."""

    async def remember(self, seen: Mapping[str, Any]) -> None:
        """Keep plain JSON for the next measurement, maybe in another process. Raises StoreBusy, AppendUnknown."""
