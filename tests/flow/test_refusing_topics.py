"""One topic that refuses while others take: it is waited for, then given up, and stops no payment of anybody."""

from datetime import timedelta
from pathlib import Path

import pytest

from local.azure.servicebus import server
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.servicebus import client
from shared.adapters.servicebus import topics as topics_module
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.codec.messages import Message
from shared.domain.events import PaymentCompleted
from shared.domain.letters import DeadLetter, LetterStatus
from shared.errors import BusUnavailable
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.clock import ManualClock
from tests.facts import COMPLETED
from tests.flow.kit.both_buses import Bus, OpenBus, direct, over_sockets
from tests.flow.kit.world import World, a_world

REFUSING = flow.TOPIC_OF[PaymentCompleted]
PATIENCE = timedelta(seconds=120)


def fill(world: World) -> None:
    world.bus.faults.order({"kind": "refuse_sends", "topic": REFUSING, "count": 100_000})


async def completed_of(world: World, payment_ids: list[str]) -> int:
    return [await world.events(payment_id) for payment_id in payment_ids].count(COMPLETED)


def announced(world: World) -> set[str]:
    """The payments whose completion was handed to its topic."""
    sent = [(str(message.message_id), message.subject) for message in world.bus.sent]
    return {message_id.split(":")[0] for message_id, subject in sent if subject == "payment.completed"}


async def test_a_full_topic_stops_no_payment_and_what_it_refused_is_sent_by_a_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        fill(world)
        first = await world.accept()
        await world.work()
        payment_ids = [first, *[await world.accept() for _ in range(30)]]

        await world.run()

        assert await completed_of(world, payment_ids) == 31
        letters = await world.letters(status=LetterStatus.OPEN)
        assert {(letter.reason, letter.step, letter.source) for letter in letters} == {
            ("topic_refuses", "publish", "events")
        }
        assert {letter.payment_id for letter in letters} == set(payment_ids)
        assert world.telemetry.metric("topic.refusals", topic=REFUSING) == 31
        assert world.telemetry.metric("messages.parked", reason="topic_refuses") == 31

        world.bus.faults.clear()
        replayed = await world.replay_all()
        await world.run()

        assert {each.verdict for each in replayed} == {Verdict.REPLAYED}
        assert announced(world) == set(payment_ids)
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_a_topic_that_refuses_for_less_than_the_patience_is_waited_for(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bus.faults.order({"kind": "refuse_sends", "topic": REFUSING, "count": 3})
        payment_id = await world.accept()

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert announced(world) == {payment_id}
        assert await world.letters() == []
        assert {type(fault).__name__ for fault in world.faults} == {"BusUnavailable"}


async def test_a_broker_that_is_away_for_hours_makes_no_dead_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        world.bus.is_down = True
        for _ in range(10):
            await world.work()
            world.clock.advance_s(PATIENCE.total_seconds())
        world.bus.is_down = False

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.letters() == []


async def test_a_new_process_begins_the_patience_anew(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        fill(world)
        await world.accept()
        await world.work()
        world.clock.advance_s(PATIENCE.total_seconds() - 1)
        await world.restart()

        await world.work()
        world.clock.advance_s(PATIENCE.total_seconds() - 1)
        await world.work()

        assert await world.letters() == []


OPENINGS = pytest.mark.parametrize("opened", [direct, over_sockets])
FULL = {"kind": "refuse_sends", "topic": REFUSING, "count": 100_000, "error": "amqp:resource-limit-exceeded"}
"""As a topic at its quota answers. The SDK does not repeat it."""


def a_message(topic: str, number: int = 1) -> Message:
    return Message(topic=topic, message_id=f"m{number}:1", body="{}", subject="test")


async def is_waited_for(bus: Bus, *topics: str) -> bool:
    try:
        await bus.topics.publish([a_message(topic) for topic in topics], patience=PATIENCE)
    except BusUnavailable:
        return True
    return False


@OPENINGS
async def test_what_a_topic_has_refused_for_too_long_is_handed_back_and_the_rest_is_sent(
    tmp_path: Path, opened: OpenBus
) -> None:
    async with opened(tmp_path) as bus:
        bus.order(FULL)
        assert await is_waited_for(bus, REFUSING, places.CREATE.topic)
        await bus.advance_s(PATIENCE.total_seconds())

        rejected = await bus.topics.publish([a_message(REFUSING), a_message(places.CREATE.topic, 2)], patience=PATIENCE)

        assert [(each.message.topic, each.for_good) for each in rejected] == [(REFUSING, False)]
        assert await bus.take(str(places.CREATE)) is not None


@OPENINGS
async def test_a_topic_alone_in_its_batch_is_given_up_too(tmp_path: Path, opened: OpenBus) -> None:
    async with opened(tmp_path) as bus:
        bus.order(FULL)
        assert await is_waited_for(bus, REFUSING)
        await bus.advance_s(PATIENCE.total_seconds())

        assert not await is_waited_for(bus, REFUSING)


@OPENINGS
async def test_a_topic_that_has_taken_meanwhile_is_waited_for_anew(tmp_path: Path, opened: OpenBus) -> None:
    async with opened(tmp_path) as bus:
        bus.order({**FULL, "count": 1})
        assert await is_waited_for(bus, REFUSING)
        assert not await is_waited_for(bus, REFUSING)  # it takes
        await bus.advance_s(PATIENCE.total_seconds())
        bus.order(FULL)

        assert await is_waited_for(bus, REFUSING)


async def test_two_refusals_hours_apart_are_not_one_long_refusal(tmp_path: Path) -> None:
    async with direct(tmp_path) as bus:
        bus.order(FULL)
        assert await is_waited_for(bus, REFUSING)
        await bus.advance_s(7200)

        assert await is_waited_for(bus, REFUSING)


async def test_a_topic_that_fails_while_the_whole_broker_is_away_is_not_given_up(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        topics, message = world.services.publisher, a_message(REFUSING)
        fill(world)
        with pytest.raises(BusUnavailable):
            await topics.publish([message], patience=PATIENCE)
        world.bus.is_down = True
        world.clock.advance_s(PATIENCE.total_seconds())
        with pytest.raises(BusUnavailable):
            await topics.publish([message], patience=PATIENCE)
        world.bus.is_down = False

        with pytest.raises(BusUnavailable):
            await topics.publish([message], patience=PATIENCE)


@OPENINGS
async def test_without_patience_a_refusing_topic_is_never_given_up(tmp_path: Path, opened: OpenBus) -> None:
    async with opened(tmp_path) as bus:
        bus.order(FULL)
        assert await is_waited_for(bus, REFUSING)
        await bus.advance_s(PATIENCE.total_seconds())

        with pytest.raises(BusUnavailable):
            await bus.topics.publish([a_message(REFUSING)])


async def test_a_ping_notices_a_broker_that_has_gone_since_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = await server.start(data=tmp_path, topology=TOPOLOGY)
    topics = ServiceBusTopics(
        client.open_client(broker.connection_string),
        dead_letter_topic=flow.DEAD_LETTER_TOPIC,
        recorder=flow.RECORD_SUBSCRIPTION,
        clock=ManualClock(),
    )
    await topics.ping()
    await topics.park(A_LETTER)  # its sender stays open
    await broker.close()
    monkeypatch.setattr(topics_module, "PING_LIMIT_S", 1)

    with pytest.raises(BusUnavailable):
        await topics.ping()

    await topics.close()


A_LETTER = DeadLetter(message_id="m:1", body="{}", subject="s", reason="r", description="d", source="events")
