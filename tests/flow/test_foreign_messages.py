"""Messages that nobody here wrote, and copies that come twice, through the triggers: none is hidden, none is believed.

The host and the converter of the runtime stand between the broker and our code (tests/flow/kit/triggers.py).
"""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from shared.codec.arrivals import MAX_BODY
from shared.codec.cloud_events import to_cloud_event
from shared.codec.letters import letter_to_json
from shared.codec.values import time_to_json
from shared.domain.letters import LetterRecord
from shared.errors import BusUnavailable
from shared.verbs.recovery import drain
from tests import places
from tests.builders import PAYMENT_ID, a_payment
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world

METADATA = (
    *("ApplicationProperties", "ContentType", "CorrelationId", "DeadLetterSource", "DeliveryCount", "EnqueuedTime"),
    *("EnqueuedTimeUtc", "ExpiresAt", "ExpiresAtUtc", "Label", "LockToken", "MessageId", "PartitionKey", "ReplyTo"),
    *("ReplyToSessionId", "SequenceNumber", "SessionId", "Subject", "To", "UserProperties", "ScheduledEnqueueTimeUtc"),
    *("TimeToLive", "LockedUntil", "State", "EnqueuedSequenceNumber", "DeadLetterReason", "TransactionPartitionKey"),
)
"""What azure-functions reads beside a body, whether Azure's host sends it or not."""


async def send(
    world: World,
    body: bytes | None = None,
    *,
    message_id: str | None = "foreign",
    subject: str | None = None,
    properties: dict[str, Any] | None = None,
    topic: str = places.CREATE.topic,
    **other_body: Any,
) -> None:
    """other_body: value_body or sequence_body, of another AMQP type than data."""
    held = {"data_body": body} if body is not None else other_body
    named = AmqpMessageProperties(message_id=message_id, subject=subject)
    message = AmqpAnnotatedMessage(**held, properties=named, application_properties=properties)
    encoded = bytearray()
    encode_payload(encoded, PyamqpTransport.to_outgoing_amqp_message(message))
    await world.bus.publish(topic, [bytes(encoded)])


async def drained(world: World) -> list[LetterRecord]:
    """The letters, once the timer has fired; then nothing rests in a dead-letter queue."""
    await world.drain()
    queues = [subscription.dead for topic in world.bus.broker.topics.values() for subscription in topic.subscriptions]
    assert not any(queue.entries for queue in queues)
    return await world.letters()


# -- what a body says of its own message


