"""Messages that nobody here wrote, on a step's topic: each ends as an open letter under its own id, and none is hidden.

The host reads a body before our code does. What a body says about its own message must change nothing.
"""

import asyncio
import json
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from local.supervisor import Platform
from tests import places
from tests.e2e.diagnostics import topics
from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITHIN_S = 120.0

BODIES: dict[str, bytes | dict[str, Any]] = {
    "text": b"a text",
    "object": b'{"a": 1}',
    "array": b"[1, 2]",
    "number": b"7",
    "empty": b"",
    "not-utf-8": b"ab\xff\xfe",
    "value-text": {"value_body": "a text"},
    "value-number": {"value_body": 7},
    "says-delivery-count": b'{"DeliveryCount": "abc"}',
    "says-message-id": b'{"messageId": "another"}',
    "says-user-properties": b'{"UserProperties": "x"}',
    "says-application-properties": b'{"ApplicationProperties": {"a": 1}}',
    "says-enqueued-time": b'{"enqueuedTimeUtc": "yesterday"}',
    "says-dead-letter-source": b'{"deadLetterSource": "payment-settled/Subscriptions/notify"}',
}
"""By message id: bytes as they are sent, or what an AMQP message of another kind holds."""


async def send_foreign(platform: Platform) -> None:
    async with (
        ServiceBusClient.from_connection_string(platform.servicebus_connection) as client,
        client.get_topic_sender(places.CREATE.topic) as sender,
    ):
        for message_id, body in BODIES.items():
            if isinstance(body, bytes):
                await sender.send_messages(ServiceBusMessage(body, message_id=message_id))
            else:
                named = AmqpMessageProperties(message_id=message_id)
                await sender.send_messages(AmqpAnnotatedMessage(**body, properties=named))


async def open_letters(shop: Shop) -> dict[str, dict[str, Any]]:
    """Whole, by message id."""
    listed = await shop.get("/api/ops/dead-letters?status=open&limit=200")
    whole = await asyncio.gather(*(shop.get(f"/api/ops/dead-letters/{x['id']}") for x in listed.body["dead_letters"]))
    return {letter.body["message"]["message_id"]: letter.body for letter in whole}


async def resting(shop: Shop, platform: Platform) -> dict[str, int]:
    """Dead-letter queues that hold something."""
    found = {
        f"{topic}/{name}": counted["dead_lettered"]
        for topic, described in (await topics(shop.http, platform)).items()
        for name, counted in described["subscriptions"].items()
    }
    return {place: number for place, number in found.items() if number}


@pytest.mark.timeout(WITHIN_S + 60)
async def test_every_foreign_message_is_an_open_letter_under_its_own_id_within_two_minutes(
    shop: Shop, platform: Platform
) -> None:
    seen: dict[str, dict[str, Any]] = {}

    async def all_are_there() -> bool:
        seen.update(await open_letters(shop))
        return seen.keys() >= BODIES.keys()

    await send_foreign(platform)
    try:
        await until(all_are_there, what=lambda: "it took too long", limit_s=WITHIN_S, every_s=1)
    finally:
        print(json.dumps({"missing": sorted(BODIES.keys() - seen.keys()), "resting": await resting(shop, platform)}))
        for message_id, letter in seen.items():
            print(f"{message_id:28} {letter['source']:26} {letter['reason']:26} {letter['message']['body'][:40]!r}")

    assert seen.keys() == BODIES.keys()
    assert {letter["source"] for letter in seen.values()} == {str(places.CREATE)}
    assert {letter["severity"] for letter in seen.values()} == {"normal"}
    await until(lambda: _empty(shop, platform), what=lambda: "something rests in a dead-letter queue")
    async with shop.http.post(f"{shop.url}/api/ops/dead-letters/drain") as drained:
        assert (drained.status, await drained.json()) == (200, {"recorded": 0, "more": False})


async def _empty(shop: Shop, platform: Platform) -> bool:
    return not await resting(shop, platform)


async def test_what_a_foreign_message_held_is_kept_as_it_was(shop: Shop) -> None:
    letters = await open_letters(shop)

    kept = {message_id: letter["message"]["body"] for message_id, letter in letters.items()}
    assert kept == {
        message_id: body.decode(errors="replace") if isinstance(body, bytes) else str(body["value_body"])
        for message_id, body in BODIES.items()
    }
    assert {letter["reason"] for letter in letters.values()} == {"unreadable", "MaxDeliveryCountExceeded"}
