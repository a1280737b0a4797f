"""What the broker holds: messages, entries, queues, subscriptions, topics. Plain structures; `state.py` has the rules.

Knows no protocol and no clock.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import Protocol
from uuid import UUID


class MessageState(IntEnum):
    """The numbers are those that clients read."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the broker must know of a message; names of properties in lower case."""

    message_id: str | None
    ttl_ms: int | None
    scheduled_ms: int | None
    system: Mapping[str, object]
    application: Mapping[str, object]


@dataclass(slots=True, eq=False)
class Body:
    """One sent message: stored once, however many subscriptions have it."""

    body_id: int
    payload: bytes
    envelope: Envelope
    uses: int = 0


@dataclass(slots=True, eq=False)
class Entry:
    """One message in one queue."""

    entry_id: int
    queue: "Queue"
    sequence_number: int
    body: Body
    enqueued_ms: int
    state: MessageState = MessageState.ACTIVE
    expires_ms: int | None = None
    scheduled_ms: int | None = None
    delivery_count: int = 0
    arrived_count: int = 0
    """The delivery count it came with: a forwarded dead letter keeps its count and still gets its chances."""
    hops: int = 0
    enqueued_sequence_number: int = 0
    reason: str | None = None
    description: str | None = None
    source: str | None = None
    lock_token: UUID | None = None
    locked_until_ms: int = 0

    def obituary(self) -> dict[str, str]:
        """Why it died, as the application properties that tell a receiver."""
        told = {"DeadLetterReason": self.reason, "DeadLetterErrorDescription": self.description}
        return {name: text for name, text in told.items() if text is not None}


class Receiver(Protocol):
    """Somebody who takes messages from one queue."""

    @property
    def deletes(self) -> bool:
        """Receive-and-delete: what it is given is gone, there is nothing to settle."""

    @property
    def credit(self) -> int:
        """How many messages it takes at this moment."""

    def deliver(self, entry: Entry) -> None: ...

    def reserve(self) -> None:
        """A message will follow once its removal is durable; it uses up one credit until then."""


@dataclass(eq=False)
class Queue:
    """Messages by sequence number: a subscription, its dead-letter queue, or a topic's scheduled ones."""

    name: str
    topic: "Topic"
    subscription: "Subscription | None" = None
    """Set for a subscription's own queue, where messages can die; not for a dead-letter queue."""
    next_sequence_number: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)
    locked: dict[UUID, Entry] = field(default_factory=dict)
    receivers: deque[Receiver] = field(default_factory=deque)
    counts: Counter[str] = field(default_factory=Counter)
    lock_ms: int = 60_000
    _ready: list[int] = field(default_factory=list)

    def make_ready(self, entry: Entry) -> None:
        """The entry can be handed out, in its old place."""
        heappush(self._ready, entry.sequence_number)

    def next_ready(self) -> Entry | None:
        while self._ready:
            entry = self.entries.get(heappop(self._ready))
            if entry is not None and entry.state is MessageState.ACTIVE and entry.lock_token is None:
                return entry
        return None

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def next_receiver(self) -> Receiver | None:
        """The receivers with credit take turns."""
        for _ in range(len(self.receivers)):
            self.receivers.rotate(-1)
            if self.receivers[-1].credit > 0:
                return self.receivers[-1]
        return None

    def holds(self, entry: Entry) -> bool:
        return self.entries.get(entry.sequence_number) is entry

    def remove(self, entry: Entry) -> None:
        del self.entries[entry.sequence_number]
        self.unlock(entry)

    def unlock(self, entry: Entry) -> None:
        if entry.lock_token is not None:
            del self.locked[entry.lock_token]
            entry.lock_token = None


@dataclass(eq=False)
class Subscription:
    """A queue with a rule, and the queue of its dead."""

    name: str
    matches: Callable[[Mapping[str, object], Mapping[str, object]], bool]
    max_delivery_count: int
    forward_dead_letters_to: str | None
    default_ttl_ms: int | None
    dead_letters_expired: bool
    queue: Queue = field(init=False)
    dead: Queue = field(init=False)


@dataclass(eq=False)
class Topic:
    """Takes messages in and copies them to its subscriptions."""

    name: str
    window_ms: int | None
    default_ttl_ms: int | None
    max_messages: int | None
    subscriptions: list[Subscription] = field(default_factory=list)
    scheduled: Queue = field(init=False)
    seen: dict[str, int] = field(default_factory=dict)
    """Message id -> when it was accepted, oldest first."""
    size: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_full(self) -> bool:
        return self.max_messages is not None and self.size >= self.max_messages
