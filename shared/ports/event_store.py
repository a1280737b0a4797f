"""Where the streams of events are kept. Raises StreamMoved, AppendUnknown, StoreBusy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.erasure import Erasure
from shared.domain.stream import StoredEvent


@dataclass(frozen=True, slots=True)
class Appended:
    """The events as they are stored: those of this call, or the same facts of an earlier call of ours (not new)."""

    events: tuple[StoredEvent, ...]
    is_new: bool


class EventStore(Protocol):
    """The streams of events, one per payment. Never deletes, and changes nothing but what `erase` says."""

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        """Add consecutive events of one payment, all or none, in one conditional write.

        Raises StreamMoved (others stand there) and AppendUnknown: load and decide again. StoreBusy: nothing is written.
        """

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        """All events in order of version; () for a payment that is not there. Raises StoreBusy."""

    async def load_document(self, event_id: str) -> Mapping[str, Any] | None:
        """One event as it is stored, readable or not: for what the publisher could not map. Raises StoreBusy."""

    async def erase(self, payment_id: str, *, erasure: Erasure) -> None:
        """Take the merchant's own words out of all events of a payment, in one conditional write: all or none.

        Of an event that holds words, these fields alone are changed, and the erasure is noted beside them. What holds
        none is left as it is: so a repeat changes nothing, and an unknown payment has nothing to change. Raises
        StreamMoved (an event was changed meanwhile, nothing was written) and AppendUnknown: do it again. Unreadable,
        StoreBusy: nothing was written.
        """

    async def ping(self) -> None:
        """Raises StoreBusy for any reason why the store does not answer."""
