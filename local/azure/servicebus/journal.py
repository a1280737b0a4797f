"""What has to outlive the process, as records, and the unit of work that collects them.

Knows neither SQL nor the rules of the broker.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from local.azure.servicebus.entities import Entry, Queue, Topic


class PutBody(NamedTuple):
    body_id: int
    payload: bytes


class DropBody(NamedTuple):
    body_id: int


class PutEntry(NamedTuple):
    """An entry as it is from now on: new or changed."""

    entry_id: int
    queue: str
    sequence_number: int
    body_id: int
    enqueued_ms: int
    state: int
    expires_ms: int | None
    scheduled_ms: int | None
    delivery_count: int
    arrived_count: int
    hops: int
    enqueued_sequence_number: int
    reason: str | None
    description: str | None
    source: str | None


class DropEntry(NamedTuple):
    entry_id: int


class Remember(NamedTuple):
    """A message id that the topic has accepted."""

    topic: str
    message_id: str
    at_ms: int


class Forget(NamedTuple):
    """Message ids that have left the topic's window."""

    topic: str
    before_ms: int


class NextNumber(NamedTuple):
    """The sequence number that comes next."""

    queue: str
    sequence_number: int


type Record = PutBody | DropBody | PutEntry | DropEntry | Remember | Forget | NextNumber


@dataclass(slots=True)
class Snapshot:
    """All that was durable when the broker started."""

    bodies: dict[int, bytes] = field(default_factory=dict)
    entries: list[PutEntry] = field(default_factory=list)
    seen: list[Remember] = field(default_factory=list)
    next_numbers: dict[str, int] = field(default_factory=dict)


class Journal(Protocol):
    def commit(self, records: Iterable[Record]) -> asyncio.Future[None]:
        """Done when these records, and all that were given before, are durable. Without records: those before."""


class Unit:
    """One change of the broker's state: its records become durable together, then what it did becomes visible."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: list[Record] = []
        self._afterwards: list[Callable[[], None]] = []

    def take_number(self, queue: Queue) -> int:
        number = queue.next_sequence_number
        queue.next_sequence_number += 1
        self._records.append(NextNumber(queue.name, queue.next_sequence_number))
        return number

    def add(self, entry: Entry) -> None:
        entry.body.uses += 1
        entry.queue.topic.size += 1
        if entry.body.uses == 1:
            self._records.append(PutBody(entry.body.body_id, entry.body.payload))
        self.put(entry)

    def put(self, entry: Entry) -> None:
        self._records.append(
            PutEntry(
                entry.entry_id,
                entry.queue.name,
                entry.sequence_number,
                entry.body.body_id,
                entry.enqueued_ms,
                int(entry.state),
                entry.expires_ms,
                entry.scheduled_ms,
                entry.delivery_count,
                entry.arrived_count,
                entry.hops,
                entry.enqueued_sequence_number,
                entry.reason,
                entry.description,
                entry.source,
            )
        )

    def drop(self, entry: Entry) -> None:
        entry.body.uses -= 1
        entry.queue.topic.size -= 1
        self._records.append(DropEntry(entry.entry_id))
        if entry.body.uses == 0:
            self._records.append(DropBody(entry.body.body_id))

    def remember(self, topic: Topic, message_id: str, *, at_ms: int) -> None:
        self._records.append(Remember(topic.name, message_id, at_ms))

    def forget(self, topic: Topic, *, before_ms: int) -> None:
        self._records.append(Forget(topic.name, before_ms))

    def then(self, action: Callable[[], None]) -> None:
        """Run it once the unit is durable, in the order in which units were committed."""
        self._afterwards.append(action)

    def commit(self) -> asyncio.Future[None]:
        durable = self._journal.commit(self._records)
        if self._afterwards:
            durable.add_done_callback(self._become_visible)
        return durable

    def _become_visible(self, durable: asyncio.Future[None]) -> None:
        if durable.cancelled() or durable.exception() is not None:
            return
        for action in self._afterwards:
            action()
