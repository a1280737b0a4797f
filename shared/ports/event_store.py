"""Where the streams of events are kept. Raises StreamMoved, AppendUnknown, StoreBusy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.stream import StoredEvent


@dataclass(frozen=True, slots=True)
class Appended:
    """The events as they are stored: those of this call, or the same facts of an earlier call of ours (not new)."""

    events: tuple[StoredEvent, ...]
    is_new: bool


class EventStore(Protocol):
    """The streams of events, one per payment. Never updates, never deletes."""

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        """Add consecutive events of one payment, all or none, in one conditional write.

        Raises StreamMoved (others stand there) and AppendUnknown: load and decide again. StoreBusy: nothing is written.
        """

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        """All events in order of version; () for a payment that is not there. Raises StoreBusy."""

    async def load_document(self, event_id: str) -> Mapping[str, Any] | None:
        """One event as it is stored, readable or not: for what the publisher could not map. Raises StoreBusy."""

    async def ping(self) -> None:
        """Raises StoreBusy for any reason why the store does not answer."""
