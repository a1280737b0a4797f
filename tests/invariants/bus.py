"""The broker in memory: topics that drop repeats, schedules, locks, deliveries that are counted, dead letters."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from shared import flow
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message, parked
from shared.codec.properties import BROKERS_DESCRIPTION, BROKERS_REASON
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from shared.ports.topics import Rejected
from tests.builders import NOON
from tests.invariants.luck import Luck
from tests.invariants.stage import Stage

LIMIT_S = 30.0
"""For one send, as in the adapter."""
LOCK_S = 60.0
MOST_DELIVERIES = 10
WINDOW_S = 3600.0
REFUSES_FOR_GOOD = 0.02
"""How often the broker says of a message that it is too large, where there are faults."""


@dataclass(slots=True, eq=False)
class Entry:
    """A message in a subscription. failures: deliveries that came to nothing. lock: names who has it."""

    number: int
    message: Message
    place: str
    failures: int = 0
    lock: int | None = None
    locked_until_s: float | None = None
    obituary: dict[str, str | int] = field(default_factory=dict)
    source: str | None = None

    @property
    def delivery(self) -> Delivery:
        return Delivery(
            message_id=self.message.message_id,
            body=self.message.body,
            subject=self.message.subject,
            delivery_count=self.failures + 1,
            properties={**self.message.properties, **self.obituary},
            dead_letter_source=self.source,
        )


RECORD = f"{flow.DEAD_LETTER_TOPIC}/{flow.RECORD_SUBSCRIPTION}"
RECORD_DEAD = f"{RECORD}/$deadletterqueue"
_PLACES = [*dict.fromkeys(str(place) for place in flow.PLACE_OF.values()), RECORD]


class Bus:
    """All topics and what is in them."""

    def __init__(self, stage: Stage, *, window_s: float) -> None:
        self._stage, self._window_s = stage, window_s
        self.queues: dict[str, list[Entry]] = {place: [] for place in [*_PLACES, RECORD_DEAD]}
        self.scheduled: list[tuple[float, int, Message]] = []
        self.accepted: Counter[tuple[str, str]] = Counter()
        """How often each id was taken by a topic that drops repeats."""
        self.bodies: list[str] = []
        """What other components got to see."""
        self.is_down = False
        self._seen: dict[tuple[str, str], float] = {}
        self._numbers = count(1)

    # -- in

    def take(self, message: Message, *, due_s: float | None = None) -> None:
        """As the broker takes what is sent: a repeat is dropped, what is due later waits."""
        name = (message.topic, message.message_id)
        if message.topic != flow.DEAD_LETTER_TOPIC:
            seen_s = self._seen.get(name)
            if seen_s is not None and self._stage.now_s - seen_s < self._window_s:
                self._stage.tell(f"    the topic drops {_named(message)}")
                return
            self._seen[name] = self._stage.now_s
            self.accepted[name] += 1
            self.bodies.append(message.body)
        if due_s is not None and due_s > self._stage.now_s:
            self.scheduled.append((due_s, next(self._numbers), message))
            self.scheduled.sort(key=lambda each: each[:2])
        else:
            self._fan_out(message)

    def _fan_out(self, message: Message) -> None:
        for place, queue in self.queues.items():
            topic, _, subscription = place.partition("/")
            if topic == message.topic and message.to in (None, subscription) and "$" not in place:
                queue.append(Entry(next(self._numbers), message, place))

    def run_due(self) -> None:
        """Scheduled messages whose time has come, and locks whose time is over."""
        while self.scheduled and self.scheduled[0][0] <= self._stage.now_s:
            self._fan_out(self.scheduled.pop(0)[2])
        for queue in self.queues.values():
            for entry in list(queue):
                if entry.locked_until_s is not None and entry.locked_until_s <= self._stage.now_s:
                    self.give_back(entry, lock=entry.lock)

    def next_due_s(self) -> float | None:
        """When something happens by itself."""
        locks = [
            entry.locked_until_s
            for queue in self.queues.values()
            for entry in queue
            if entry.locked_until_s is not None
        ]
        return min([*(each[0] for each in self.scheduled[:1]), *locks], default=None)

    # -- out

    def ready(self) -> list[Entry]:
        """What could be delivered to a function now."""
        return [
            entry
            for place, queue in self.queues.items()
            if place != RECORD_DEAD
            for entry in queue
            if entry.lock is None
        ]

    def lock(self, entry: Entry) -> int:
        """Deliver it. The host renews the lock while its worker lives."""
        entry.lock = next(self._numbers)
        return entry.lock

    def complete(self, entry: Entry, *, lock: int | None) -> None:
        """Nothing happens when the lock was lost."""
        if entry.lock == lock and entry in self.queues[entry.place]:
            self.queues[entry.place].remove(entry)

    def give_back(self, entry: Entry, *, lock: int | None) -> None:
        """Abandoned, or the lock was lost: it comes again, and dies after too many times."""
        if entry.lock != lock or entry not in self.queues[entry.place]:
            return
        entry.lock = entry.locked_until_s = None
        entry.failures += 1
        if entry.failures >= MOST_DELIVERIES and entry.place != RECORD_DEAD:
            self._bury(entry)

    def _bury(self, entry: Entry) -> None:
        self.queues[entry.place].remove(entry)
        self._stage.tell(f"    {_named(entry.message)} dies in {entry.place}")
        topic, _, subscription = entry.place.partition("/")
        description = f"Message could not be consumed after {entry.failures} delivery attempts."
        obituary = {BROKERS_REASON: "MaxDeliveryCountExceeded", BROKERS_DESCRIPTION: description}
        place = RECORD if entry.place != RECORD else RECORD_DEAD
        source = f"{topic}/Subscriptions/{subscription}" if place == RECORD else entry.source
        dead = Entry(next(self._numbers), entry.message, place, obituary=dict(obituary), source=source)
        self.queues[place].append(dead)

    def lose(self, entry: Entry) -> None:
        """It never comes: somebody has purged the subscription."""
        self.queues[entry.place].remove(entry)

    def repeat(self, entry: Entry) -> None:
        """It comes twice, as at-least-once allows."""
        self.queues[entry.place].append(
            Entry(
                next(self._numbers),
                entry.message,
                entry.place,
                failures=entry.failures + 1,
                obituary=entry.obituary,
                source=entry.source,
            )
        )


class BusPort:
    """Publisher, Scheduler, DeadLetters and RecorderQueue."""

    def __init__(self, bus: Bus, stage: Stage) -> None:
        self._bus, self._stage = bus, stage

    async def publish(self, messages: Sequence[Message], *, patience: timedelta | None = None) -> tuple[Rejected, ...]:
        del patience  # a topic that refuses here refuses with the whole broker
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(message.topic, []).append(message)
        rejected: list[Rejected] = []
        fault: BusUnavailable | None = None
        for topic, wanted in by_topic.items():
            try:
                rejected += await self._send(topic, wanted)
            except BusUnavailable as exc:
                fault = exc
        if fault is not None:
            raise fault
        return tuple(rejected)

    async def schedule(self, message: Message, *, due_at: datetime) -> None:
        due_s = (due_at - NOON).total_seconds()
        await self._send(message.topic, [message], due_s=due_s)

    async def park(self, letter: DeadLetter) -> None:
        await self._send(flow.DEAD_LETTER_TOPIC, [parked(letter)])

    async def drain(self, record: Callable[[Delivery], Awaitable[None]], *, limit: int) -> int:
        queue = self._bus.queues[RECORD_DEAD]
        waiting = [entry for entry in queue if entry.lock is None][:limit]
        for entry in waiting:
            await self._drain_one(entry, record)
        return len(waiting)

    async def _drain_one(self, entry: Entry, record: Callable[[Delivery], Awaitable[None]]) -> None:
        lock = self._bus.lock(entry)
        entry.locked_until_s = self._stage.now_s + LOCK_S

        def effect(luck: Luck) -> None:
            self._completed(entry, lock, luck=luck)

        await record(entry.delivery)
        await self._stage.call("complete a drained letter", effect, limit_s=LIMIT_S)

    def _completed(self, entry: Entry, lock: int, *, luck: Luck) -> None:
        if self._bus.is_down or luck.silent or luck.meets(luck.rates.bus):
            raise BusUnavailable("the broker does not answer")
        self._bus.complete(entry, lock=lock)

    async def ping(self) -> None:
        if self._bus.is_down:
            raise BusUnavailable("the broker does not answer")

    async def _send(self, topic: str, messages: Sequence[Message], *, due_s: float | None = None) -> list[Rejected]:
        names = ", ".join(map(_named, messages))
        later = f" due at {due_s:.0f}" if due_s is not None else ""

        def effect(luck: Luck) -> list[Rejected]:
            return self._sent(messages, due_s=due_s, luck=luck)

        return await self._stage.call(f"send to {topic}: {names}{later}", effect, limit_s=LIMIT_S)

    def _sent(self, messages: Sequence[Message], *, due_s: float | None, luck: Luck) -> list[Rejected]:
        if self._bus.is_down and not luck.silent:
            raise BusUnavailable("the broker is down")
        silent = luck.silent or luck.meets(luck.rates.bus)
        if silent and luck.happens(0.5):
            raise BusUnavailable("it took nothing")
        rejected = []
        for message in messages:
            if (
                message.to is None
                and message.topic != flow.DEAD_LETTER_TOPIC
                and luck.rates.bus
                and luck.happens(REFUSES_FOR_GOOD)
            ):
                rejected.append(Rejected(message, "larger than the broker takes"))
            else:
                self._bus.take(message, due_s=due_s)
        if silent:
            raise BusUnavailable("it took all and did not say so")
        return rejected


def _named(message: Message) -> str:
    """Without the payment id, which is long."""
    _, _, rest = message.message_id.partition(":")
    properties = {name: value for name, value in message.properties.items() if name not in ("description",)}
    return f"<{rest} to {message.to or 'all'} {properties}>"
