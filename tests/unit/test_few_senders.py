"""Lines that share few senders: a wait for a free one is no refusal of the topic, and nothing is sent in vain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus.exceptions import ServiceBusConnectionError

from shared.adapters.servicebus import lines
from shared.adapters.servicebus import topics as topics_module
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.codec.messages import Message
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from tests.clock import ManualClock

pytestmark = pytest.mark.timeout(20)

DEAD = "dead"
PATIENCE = timedelta(seconds=120)
LETTER = DeadLetter(message_id="m:1", body="{}", subject="s", reason="r", description="d", source="events")
SHORT_S = 0.4


class Batch(list[Any]):
    """One send."""

    add_message = list.append


class Sender:
    """Of one topic; sending waits while the topic hangs, and fails while it refuses."""

    def __init__(self, bus: "Links", topic: str) -> None:
        self.bus, self.topic = bus, topic

    async def create_message_batch(self) -> Batch:
        return Batch()

    async def send_messages(self, batch: Batch) -> None:
        self.bus.began.append(self.topic)
        await asyncio.sleep(self.bus.slow_s)
        if self.topic in self.bus.hanging:
            await self.bus.hanging[self.topic].wait()
        if self.topic in self.bus.refusing:
            raise ServiceBusConnectionError(message="full")
        self.bus.sent += [self.topic] * len(batch)

    async def close(self) -> None:
        self.bus.closed.append(self.topic)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        return


class Links:
    """A client. began, sent, closed: the topics, in order. slow_s: how long a send takes at least."""

    def __init__(self) -> None:
        self.slow_s = 0.0
        self.hanging: dict[str, asyncio.Event] = {}
        self.refusing: set[str] = set()
        self.began: list[str] = []
        self.sent: list[str] = []
        self.closed: list[str] = []

    def get_topic_sender(self, topic: str) -> Sender:
        return Sender(self, topic)


class OneSender:
    """Topics with one sender for all of them, and the client under them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bus, self.clock, self._patch = Links(), ManualClock(), monkeypatch
        client: Any = self.bus
        self.topics = ServiceBusTopics(client, dead_letter_topic=DEAD, recorder="record", clock=self.clock, senders=1)

    async def publish(self, *topics: str) -> tuple[Any, ...]:
        messages = [Message(topic=topic, message_id=f"{topic}:1", body="{}", subject="s") for topic in topics]
        return await self.topics.publish(messages, patience=PATIENCE)

    @asynccontextmanager
    async def hanging(self) -> AsyncIterator[None]:
        """The only sender is at work, for as long as it takes; others have little time."""
        hanging = self.bus.hanging[DEAD] = asyncio.Event()
        parking = asyncio.create_task(self.topics.park(LETTER))
        while DEAD not in self.bus.began:
            await asyncio.sleep(0)
        with self._patch.context() as patched:
            patched.setattr(lines, "CALL_LIMIT_S", SHORT_S)
            patched.setattr(topics_module, "GIVEN_UP_LIMIT_S", SHORT_S)
            yield
        hanging.set()
        await parking
        self.bus.began.clear()

    async def starve(self, topic: str) -> None:
        """Publish in vain, because the only sender is at work."""
        async with self.hanging():
            with pytest.raises(lines.NoFreeSender):
                await self.publish(topic)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> OneSender:
    return OneSender(monkeypatch)


async def test_whoever_finds_no_free_sender_is_told_to_send_again_and_has_sent_nothing(one: OneSender) -> None:
    async with one.hanging():
        with pytest.raises(lines.NoFreeSender, match=r"topic paid did not take 1 messages .*: send them again"):
            await one.publish("paid")

        assert one.bus.began == [DEAD]

    assert (one.bus.sent, one.bus.closed) == ([DEAD], [])


async def test_a_send_that_had_to_wait_has_time_left(one: OneSender) -> None:
    """Waiting takes at most half of the limit: a send that begins with the last of it would be cut."""
    loop = asyncio.get_running_loop()
    async with one.hanging():
        began = loop.time()
        with pytest.raises(lines.NoFreeSender):
            await one.publish("paid")

        assert SHORT_S / 2 <= loop.time() - began < SHORT_S


async def test_a_topic_that_was_never_asked_is_never_given_up(one: OneSender) -> None:
    for _ in range(3):
        await one.starve("paid")
        one.clock.advance_s(PATIENCE.total_seconds())

    one.bus.refusing.add("paid")
    with pytest.raises(BusUnavailable):  # its patience begins here
        await one.publish("paid", "made")


async def test_what_a_topic_was_not_asked_to_take_is_waited_for_even_after_it_was_given_up(one: OneSender) -> None:
    one.bus.refusing.add("paid")
    with pytest.raises(BusUnavailable):
        await one.publish("paid", "made")
    one.clock.advance_s(PATIENCE.total_seconds())
    assert [each.message.topic for each in await one.publish("paid", "made")] == ["paid"]

    await one.starve("paid")

    assert [each.message.topic for each in await one.publish("paid", "made")] == ["paid"]


async def test_a_batch_for_many_topics_takes_its_time(one: OneSender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them has the whole limit for itself; with one sender the last would have waited for all others."""
    monkeypatch.setattr(lines, "CALL_LIMIT_S", SHORT_S)
    one.bus.slow_s = SHORT_S / 4
    topics = [f"topic-{number}" for number in range(12)]

    assert await one.publish(*topics) == ()

    assert one.bus.sent == topics


async def test_whoever_waits_behind_one_that_waits_for_a_sender_was_not_refused_either(one: OneSender) -> None:
    async with one.hanging():
        outcomes = await asyncio.gather(*(one.publish("paid") for _ in range(4)), return_exceptions=True)

        assert one.bus.began == [DEAD]

    assert {type(outcome) for outcome in outcomes} == {lines.NoFreeSender}


async def test_a_topic_that_hangs_with_a_sender_of_its_own_has_refused(one: OneSender) -> None:
    """The opposite: it was asked."""
    await one.starve("paid")
    async with one.hanging():
        with pytest.raises(BusUnavailable) as fault:
            await one.topics.park(LETTER)

    assert fault.type is BusUnavailable


async def test_a_ping_needs_no_sender_of_those_that_are_shared(one: OneSender) -> None:
    async with one.hanging():
        await one.topics.ping()


async def test_without_a_number_nobody_waits_and_nothing_is_closed(one: OneSender) -> None:
    client: Any = one.bus
    one.topics = ServiceBusTopics(client, dead_letter_topic=DEAD, recorder="record", clock=one.clock)

    async with one.hanging():
        await one.publish(*(f"topic-{number}" for number in range(40)))

    assert one.bus.closed == []
