"""What the tests of the local Service Bus share: messages, a broker called directly, a bus with the real SDK."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import aiohttp
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from local.azure.servicebus.entities import Entry, Queue
from local.azure.servicebus.faults import OrderedFaults
from local.azure.servicebus.sections import envelope
from local.azure.servicebus.server import Running, start, utc_now
from local.azure.servicebus.state import Broker
from local.azure.servicebus.store import Store
from local.azure.servicebus.timers import Timers
from local.azure.servicebus.topology import load
from local.azure.servicebus.values import Symbol, Timestamp, UInt, encode, encode_list, encode_map
from tests.clock import IN_2030, ManualClock

type Topology = Mapping[str, object]

WAIT_S = 20.0
"""A limit for what comes at once on an idle machine."""


def topology(*topics: Mapping[str, object]) -> Topology:
    return {"serviceBus": {"topics": list(topics)}}


def topic(name: str, *subscriptions: Mapping[str, object], **settings: object) -> dict[str, object]:
    return {"name": name, "duplicateDetectionWindow": None, "subscriptions": list(subscriptions)} | settings


def subscription(name: str, rule: str = "1=1", **settings: object) -> dict[str, object]:
    return {"name": name, "rule": rule, "lockDuration": "PT1M", "maxDeliveryCount": 10} | settings


def message(
    message_id: str | None = "m1",
    *,
    body: bytes = b"body",
    to: str | None = None,
    ttl_ms: int | None = None,
    scheduled: datetime | None = None,
    application: Mapping[str, object] | None = None,
) -> bytes:
    """An encoded message, as a client would send it."""
    parts = []
    if ttl_ms is not None:
        parts.append(b"\x00\x53\x70" + encode_list([b"\x40", b"\x40", encode(UInt(ttl_ms))]))
    if scheduled is not None:
        due = encode(Timestamp(int(scheduled.timestamp() * 1000)))
        parts.append(b"\x00\x53\x72" + encode_map([encode(Symbol("x-opt-scheduled-enqueue-time")), due]))
    parts.append(b"\x00\x53\x73" + encode_list([encode(message_id), b"\x40", encode(to)]))
    if application is not None:
        parts.append(b"\x00\x53\x74" + encode(application))
    parts.append(b"\x00\x53\x75" + encode(body))
    return b"".join(parts)


@dataclass(eq=False)
class Inbox:
    """A receiver that is called directly."""

    credit: int = 100
    deletes: bool = False
    entries: list[Entry] = field(default_factory=list)

    def reserve(self) -> None:
        self.credit -= 1

    def deliver(self, entry: Entry) -> None:
        if not self.deletes:
            self.credit -= 1
        self.entries.append(entry)

    @property
    def token(self) -> UUID:
        token = self.entries[-1].lock_token
        assert token is not None
        return token


class DirectBroker:
    """The broker's rules on a real file, called directly; time moves only when the test moves it."""

    def __init__(self, declared: Topology, data: Path, *, clock: ManualClock) -> None:
        self.clock = clock
        self.faults = OrderedFaults()
        self.store = Store(data / "broker.sqlite")
        self.timers = Timers(clock.now_ms)
        tokens = count(1)
        self.broker = Broker(
            load(declared),
            self.store,
            read=envelope,
            now_ms=clock.now_ms,
            alarm=self.timers,
            faults=self.faults,
            new_token=lambda: UUID(int=next(tokens)),
        )
        self.broker.recover(self.store.load())

    def queue(self, name: str, *, dead: bool = False) -> Queue:
        """By `topic/sub`."""
        path = name.replace("/", "/Subscriptions/")
        return self.broker.queue(f"{path}/$DeadLetterQueue" if dead else path)

    async def send(self, name: str, *payloads: bytes) -> list[int]:
        numbers, durable = self.broker.publish(self.broker.topic(name), payloads)
        await durable
        await self.quiet()
        return numbers

    def receive(self, name: str, *, dead: bool = False, **settings: Any) -> Inbox:
        inbox = Inbox(**settings)
        self.broker.subscribe(self.queue(name, dead=dead), inbox)
        return inbox

    async def advance_s(self, seconds: float) -> None:
        """Move the clock, and let happen what is then due."""
        self.clock.advance_s(seconds)
        self.timers.run_due()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing is under way: one thing that becomes visible may start the next."""
        for _ in range(8):
            await self.store.commit(())

    async def close(self) -> None:
        self.timers.close()
        await self.store.close()


@asynccontextmanager
async def direct_broker(
    declared: Topology, data: Path, *, clock: ManualClock | None = None
) -> AsyncIterator[DirectBroker]:
    opened = DirectBroker(declared, data, clock=clock or ManualClock(IN_2030))
    try:
        yield opened
    finally:
        await opened.close()


class Bus:
    """A running broker and the real SDK. Senders and receivers are kept open: each takes half a second to open."""

    def __init__(self, running: Running, client: ServiceBusClient) -> None:
        self.running = running
        self.client = client
        self._senders: dict[str, ServiceBusSender] = {}
        self._receivers: dict[tuple[str, frozenset[tuple[str, object]]], ServiceBusReceiver] = {}

    async def sender(self, name: str) -> ServiceBusSender:
        if name not in self._senders:
            self._senders[name] = self.client.get_topic_sender(name)
            await self._senders[name].__aenter__()
        return self._senders[name]

    async def receiver(self, name: str, **settings: Any) -> ServiceBusReceiver:
        """By `topic/sub`."""
        key = (name, frozenset(settings.items()))
        if key not in self._receivers:
            self._receivers[key] = self.client.get_subscription_receiver(*name.split("/"), **settings)
            await self._receivers[key].__aenter__()
        return self._receivers[key]

    async def open(self, *names: str) -> None:
        """Senders for `topic`, receivers for `topic/sub`: all at once, which is faster than one after another."""
        await asyncio.gather(*(self.receiver(name) if "/" in name else self.sender(name) for name in names))

    async def send(self, name: str, *messages: ServiceBusMessage) -> None:
        sender = await self.sender(name)
        await sender.send_messages(messages[0] if len(messages) == 1 else list(messages))

    async def receive(self, name: str, **settings: Any) -> ServiceBusReceivedMessage:
        """The one message that is expected now."""
        receiver = await self.receiver(name, **settings)
        received = await receiver.receive_messages(max_message_count=1, max_wait_time=WAIT_S)
        assert received, f"no message came to {name}"
        return received[0]

    async def take(self, name: str, number: int) -> list[ServiceBusReceivedMessage]:
        """Receive and complete exactly this number."""
        receiver, taken = await self.receiver(name), list[ServiceBusReceivedMessage]()
        while len(taken) < number:
            for one in await receiver.receive_messages(max_message_count=number - len(taken), max_wait_time=WAIT_S):
                await receiver.complete_message(one)
                taken.append(one)
        return taken

    async def entities(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self._admin}/entities") as response:
            return cast("dict[str, Any]", await response.json())

    async def connections(self) -> dict[str, int]:
        async with aiohttp.ClientSession() as http, http.get(f"{self._admin}/connections") as response:
            counted: dict[str, int] = await response.json()
            return counted

    async def order(self, **fault: object) -> int:
        async with aiohttp.ClientSession() as http, http.post(f"{self._admin}/faults", json=fault) as response:
            return response.status

    async def waiting_faults(self) -> list[dict[str, object]]:
        async with aiohttp.ClientSession() as http, http.get(f"{self._admin}/faults") as response:
            waiting: list[dict[str, object]] = (await response.json())["faults"]
            return waiting

    async def clear_faults(self) -> int:
        async with aiohttp.ClientSession() as http, http.delete(f"{self._admin}/faults") as response:
            return response.status

    @property
    def _admin(self) -> str:
        return f"http://127.0.0.1:{self.running.admin_port}"

    async def close(self) -> None:
        handlers: Sequence[ServiceBusSender | ServiceBusReceiver] = [
            *self._senders.values(),
            *self._receivers.values(),
        ]
        await asyncio.gather(*(handler.close() for handler in handlers))
        await self.client.close()


@asynccontextmanager
async def bus(
    declared: Topology, data: Path, *, clock: Callable[[], datetime] = utc_now, retry_total: int = 0
) -> AsyncIterator[Bus]:
    running = await start(data=data, topology=declared, clock=clock)
    try:
        opened = Bus(running, connect(running.connection_string, retry_total=retry_total))
        try:
            yield opened
        finally:
            await opened.close()
    finally:
        await running.close()


def connect(connection_string: str, *, retry_total: int = 0) -> ServiceBusClient:
    """The unmodified SDK, without repeats of its own: errors are seen as they come."""
    return ServiceBusClient.from_connection_string(connection_string, retry_total=retry_total)


def text(received: ServiceBusReceivedMessage) -> str:
    return str(received)
