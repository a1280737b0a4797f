"""Sending with the real SDK: one, many, batches, sizes, duplicates, schedules, addresses."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError, ServiceBusQuotaExceededError

from tests.local.servicebus_support import (
    Bus,
    bus,
    message,
    subscription,
    text,
    topic,
    topology,
)
from tests.received import properties

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOPICS = topology(
    topic("plain", subscription("all")),
    topic("windowed", subscription("all"), duplicateDetectionWindow="PT1H"),
    topic(
        "addressed",
        subscription("void", rule="sys.To IS NULL OR sys.To = 'void'"),
        subscription("notify", rule="sys.To IS NULL OR sys.To = 'notify'"),
    ),
    topic("sorted", subscription("big", rule="amount > 100"), subscription("labelled", rule="sys.Label = 'paid'")),
    topic("small", subscription("all"), maxMessages=1),
    topic("later", subscription("all")),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bus]:
    async with bus(TOPICS, tmp_path_factory.mktemp("sending")) as opened:
        receivers = [f"{name}/all" for name in ("plain", "windowed", "later")]
        await opened.open("plain", "windowed", "addressed", "sorted", "later", *receivers)
        await opened.open("addressed/void", "addressed/notify", "sorted/big", "sorted/labelled")
        yield opened


async def test_a_message_arrives_with_everything_it_was_sent_with(on: Bus) -> None:
    sent = ServiceBusMessage(
        b"\x00\xff body",
        message_id="m:1",
        correlation_id="c1",
        subject="paid",
        to="all",
        reply_to="back",
        content_type="application/cloudevents+json",
        time_to_live=timedelta(hours=1),
        application_properties={"text": "t", "number": 7, "flag": True, "ratio": 0.5, "at": b"raw"},
    )

    before = datetime.now(UTC) - timedelta(seconds=1)
    await on.send("plain", sent)
    (got,) = await on.take("plain/all", 1)

    assert b"".join(bytes(part) for part in got.body) == b"\x00\xff body"
    assert (got.message_id, got.correlation_id, got.subject, got.to) == ("m:1", "c1", "paid", "all")
    assert (got.reply_to, got.content_type, got.time_to_live) == ("back", sent.content_type, timedelta(hours=1))
    assert properties(got) == {"text": "t", "number": 7, "flag": True, "ratio": 0.5, "at": "raw"}
    assert got.delivery_count == 0
    assert got.enqueued_time_utc is not None
    assert got.enqueued_time_utc >= before


async def test_a_list_is_sent_as_one_transfer(on: Bus) -> None:
    before = (await on.entities())["plain"]["sends"]

    await on.send("plain", *(ServiceBusMessage(str(number)) for number in range(5)))

    assert [text(one) for one in await on.take("plain/all", 5)] == ["0", "1", "2", "3", "4"]
    assert (await on.entities())["plain"]["sends"] == before + 1


async def test_a_batch_of_a_hundred_is_split_by_two_rules(on: Bus) -> None:
    sender = await on.sender("sorted")
    batch = await sender.create_message_batch()
    for number in range(100):
        subject = "paid" if number % 4 == 0 else "open"
        properties_sent: dict[str | bytes, object] = {"amount": number * 2}
        one = ServiceBusMessage(str(number), subject=subject, application_properties=properties_sent)  # type: ignore[arg-type] # the SDK's alias is narrower than what it takes
        batch.add_message(one)

    await sender.send_messages(batch)

    big, labelled = await on.take("sorted/big", 49), await on.take("sorted/labelled", 25)
    assert [text(one) for one in big] == [str(number) for number in range(51, 100)]
    assert [text(one) for one in labelled] == [str(number) for number in range(0, 100, 4)]


async def test_a_body_that_looks_like_a_batch_is_still_one_message(on: Bus) -> None:
    body = message("inner", body=b"looks like a message of its own")

    await on.send("plain", ServiceBusMessage(body))
    await (await on.sender("plain")).send_messages(AmqpAnnotatedMessage(data_body=[body, body]))

    taken = [b"".join(bytes(part) for part in one.body) for one in await on.take("plain/all", 2)]
    assert taken == [body, body + body]


async def test_a_message_over_256_kb_is_refused_and_one_just_below_is_taken(on: Bus) -> None:
    with pytest.raises(MessageSizeExceededError):
        await on.send("plain", ServiceBusMessage(b"x" * 262_144))

    await on.send("plain", ServiceBusMessage(b"y" * 261_000))

    (got,) = await on.take("plain/all", 1)
    assert len(text(got)) == 261_000


async def test_a_batch_may_have_256_kb(on: Bus) -> None:
    batch = await (await on.sender("plain")).create_message_batch()

    assert batch.max_size_in_bytes == 262_144
    with pytest.raises(MessageSizeExceededError):
        await on.send("plain", *(ServiceBusMessage(b"z" * 90_000) for _ in range(3)))


async def test_a_repeated_message_id_is_accepted_and_dropped(on: Bus) -> None:
    await on.send("windowed", ServiceBusMessage("first", message_id="e1"))
    await on.send("windowed", ServiceBusMessage("again", message_id="e1"), ServiceBusMessage("other", message_id="e2"))

    assert [text(one) for one in await on.take("windowed/all", 2)] == ["first", "other"]
    assert (await on.entities())["windowed"]["duplicates"] == 1


async def test_an_unaddressed_message_goes_to_all_and_an_addressed_one_to_its_subscription(on: Bus) -> None:
    await on.send("addressed", ServiceBusMessage("all"), ServiceBusMessage("one", to="notify"))

    assert [text(one) for one in await on.take("addressed/notify", 2)] == ["all", "one"]
    assert [text(one) for one in await on.take("addressed/void", 1)] == ["all"]
    assert (await on.entities())["addressed"]["subscriptions"]["void"]["active"] == 0


async def test_a_scheduled_copy_with_an_address_comes_when_it_is_due_to_its_subscription_only(on: Bus) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.4)
    copy = ServiceBusMessage("retry", message_id="e9:notify:0:1", to="notify", scheduled_enqueue_time_utc=due)

    await on.send("addressed", copy)
    waiting = (await on.entities())["addressed"]["subscriptions"]
    (got,) = await on.take("addressed/notify", 1)

    assert (waiting["notify"]["scheduled"], waiting["void"]["scheduled"]) == (1, 0)
    assert text(got) == "retry"
    assert got.enqueued_time_utc is not None
    assert got.enqueued_time_utc >= due - timedelta(milliseconds=2)


async def test_messages_are_scheduled_and_cancelled_by_their_numbers(on: Bus) -> None:
    sender, due = await on.sender("later"), datetime.now(UTC) + timedelta(seconds=0.5)
    messages = [ServiceBusMessage("kept"), ServiceBusMessage("cancelled")]

    kept, cancelled = await sender.schedule_messages(messages, due)
    await sender.cancel_scheduled_messages(cancelled)

    assert [text(one) for one in await on.take("later/all", 1)] == ["kept"]
    assert kept != cancelled
    with pytest.raises(ServiceBusError):
        await sender.cancel_scheduled_messages(cancelled)


async def test_a_full_topic_refuses_with_a_quota_error(on: Bus) -> None:
    await on.send("small", ServiceBusMessage("fits"))

    with pytest.raises(ServiceBusQuotaExceededError):
        await on.send("small", ServiceBusMessage("does not"))
