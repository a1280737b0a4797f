"""The same operations on two buses: on DirectBus, and on the local Service Bus over sockets as the product meets it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local.azure.servicebus import server
from local.azure.servicebus.topology import load
from shared import flow
from shared.adapters.servicebus.client import open_client
from shared.adapters.servicebus.topics import ServiceBusTopics
from tests.clock import ManualClock
from tests.flow.kit.bus import DirectBus, Taken
from tests.topologies import OTHER_COMPONENTS, changed_topology

WAIT_S = 0.5
"""For a message that must not come. One that must come has far longer."""


type OpenBus = Callable[[Path], AbstractAsyncContextManager["Bus"]]


class Bus(Protocol):
    """A bus, and the product's adapter on it."""

    topics: ServiceBusTopics
    clock: ManualClock

    async def take(self, place: str, *, comes: bool = True) -> ServiceBusReceivedMessage | None:
        """The next message, under lock. comes: whether one is expected."""

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        """Raises when the lock is lost."""

    async def abandon(self, message: ServiceBusReceivedMessage) -> None: ...

    async def advance_s(self, seconds: float) -> None:
        """Move the clock, and let happen what is then due."""

    def order(self, fault: Mapping[str, object]) -> None:
        """Make the broker fail: local/azure/servicebus/faults.py says how."""


@dataclass
class Direct:
    """Without AMQP."""

    bus: DirectBus
    topics: ServiceBusTopics
    clock: ManualClock
    taken: dict[int, Taken]

    async def take(self, place: str, *, comes: bool = True) -> ServiceBusReceivedMessage | None:  # noqa: ARG002
        found = await self.bus.take(self.bus.queue(place))
        if found is None:
            return None
        self.taken[id(found.message)] = found
        return found.message

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        await self.bus.complete(self.taken[id(message)])

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        await self.bus.abandon(self.taken[id(message)])

    async def advance_s(self, seconds: float) -> None:
        self.clock.advance_s(seconds)
        await self.bus.run_due()

    def order(self, fault: Mapping[str, object]) -> None:
        self.bus.faults.order(fault)


@dataclass
class OverSockets:
    """The service and the SDK."""

    running: server.Running
    client: ServiceBusClient
    topics: ServiceBusTopics
    clock: ManualClock
    receivers: dict[str, ServiceBusReceiver]

    async def take(self, place: str, *, comes: bool = True) -> ServiceBusReceivedMessage | None:
        if place not in self.receivers:
            receiver = self.client.get_subscription_receiver(*place.split("/"))
            await receiver.__aenter__()  # before the wait begins: opening takes time, and is no waiting for a message
            self.receivers[place] = receiver
        received = await self.receivers[place].receive_messages(1, max_wait_time=20 if comes else WAIT_S)
        return received[0] if received else None

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        await self._receiver_of(message).complete_message(message)

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        await self._receiver_of(message).abandon_message(message)

    def _receiver_of(self, message: ServiceBusReceivedMessage) -> ServiceBusReceiver:
        return next(each for each in self.receivers.values() if each is message._receiver)

    async def advance_s(self, seconds: float) -> None:
        self.clock.advance_s(seconds)
        self.running.timers.run_due()

    def order(self, fault: Mapping[str, object]) -> None:
        self.running.faults.order(fault)


@asynccontextmanager
async def direct(tmp_path: Path) -> AsyncIterator[Bus]:
    clock = ManualClock()
    bus = DirectBus(load(_topology(tmp_path)), clock)
    yield Direct(bus, _adapter(bus, clock), clock, {})


@asynccontextmanager
async def over_sockets(tmp_path: Path) -> AsyncIterator[Bus]:
    clock = ManualClock(server.utc_now())  # the SDK's tokens are checked against it
    running = await server.start(data=tmp_path / "data", topology=_topology(tmp_path), clock=clock)
    client = open_client(running.connection_string)
    topics = _adapter(client, clock)
    bus = OverSockets(running, client, topics, clock, {})
    try:
        yield bus
    finally:
        for receiver in bus.receivers.values():
            await receiver.close()
        await topics.close()
        await running.close()


def _topology(folder: Path) -> Path:
    return changed_topology(folder, more_subscriptions=OTHER_COMPONENTS)


def _adapter(client: object, clock: ManualClock) -> ServiceBusTopics:
    return ServiceBusTopics(
        client,  # type: ignore[arg-type] # either kind
        dead_letter_topic=flow.DEAD_LETTER_TOPIC,
        recorder=flow.RECORD_SUBSCRIPTION,
        clock=clock,
    )
