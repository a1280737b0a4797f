"""The rules of the local Service Bus, called directly: no sockets, and time moves only when a test moves it.

To the product's adapter this is the SDK's client. The adapter fills the SDK's own batches, and the broker reads the
bytes that would go over the wire. What is delivered is encoded by the service and decoded by the SDK. Only AMQP itself
is left out: a worker that crashes a few hundred times costs 20 ms each time instead of half a second, and nothing here
depends on the machine's speed. tests/flow/test_world.py proves that this bus and the real one over sockets behave
alike. Knows no payment.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, Self, cast
from uuid import UUID

from azure.servicebus import ServiceBusMessageBatch, ServiceBusReceivedMessage
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus.exceptions import ServiceBusConnectionError, ServiceBusServerBusyError

from local.azure.servicebus.entities import Entry, Queue, Topic
from local.azure.servicebus.faults import OrderedFaults
from local.azure.servicebus.journal import Record
from local.azure.servicebus.peer import MAX_MESSAGE_BYTES
from local.azure.servicebus.sections import envelope, render
from local.azure.servicebus.state import Broker
from tests.clock import ManualClock

_BATCH_DATA = 5
"""Where a batch of the SDK keeps its encoded messages."""


class _NoJournal:
    """Says that every record is durable at once. Only workers crash here, the broker never does."""

    def commit(self, records: Iterable[Record]) -> asyncio.Future[None]:  # noqa: ARG002 - nothing is kept
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        durable.set_result(None)
        return durable


@dataclass(slots=True)
class _Timers:
    """Actions with a time; those that are due run when the clock has been moved."""

    clock: ManualClock
    heap: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def at(self, due_ms: int, action: Callable[[], None]) -> None:
        heappush(self.heap, (due_ms, next(self.order), action))

    def run_due(self) -> None:
        while self.heap and self.heap[0][0] <= self.clock.now_ms():
            heappop(self.heap)[2]()


@dataclass(slots=True, eq=False)
class _Receiver:
    """Takes one message."""

    taken: list[Entry] = field(default_factory=list)
    deletes: bool = False

    @property
    def credit(self) -> int:
        return 0 if self.taken else 1

    def deliver(self, entry: Entry) -> None:
        self.taken.append(entry)

    def reserve(self) -> None:
        raise AssertionError("this receiver locks, it does not delete")


@dataclass(frozen=True, slots=True)
class Taken:
    """A message under lock."""

    message: ServiceBusReceivedMessage
    queue: Queue
    token: UUID


class DirectBus:
    """A namespace. The product's adapter takes it for a ServiceBusClient."""

    def __init__(self, topics: dict[str, Topic], clock: ManualClock) -> None:
        self.clock = clock
        self.faults = OrderedFaults()
        self.is_down = False
        self.sent: list[ServiceBusReceivedMessage] = []
        """Everything that was handed to a topic, repeats included, in order."""
        tokens = count(1)
        self._timers = _Timers(clock)
        self.broker = Broker(
            topics,
            _NoJournal(),
            read=envelope,
            now_ms=clock.now_ms,
            alarm=self._timers,
            faults=self.faults,
            new_token=lambda: UUID(int=next(tokens)),
        )

    # -- the SDK's client, as far as the adapter uses it

    def get_topic_sender(self, topic: str) -> "Sender":
        return Sender(self, topic)

    def get_subscription_receiver(self, topic: str, subscription: str, **options: Any) -> "DeadReceiver":
        assert options.keys() == {"sub_queue"}, options
        return DeadReceiver(self, self.queue(f"{topic}/{subscription}", dead=True))

    async def close(self) -> None:
        return

    # -- what the host and the tests do with it

    def queue(self, place: str, *, dead: bool = False) -> Queue:
        """By `topic/subscription`."""
        name = place.replace("/", "/Subscriptions/")
        return self.broker.queue(f"{name}/$DeadLetterQueue" if dead else name)

    async def take(self, queue: Queue) -> Taken | None:
        """The next message, under lock; None when none is ready."""
        receiver = _Receiver()
        self.broker.subscribe(queue, receiver)
        self.broker.unsubscribe(queue, receiver)
        if not receiver.taken:
            return None
        entry = receiver.taken[0]
        assert entry.lock_token is not None
        return Taken(_received(render(entry)), queue, entry.lock_token)

    async def complete(self, taken: Taken) -> None:
        """Raises MessageLockLost."""
        await self.broker.complete(taken.queue, taken.token)
        await self.quiet()

    async def abandon(self, taken: Taken) -> None:
        """Raises MessageLockLost."""
        await self.broker.abandon(taken.queue, taken.token)
        await self.quiet()

    async def run_due(self) -> None:
        """Let happen what is due at the clock's time."""
        self._timers.run_due()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing is under way: what is durable becomes visible in the loop's next turns."""
        for _ in range(4):
            await asyncio.sleep(0)

    def next_due_ms(self) -> int | None:
        """When the next scheduled message comes or the next lock ends; None when there is neither."""
        due = [
            entry.scheduled_ms or 0
            for topic in self.broker.topics.values()
            for entry in topic.scheduled.entries.values()
        ]
        for topic in self.broker.topics.values():
            for subscription in topic.subscriptions:
                due += [entry.locked_until_ms for entry in subscription.queue.locked.values()]
                due += [entry.locked_until_ms for entry in subscription.dead.locked.values()]
        return min(due, default=None)

    async def publish(self, topic: str, payloads: Sequence[bytes]) -> None:
        if self.is_down:
            raise ServiceBusConnectionError(message="the broker is down")
        if self.faults.refusal(topic) is not None:
            raise ServiceBusServerBusyError(message="refused by an ordered fault")
        self.sent += map(_received, payloads)
        await self.broker.publish(self.broker.topic(topic), payloads)[1]
        await self.quiet()
        if self.faults.cuts_after_accept(topic):
            raise ServiceBusConnectionError(message="cut by an ordered fault, after the broker had accepted")


@dataclass(slots=True)
class Sender:
    """A ServiceBusSender."""

    bus: DirectBus
    topic: str

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def create_message_batch(self) -> ServiceBusMessageBatch:
        if self.bus.is_down:
            raise ServiceBusConnectionError(message="the broker is down")
        return ServiceBusMessageBatch(MAX_MESSAGE_BYTES)

    async def send_messages(self, batch: ServiceBusMessageBatch) -> None:
        encoded: Any = cast("Any", batch._message)[_BATCH_DATA]
        await self.bus.publish(self.topic, [bytes(message) for message in encoded])

    async def close(self) -> None:
        return


@dataclass(slots=True)
class DeadReceiver:
    """A ServiceBusReceiver on a dead-letter queue."""

    bus: DirectBus
    queue: Queue
    taken: dict[int, Taken] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def receive_messages(
        self,
        *,
        max_message_count: int,
        max_wait_time: float,  # noqa: ARG002 - the SDK's shape; time stands still here
    ) -> list[ServiceBusReceivedMessage]:
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < max_message_count and (taken := await self.bus.take(self.queue)) is not None:
            self.taken[id(taken.message)] = taken
            messages.append(taken.message)
        return messages

    async def complete_message(self, message: ServiceBusReceivedMessage) -> None:
        await self.bus.complete(self.taken[id(message)])

    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None:
        await self.bus.abandon(self.taken[id(message)])


def _received(payload: bytes) -> ServiceBusReceivedMessage:
    message: Any = decode_payload(memoryview(payload))
    return ServiceBusReceivedMessage(message, receiver=None)
