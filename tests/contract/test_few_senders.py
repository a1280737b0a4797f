"""Few senders for many topics, on the local Service Bus's sockets: it counts the connections. No other implementation
tells how many there are.
"""

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import certifi
import pytest

from local.azure.servicebus import peer, server
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.servicebus import client, lines
from shared.adapters.servicebus.client import open_client
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from shared.wiring import SystemClock

pytestmark = pytest.mark.timeout(90)

TOPICS = [*flow.TOPIC_OF.values(), flow.DEAD_LETTER_TOPIC]
CREATED, SETTLED, FAILED, VOIDED = TOPICS[1:5]


def a_message(topic: str) -> Message:
    return Message(topic=topic, message_id=f"{uuid.uuid4()}:1", body="{}", subject="test")


def a_letter() -> DeadLetter:
    return DeadLetter(
        message_id=f"{uuid.uuid4()}:1", body="{}", subject="s", reason="r", description="d", source="events"
    )


async def let_go(_: Delivery) -> None:
    """Nothing is to be recorded."""


@dataclass
class Bus:
    """A broker of its own, topics on it, and what the broker has counted."""

    running: server.Running
    topics: ServiceBusTopics

    async def connections(self) -> dict[str, int]:
        """By the admin page."""
        url = f"http://127.0.0.1:{self.running.admin_port}/connections"
        async with aiohttp.ClientSession() as http, http.get(url) as answered:
            counted: dict[str, int] = await answered.json()
        return counted

    async def most(self) -> int:
        return (await self.connections())["most"]

    def counted(self, name: str) -> dict[str, int]:
        """By topic."""
        return {topic: self.running.broker.topics[topic].counts[name] for topic in TOPICS}

    async def publish(self, *topics: str) -> None:
        assert await self.topics.publish([a_message(topic) for topic in topics]) == ()


@asynccontextmanager
async def a_bus(folder: Path, *, senders: int | None) -> AsyncIterator[Bus]:
    running = await server.start(data=folder, topology=TOPOLOGY)
    topics = ServiceBusTopics(
        open_client(running.connection_string),
        dead_letter_topic=flow.DEAD_LETTER_TOPIC,
        recorder=flow.RECORD_SUBSCRIPTION,
        clock=SystemClock(),
        senders=senders,
    )
    try:
        yield Bus(running, topics)
    finally:
        await topics.close()
        await running.close()


@dataclass
class Held:
    """Sends to one topic, which the broker does not look at before it is told to."""

    topic: str
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: list[Callable[[], None]] = field(default_factory=list)
    _goes_on: bool = False

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        received = peer.TopicSink.received

        def later(sink: Any, transfer: Any) -> None:
            if self._goes_on or sink._topic.name != self.topic:
                received(sink, transfer)
            else:
                self._waiting.append(partial(received, sink, transfer))
                self.arrived.set()

        monkeypatch.setattr(peer.TopicSink, "received", later)

    def go_on(self) -> None:
        self._goes_on = True
        for each in self._waiting:
            each()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    holding = Held(CREATED)
    holding.hold(monkeypatch)
    return holding


def each_once(topics: Iterable[str] = TOPICS, *, times: int = 1) -> dict[str, int]:
    return {topic: times if topic in topics else 0 for topic in TOPICS}


