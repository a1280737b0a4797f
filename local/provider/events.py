"""The events that the merchant is to hear of, queued until it has: which is due, how long to wait after a failure.

Knows no protocol and not how an event is sent. Whoever takes an event says later what came of it. What `drain` gives
is on disk before anything is sent, so an event is told at least once, whenever the provider dies.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from local.provider.records import Dispute
from local.provider.store import Key, Record

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0


@dataclass(slots=True)
class Event:
    """That a dispute has changed, and how far the telling of it has come."""

    event_id: str
    type: str
    timestamp: str
    dispute_id: str
    payment_reference: str
    attempts: int = 0
    last_status: int | None = None
    """Of the last answer; None when none came."""
    last_fault: str | None = None
    """Why no answer came to the last attempt."""
    delivered_at: str | None = None
    is_owed: bool = True
    """Whether it is still to be sent: until it was heard, and again after somebody asked for a repeat."""
    failures: int = 0
    """In a row."""

    def as_json(self) -> Record:
        return {name: value for name, value in asdict(self).items() if name != "failures"}


class Events:
    """All events of one provider. When nobody is to be told, none is queued, and none is ever due."""

    def __init__(self, *, clock: Callable[[], datetime], new_id: Callable[[str], str], is_told: bool) -> None:
        self._clock = clock
        self._new_id = new_id
        self.is_told = is_told
        self._events: dict[str, Event] = {}
        self._numbers = itertools.count()
        self._waiting: dict[str, int] = {}
        self._by_time: list[tuple[datetime, int, str]] = []
        """A heap. An entry whose number is not the one in `_waiting` is of no account any more."""
        self._taken: set[str] = set()
        self._repeats: set[str] = set()
        self._changed: dict[Key, Record] = {}

    # --- what is told

    def announce(self, dispute: Dispute, type: str) -> None:  # noqa: A002 - the field's name
        if not self.is_told:
            return
        event = Event(
            event_id=self._new_id("evt_"),
            type=type,
            timestamp=dispute.decided_at or dispute.opened_at,
            dispute_id=dispute.dispute_id,
            payment_reference=dispute.payment_reference,
        )
        self._events[event.event_id] = event
        self._wait(event, seconds=0.0)

    def repeat(self, event_id: str) -> Event | None:
        """Have the event sent again, also one that was heard. None when there is no such event."""
        event = self._events.get(event_id)
        if event is None:
            return None
        if event_id in self._taken:
            self._repeats.add(event_id)
        else:
            event.is_owed = True
            self._wait(event, seconds=0.0)
        return event

    def listed(self, payment_reference: str | None = None) -> list[Record]:
        """In the order of what happened."""
        of_all = self._events.values()
        return [each.as_json() for each in of_all if payment_reference in {None, each.payment_reference}]

    # --- telling

    def take(self, at_most: int) -> list[Event]:
        """Events that are due, the longest first. Nobody else gets one until `heard` or `not_heard` gives it back."""
        taken: list[Event] = []
        while len(taken) < at_most and (due_at := self.next_due_at()) and due_at <= self._clock():
            _, _, event_id = heapq.heappop(self._by_time)
            del self._waiting[event_id]
            taken.append(self._events[event_id])
            self._taken.add(event_id)
        return taken

    def next_due_at(self) -> datetime | None:
        """Of those that nobody has taken; None while there are none, or nobody to tell."""
        while self._by_time and self._waiting.get(self._by_time[0][2]) != self._by_time[0][1]:
            heapq.heappop(self._by_time)
        return self._by_time[0][0] if self._by_time and self.is_told else None

    def heard(self, event: Event, *, status: int) -> None:
        event.delivered_at = event.delivered_at or self._clock().isoformat()
        event.failures = 0
        self._give_back(event, status=status, fault=None)
        event.is_owed = event.event_id in self._repeats
        self._repeats.discard(event.event_id)
        if event.is_owed:
            self._wait(event, seconds=0.0)

    def not_heard(self, event: Event, *, status: int | None = None, fault: str | None = None) -> None:
        """It is due again after a wait that doubles with each failure. A repeat that was asked for is this one."""
        event.failures += 1
        self._give_back(event, status=status, fault=fault)
        self._repeats.discard(event.event_id)
        longest_power = 16  # far beyond the longest wait, and no overflow
        self._wait(event, seconds=min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(event.failures - 1, longest_power)))

    def _give_back(self, event: Event, *, status: int | None, fault: str | None) -> None:
        event.attempts += 1
        event.last_status, event.last_fault = status, fault
        self._taken.discard(event.event_id)
        self._note(event)

    def _wait(self, event: Event, *, seconds: float) -> None:
        number = self._waiting[event.event_id] = next(self._numbers)
        heapq.heappush(self._by_time, (self._clock() + timedelta(seconds=seconds), number, event.event_id))
        self._note(event)

    # --- keeping

    def _note(self, event: Event) -> None:
        self._changed["event", event.event_id] = {}

    def drain(self) -> Mapping[Key, Record]:
        """The records that changed since the last call."""
        changed, self._changed = self._changed, {}
        return {key: asdict(self._events[key[1]]) for key in changed}

    def restore(self, record: Mapping[str, object]) -> None:
        """Takes a stored event back; one that is owed is due at once, however long it would have waited."""
        event = Event(**record)  # type: ignore[arg-type]  # as stored
        self._events[event.event_id] = event
        if event.is_owed:
            self._wait(event, seconds=0.0)
