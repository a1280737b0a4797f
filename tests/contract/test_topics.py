"""What every publisher, scheduler and dead-letter topic promises."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from shared import flow
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message
from shared.domain.letters import DeadLetter
from tests import places

pytestmark = pytest.mark.asyncio(loop_scope="package")

LIMIT_S = 30


def a_message(text: str = "{}", **changes: object) -> Message:
    fields = {
        "topic": places.CREATE.topic,
        "message_id": f"{uuid.uuid4()}:1",
        "body": text,
        "subject": "payment.initiated",
        **changes,
    }
    return Message(**fields)  # type: ignore[arg-type] # the tests' own changes


@asynccontextmanager
async def listening(
    bus: ServiceBusClient,
    *,
    topic: str = places.CREATE.topic,
    subscription: str = places.CREATE.subscription,
) -> AsyncIterator[ServiceBusReceiver]:
    async with bus.get_subscription_receiver(topic, subscription) as receiver:
        yield receiver


async def arriving(receiver: ServiceBusReceiver, *, wanted: set[str]) -> list[ServiceBusReceivedMessage]:
    """Completes whatever comes until all wanted ids have come; those of others (earlier runs) are let go."""
    found: list[ServiceBusReceivedMessage] = []
    async with asyncio.timeout(LIMIT_S):
        while missing := len(wanted - {message.message_id for message in found}):
            # the SDK waits for as many as are asked for, so no more than are missing
            for message in await receiver.receive_messages(max_message_count=missing, max_wait_time=2):
                await receiver.complete_message(message)
                if message.message_id in wanted:
                    found.append(message)
    return found


async def test_a_published_message_arrives_with_all_that_it_carries(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    message = a_message('{"a": "ä"}', properties={"attempt": 3, "run": "r1"})
    async with listening(bus) as receiver:
        rejected = await topics.publish([message])

        (arrived,) = await arriving(receiver, wanted={message.message_id})

    assert rejected == ()
    assert b"".join(arrived.body).decode() == message.body
    assert (arrived.subject, arrived.content_type) == ("payment.initiated", "application/cloudevents+json")
    assert arrived.application_properties == {b"attempt": 3, b"run": b"r1"}


async def test_many_messages_for_several_topics_all_arrive(bus: ServiceBusClient, topics: ServiceBusTopics) -> None:
    messages = [a_message() for _ in range(60)] + [a_message(topic=places.SETTLE.topic) for _ in range(40)]

    await topics.publish(messages)

    for place in (places.CREATE, places.SETTLE):
        wanted = {message.message_id for message in messages if message.topic == place.topic}
        async with listening(bus, topic=place.topic, subscription=place.subscription) as receiver:
            assert len(await arriving(receiver, wanted=wanted)) == len(wanted)


async def test_a_repeated_message_id_is_dropped(bus: ServiceBusClient, topics: ServiceBusTopics) -> None:
    message, last = a_message(), a_message()
    async with listening(bus) as receiver:
        for _ in range(3):
            await topics.publish([message])
        await topics.publish([last])

        arrived = await arriving(receiver, wanted={message.message_id, last.message_id})

    assert [each.message_id for each in arrived].count(message.message_id) == 1


async def test_an_addressed_message_reaches_only_its_subscription(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    addressed = a_message(topic=places.VOID.topic, to=places.VOID.subscription)
    for_all = a_message(topic=places.VOID.topic)
    async with (
        listening(bus, topic=places.VOID.topic, subscription=places.VOID.subscription) as void,
        listening(bus, topic=places.VOID.topic, subscription=places.NOTIFY_FAILURE.subscription) as notify,
    ):
        await topics.publish([addressed, for_all])

        both = {addressed.message_id, for_all.message_id}
        assert {m.message_id for m in await arriving(void, wanted=both)} == both
        assert {m.message_id for m in await arriving(notify, wanted={for_all.message_id})} == {for_all.message_id}


async def test_a_scheduled_message_does_not_arrive_before_its_time(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    message, due_at = a_message(), datetime.now(UTC) + timedelta(seconds=2)
    async with listening(bus) as receiver:
        await topics.schedule(message, due_at=due_at)

        await arriving(receiver, wanted={message.message_id})

    assert datetime.now(UTC) >= due_at - timedelta(seconds=0.1)


async def test_a_message_that_no_broker_takes_is_handed_back_and_the_others_are_sent(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    large, small = a_message("x" * 1_200_000), a_message()
    async with listening(bus) as receiver:
        rejected = await topics.publish([large, small])

        await arriving(receiver, wanted={small.message_id})

    assert [each.message for each in rejected] == [large]


async def test_more_than_the_broker_takes_at_once_arrives_all_the_same(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    messages = [a_message("x" * 100_000) for _ in range(12)]
    wanted = {message.message_id for message in messages}
    async with listening(bus) as receiver:
        assert await topics.publish(messages) == ()

        assert {each.message_id for each in await arriving(receiver, wanted=wanted)} == wanted


async def test_a_message_that_is_handed_back_says_why_it_cannot_be_sent(topics: ServiceBusTopics) -> None:
    large, odd, odd_beside = (
        a_message("x" * 1_200_000),
        a_message("half a pair: \ud800"),
        a_message(subject="half a pair: \ud800"),
    )

    rejected = await topics.publish([large, odd, odd_beside])

    assert [(each.message, each.for_good) for each in rejected] == [(large, True), (odd, True), (odd_beside, True)]
    assert rejected[0].reason == "larger than the broker takes"
    assert {each.reason.split(":")[0] for each in rejected[1:]} == {"nothing that can be sent"}


async def test_what_is_parked_carries_its_reason_and_where_it_died(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    letter = DeadLetter(
        message_id=f"{uuid.uuid4()}:2",
        body="{}",
        subject="payment.created",
        reason="retries_exhausted",
        description="busy after 6 attempts",
        source=str(places.SETTLE),
        attempt=5,
    )
    record = flow.RECORD_SUBSCRIPTION
    async with listening(bus, topic=flow.DEAD_LETTER_TOPIC, subscription=record) as receiver:
        await topics.park(letter)
        await topics.park(letter)

        (arrived, *_) = await arriving(receiver, wanted={letter.message_id})

    properties = arrived.application_properties or {}
    assert properties[b"DeadLetterReason"] == b"retries_exhausted"
    assert (properties[b"source"], properties[b"attempt"]) == (b"payment-created/settle", 5)


async def test_what_died_on_its_way_to_being_recorded_is_drained(
    bus: ServiceBusClient, topics: ServiceBusTopics
) -> None:
    letter = DeadLetter(
        message_id=f"{uuid.uuid4()}:3", body="{}", subject="s", reason="r", description="d", source="events"
    )
    record = flow.RECORD_SUBSCRIPTION
    async with listening(bus, topic=flow.DEAD_LETTER_TOPIC, subscription=record) as receiver:
        await topics.park(letter)
        await dead_lettered(receiver, letter.message_id)
    seen: list[Delivery] = []

    async def keep(message: Delivery) -> None:
        seen.append(message)

    async with asyncio.timeout(LIMIT_S):
        while letter.message_id not in {message.message_id for message in seen}:
            await topics.drain(keep, limit=10)

    (drained,) = [message for message in seen if message.message_id == letter.message_id]
    assert drained.properties["source"] == "events"


async def dead_lettered(receiver: ServiceBusReceiver, message_id: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            for message in await receiver.receive_messages(max_message_count=1, max_wait_time=2):
                if message.message_id == message_id:
                    await receiver.dead_letter_message(message, reason="test", error_description="by a test")
                    return
                await receiver.complete_message(message)