async def test_the_authorities_are_read_once_for_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself the SDK reads them for each, also where nothing is encrypted."""
    read = []
    reads = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, file: str, *others: Any) -> None:
        read.append(file)
        reads(context, file, *others)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted, raising=False)
    client._trust.cache_clear()
    async with a_bus(tmp_path, senders=None) as bus:
        await bus.publish(*TOPICS)
        assert await bus.most() > 1

    assert read == [certifi.where()]


@pytest.mark.parametrize("senders", [1, 4])
async def test_all_topics_take_their_messages_with_few_connections(tmp_path: Path, senders: int) -> None:
    async with a_bus(tmp_path, senders=senders) as bus:
        await bus.publish(*TOPICS)
        await bus.publish(CREATED, SETTLED)

        assert bus.counted("accepted") == each_once() | {CREATED: 2, SETTLED: 2}
        assert bus.counted("sends") == each_once() | {CREATED: 2, SETTLED: 2}
        assert await bus.connections() == {"open": senders, "most": senders}


async def test_without_a_number_each_topic_has_a_connection_that_stays(tmp_path: Path) -> None:
    async with a_bus(tmp_path, senders=None) as bus:
        for _ in range(2):
            await bus.publish(*TOPICS)

        assert await bus.connections() == {"open": len(TOPICS), "most": len(TOPICS)}


async def test_what_many_send_at_once_arrives_once(tmp_path: Path) -> None:
    async with a_bus(tmp_path, senders=4) as bus:
        await asyncio.gather(*(bus.publish(*TOPICS[start : start + 6]) for start in range(6)))

        times = {topic: sum(start <= place < start + 6 for start in range(6)) for place, topic in enumerate(TOPICS)}
        assert bus.counted("accepted") == times
        assert bus.counted("sends") == times
        assert await bus.most() == 4


@pytest.mark.parametrize("senders", [1, 4])
async def test_everything_at_once_needs_two_connections_more(tmp_path: Path, senders: int) -> None:
    """One for a ping, one for a drain, however many there are."""
    due_at = datetime.now(UTC) + timedelta(hours=1)
    async with a_bus(tmp_path, senders=senders) as bus:
        await asyncio.gather(
            bus.publish(*TOPICS[:6]),
            *(bus.topics.schedule(a_message(topic), due_at=due_at) for topic in TOPICS[:4]),
            *(bus.topics.park(a_letter()) for _ in range(3)),
            *(bus.topics.ping() for _ in range(3)),
            *(bus.topics.drain(let_go, limit=10) for _ in range(3)),
        )

        assert await bus.most() <= senders + 2
        sent = each_once(TOPICS[:6]) | dict.fromkeys(TOPICS[:4], 2) | {flow.DEAD_LETTER_TOPIC: 3}
        assert bus.counted("sends") == sent
        scheduled = [len(bus.running.broker.topics[topic].scheduled.entries) for topic in TOPICS[:4]]
        assert scheduled == [1, 1, 1, 1]


async def test_a_send_under_way_keeps_its_connection_while_others_come_and_go(tmp_path: Path, held: Held) -> None:
    async with a_bus(tmp_path, senders=2) as bus:
        under_way = asyncio.create_task(bus.publish(CREATED))
        await held.arrived.wait()

        for topic in (SETTLED, FAILED, VOIDED, SETTLED):
            await bus.publish(topic)
        assert not under_way.done()
        held.go_on()
        await under_way

        assert bus.counted("sends") == each_once((CREATED, FAILED, VOIDED)) | {SETTLED: 2}
        assert await bus.most() == 2


async def test_with_one_connection_the_next_send_waits_for_the_one_under_way(tmp_path: Path, held: Held) -> None:
    async with a_bus(tmp_path, senders=1) as bus:
        under_way = asyncio.create_task(bus.publish(CREATED))
        await held.arrived.wait()
        after_it = asyncio.create_task(bus.publish(SETTLED))
        await bus.topics.ping()  # which does not wait
        assert not after_it.done()

        held.go_on()
        await asyncio.gather(under_way, after_it)

        assert bus.counted("sends") == each_once((CREATED, SETTLED))
        assert bus.counted("accepted") == each_once((CREATED, SETTLED))


async def test_whoever_waits_in_vain_has_sent_nothing_and_sends_it_later(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_bus(tmp_path, senders=1) as bus:
        under_way = asyncio.create_task(bus.publish(CREATED))
        await held.arrived.wait()
        monkeypatch.setattr(lines, "CALL_LIMIT_S", 1)
        message = a_message(SETTLED)
        with pytest.raises(BusUnavailable):
            await bus.topics.publish([message])
        assert bus.counted("sends")[SETTLED] == 0
        held.go_on()
        await under_way
        monkeypatch.undo()

        await bus.topics.publish([message])

        assert bus.counted("sends") == each_once((CREATED, SETTLED))


async def test_a_send_that_is_never_answered_gives_its_connection_back_at_its_limit(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_bus(tmp_path, senders=1) as bus:
        monkeypatch.setattr(lines, "CALL_LIMIT_S", 2)
        with pytest.raises(BusUnavailable):
            await bus.publish(held.topic)
        monkeypatch.setattr(lines, "CALL_LIMIT_S", 30)

        await bus.publish(SETTLED)

        assert bus.counted("accepted") == each_once((SETTLED,))
        assert await bus.connections() == {"open": 1, "most": 1}


async def test_an_idle_connection_that_was_cut_meanwhile_makes_room_as_any_other(tmp_path: Path) -> None:
    async with a_bus(tmp_path, senders=2) as bus:
        await bus.publish(CREATED, SETTLED)
        bus.running.drop_connections()

        await bus.publish(FAILED, VOIDED)
        await bus.publish(CREATED, SETTLED)

        assert bus.counted("accepted") == each_once((FAILED, VOIDED)) | {CREATED: 2, SETTLED: 2}
        assert await bus.most() == 2


async def test_a_topic_that_refuses_gives_its_place_back(tmp_path: Path) -> None:
    async with a_bus(tmp_path, senders=1) as bus:
        bus.running.faults.order(
            {"kind": "refuse_sends", "topic": CREATED, "count": 2, "error": "amqp:resource-limit-exceeded"}
        )
        for _ in range(2):
            with pytest.raises(BusUnavailable):
                await bus.publish(CREATED)
            await bus.publish(SETTLED)
        await bus.publish(CREATED)

        assert bus.counted("accepted") == each_once((CREATED,)) | {SETTLED: 2}
        assert await bus.most() == 1