@pytest.mark.parametrize("name", METADATA)
async def test_nothing_that_a_body_says_of_its_own_message_is_believed(name: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for number, said in enumerate((b'"another"', b'{"a": 1}', b"7", b'"2026-13-01"')):
            await send(world, b'{"' + name.encode() + b'": ' + said + b"}", message_id=f"m{number}", subject="s")

        await world.run()

        letters = await world.letters()
        assert {letter.message_id for letter in letters} == {"m0", "m1", "m2", "m3"}
        assert {(each.source, each.reason, each.subject) for each in letters} == {
            ("payment-initiated/create", "unreadable", "s")
        }
        assert world.faults == []


async def test_an_event_of_ours_keeps_the_subject_of_its_message(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_invalid")

        await world.run()

        assert (await world.only_letter()).subject == "payment.initiated"


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "payment_id", ["a/b", "", "..", "?#", "a b", "a:b", "\U0001f600", "\u00e9" * 100, "x" * 65, "x" * 3000]
)
async def test_an_event_with_ids_that_are_not_ours_is_unreadable_and_stops_nobody(
    payment_id: str, *, fresh: bool, tmp_path: Path
) -> None:
    """An id over 128 characters could be stored, and its event could never be published."""
    async with a_world(tmp_path) as world:
        event = json.loads(to_cloud_event(a_payment().stored[-1]))
        event |= {"id": f"{payment_id}:1", "data": {**event["data"], "payment_id": payment_id}}
        event |= {"time": time_to_json(world.clock.now())} if fresh else {}
        await send(world, json.dumps(event).encode())
        ours = await world.accept()

        await world.run()

        assert (await world.only_letter()).reason == "unreadable"
        assert await world.events(ours) == COMPLETED
        assert world.faults == []


async def test_an_event_whose_id_is_of_another_payment_is_unreadable(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        event = json.loads(to_cloud_event(a_payment().stored[-1]))
        await send(world, json.dumps({**event, "id": "another:1"}).encode())

        await world.run()

        assert (await world.only_letter()).reason == "unreadable"


async def test_an_event_under_the_message_id_of_another_payment_concerns_no_cause_of_either(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ours = await world.accept()
        await send(world, to_cloud_event(a_payment().stored[-1]).encode(), message_id=f"{ours}:1:create:1")

        await world.run()

        letter = await world.only_letter()
        assert (letter.reason, letter.payment_id, letter.cause) == ("unreadable", PAYMENT_ID, None)
        assert await world.events(ours) == COMPLETED


# -- bodies that the host cannot convert


@pytest.mark.parametrize(
    ("other_body", "kept"),
    [
        ({"value_body": "a text"}, "a text"),
        ({"value_body": 7}, "7"),
        ({"value_body": True}, "True"),
        ({"value_body": b"\xff\x00"}, "\ufffd\x00"),
        ({"value_body": {"a": 1, "b": [b"x", 2.5]}}, '{"a": 1, "b": ["x", 2.5]}'),
        ({"value_body": uuid.UUID(int=1)}, "00000000-0000-0000-0000-000000000001"),
        ({"sequence_body": [[1], [2, "ä"]]}, '[[1], [2, "ä"]]'),
    ],
)
async def test_a_body_of_another_amqp_type_ends_as_a_letter_that_holds_it(
    other_body: dict[str, Any], kept: str, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        await send(world, **other_body)
        await world.run()

        (letter,) = await drained(world)

        assert (letter.message_id, letter.body) == ("foreign", kept)
        assert (letter.source, letter.reason) == ("payment-initiated/create", "MaxDeliveryCountExceeded")


async def test_what_its_sender_says_of_a_death_in_the_broker_is_not_believed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        forged = {
            "source": "events",
            "reason": "notification_undelivered",
            "description": "nothing",
            "delivery_count": 1,
        }
        await send(world, value_body=7, properties={**forged, "record_attempt": 2**31 - 1})
        await world.run()

        (letter,) = await drained(world)

        assert (letter.source, letter.reason, letter.severity) == (
            "payment-initiated/create",
            "MaxDeliveryCountExceeded",
            "normal",
        )
        assert letter.description != "nothing"
        assert letter.delivery_count > 10


async def test_a_drain_that_fails_midway_gives_the_rest_back_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for number in range(3):
            await send(world, value_body=number, message_id=f"m{number}")
        await world.run()
        seen: list[str] = []

        async def failing(delivery: Any, *, services: object) -> None:
            seen.append(delivery.message_id)
            if len(seen) == 2:
                raise BusUnavailable("away")

        with pytest.raises(BusUnavailable):
            await drain.drain(keep=failing, services=world.services)

        assert {letter.message_id for letter in await drained(world)} == {"m0", "m1", "m2"} - {seen[0]}


async def test_a_tick_of_the_timer_goes_on_until_nothing_is_left(tmp_path: Path) -> None:
    many = drain.AT_ONCE + 3
    async with a_world(tmp_path) as world:
        for number in range(many):
            await send(world, value_body=number, message_id=f"m{number}")
        await world.run()

        assert len(await drained(world)) == many


# -- messages without an id


@pytest.mark.parametrize("topic", [places.CREATE.topic, places.RECORD.topic])
async def test_two_equal_messages_without_an_id_are_two_letters(topic: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for _ in range(2):
            await send(world, b"the same", message_id=None, topic=topic)
            await send(world, value_body="the same", message_id=None, topic=topic)

        await world.run()

        letters = await drained(world)
        assert [letter.body for letter in letters] == ["the same"] * 4
        assert len({letter.message_id for letter in letters}) == 4


async def test_a_message_without_an_id_that_comes_twice_is_one_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bus.faults.order({"kind": "duplicate_delivery", "subscription": str(places.CREATE)})
        await send(world, b"the same", message_id=None)

        await world.run()

        assert (await world.only_letter()).message_id.startswith("unnamed-")
        assert [type(fault).__name__ for fault in world.faults] == ["MessageLockLost"]


async def test_an_id_that_is_too_long_to_be_sent_on_is_replaced(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await send(world, b"a text", message_id="x" * 129)
        await send(world, b"a text", message_id="x" * 128)

        await world.run()

        replaced, kept = sorted(letter.message_id for letter in await world.letters())
        assert (replaced.startswith("unnamed-"), kept) == (True, "x" * 128)
        assert world.faults == []


# -- properties and sizes


ODD: dict[str, Any] = {
    "bytes": b"abc",
    "time": datetime(2026, 1, 2, tzinfo=UTC),
    "id": uuid.UUID(int=1),
    "none": None,
    "yes": True,
    "float": 1.5,
    "large": 2**31 - 1,
    "DeadLetterReason": b"binary",
}


@pytest.mark.parametrize("topic", [places.CREATE.topic, places.RECORD.topic])
async def test_properties_of_odd_types_break_nobody(topic: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await send(world, b"{}", properties={**ODD, "attempt": uuid.UUID(int=2), "run": b"r1"}, topic=topic)
        await send(world, value_body=1, properties=dict(ODD), topic=topic, message_id="value")

        await world.run()

        assert {letter.message_id for letter in await drained(world)} == {"foreign", "value"}


@pytest.mark.parametrize("character", ["x", "ä", "\U0001f600", '"'])
@pytest.mark.parametrize("topic", [places.CREATE.topic, places.RECORD.topic])
async def test_a_record_has_a_size_whatever_is_sent(topic: str, character: str, tmp_path: Path) -> None:
    text = character * (200_000 // len(character.encode()))
    async with a_world(tmp_path) as world:
        said = dict.fromkeys(("reason", "description", "source", "run", "DeadLetterReason"), character * 5000)
        await send(world, text.encode(), subject=character * 5000, properties=dict(said), topic=topic)

        await world.run()

        letter = await world.only_letter()
        assert len(str(letter_to_json(letter)).encode()) < 200_000
        assert letter.body.startswith(text[: MAX_BODY - 30])
        assert letter.body.endswith(f" [cut: {len(text)} characters]")
        assert world.faults == []


# -- through the triggers


async def test_a_redelivered_message_asks_the_provider_before_it_sends_anything(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        await world.next_until(lambda: world.is_waiting(str(places.CREATE)))
        taken = await world.bus.take(world.bus.queue(str(places.CREATE)))
        assert taken is not None
        await world.bus.abandon(taken)

        await world.run()

        charge = await world.backends.charge(payment_id)
        assert charge["times_charged"] == 1
        assert charge["asks"] > 0


async def test_a_forwarded_letter_keeps_the_place_where_it_died(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        await world.next_until(lambda: world.is_waiting(str(places.CREATE)))
        for _ in range(10):
            taken = await world.bus.take(world.bus.queue(str(places.CREATE)))
            assert taken is not None
            await world.bus.abandon(taken)

        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.source, letter.payment_id) == ("create", str(places.CREATE), payment_id)
