"""One bench, two buses: the bus of these worlds, and the local Service Bus over sockets as the product meets it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local.azure.servicebus import server
from local.azure.servicebus.topology import load
from shared.adapters.servicebus import ServiceBusTopics, open_client
from tests.flow.bus import DirectBus, Taken
from tests.flow.clock import VirtualClock
from tests.flow.topologies import with_others

WAIT_S = 0.5
"""For a message that shall not come. One that shall come has far longer."""


type BenchOf = Callable[[Path], AbstractAsyncContextManager["Bench"]]


class Bench(Protocol):
    """A bus with the product's adapter on it."""

    topics: ServiceBusTopics
    clock: VirtualClock

    async def take(self, place: str, *, comes: bool = True) -> ServiceBusReceivedMessage | None: ...

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        """Raises a lock lost."""

    async def abandon(self, message: ServiceBusReceivedMessage) -> None: ...

    async def pass_s(self, seconds: float) -> None: ...

    def order(self, fault: Mapping[str, object]) -> None: ...


@dataclass
class Direct:
    """Without AMQP."""

    bus: DirectBus
    topics: ServiceBusTopics
    clock: VirtualClock
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

    async def pass_s(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        await self.bus.run_due()

    def order(self, fault: Mapping[str, object]) -> None:
        self.bus.faults.order(fault)


@dataclass
class OverSockets:
    """The service and the SDK."""

    running: server.Running
    client: ServiceBusClient
    topics: ServiceBusTopics
    clock: VirtualClock
    receivers: dict[str, ServiceBusReceiver]

    async def take(self, place: str, *, comes: bool = True) -> ServiceBusReceivedMessage | None:
        if place not in self.receivers:
            receiver = self.client.get_subscription_receiver(*place.split("/"))
            await receiver.__aenter__()  # opened apart, lest that be counted as waiting for a message
            self.receivers[place] = receiver
        received = await self.receivers[place].receive_messages(1, max_wait_time=20 if comes else WAIT_S)
        return received[0] if received else None

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        await self._of(message).complete_message(message)

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        await self._of(message).abandon_message(message)

    def _of(self, message: ServiceBusReceivedMessage) -> ServiceBusReceiver:
        return next(each for each in self.receivers.values() if each is message._receiver)

    async def pass_s(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.running.timers.run_due()

    def order(self, fault: Mapping[str, object]) -> None:
        self.running.faults.order(fault)


@asynccontextmanager
async def direct(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = VirtualClock()
    bus = DirectBus(load(with_others(tmp_path)), clock)
    yield Direct(bus, _adapter(bus), clock, {})


@asynccontextmanager
async def over_sockets(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = VirtualClock(server.utc_now())  # the SDK's tokens are checked against it
    running = await server.start(data=tmp_path / "data", topology=with_others(tmp_path), clock=clock)
    client = open_client(running.connection_string)
    topics = _adapter(client)
    bench = OverSockets(running, client, topics, clock, {})
    try:
        yield bench
    finally:
        for receiver in bench.receivers.values():
            await receiver.close()
        await topics.close()
        await running.close()


def _adapter(client: object) -> ServiceBusTopics:
    return ServiceBusTopics(client, dead_letter_topic="payment-dead-letters", recorder="record")  # type: ignore[arg-type] # either kind
