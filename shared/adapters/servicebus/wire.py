"""Our messages to those of the SDK, and what it received to deliveries. Knows no topic by name."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError

from shared.codec.arrivals import arrived
from shared.codec.cloud_events import CONTENT_TYPE
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message
from shared.ports.topics import Rejected

GIVE_BACK_LIMIT_S = 10
_TOO_LARGE = "larger than the broker takes"


async def send_in_batches(
    sender: ServiceBusSender, messages: Sequence[Message], *, due_at: datetime | None
) -> list[Rejected]:
    """One call for as many messages as the broker takes at once (256 KB on Standard)."""
    rejected: list[Rejected] = []
    batch = await sender.create_message_batch()
    for message in messages:
        try:
            wire = _wire(message, due_at)
            if _added(batch, wire):
                continue
        except ValueError as exc:  # such as an id of more than 128 characters, or half a surrogate pair
            rejected.append(Rejected(message, f"nothing that can be sent: {exc}"))
            continue
        if len(batch):
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
        if not _added(batch, wire):
            rejected.append(Rejected(message, _TOO_LARGE))
    if len(batch):
        await sender.send_messages(batch)
    return rejected


def _added(batch: ServiceBusMessageBatch, message: ServiceBusMessage) -> bool:
    try:
        batch.add_message(message)
    except MessageSizeExceededError:
        return False
    return True


def _wire(message: Message, due_at: datetime | None) -> ServiceBusMessage:
    properties: dict[str | bytes, Any] = dict(message.properties.items())
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        subject=message.subject,
        to=message.to,
        content_type=CONTENT_TYPE,
        application_properties=properties,
        scheduled_enqueue_time_utc=due_at,
    )


async def recorded(
    messages: Sequence[ServiceBusReceivedMessage],
    *,
    record: Callable[[Delivery], Awaitable[None]],
    receiver: ServiceBusReceiver,
) -> None:
    """One after another: concurrent completes on one receiver stall. At a fault the rest is given back at once."""
    done = 0
    try:
        for message in messages:
            await record(delivery_of(message, queue="dead"))
            await receiver.complete_message(message)
            done += 1
    finally:
        await _give_back(messages[done:], receiver=receiver)


async def _give_back(messages: Sequence[ServiceBusReceivedMessage], *, receiver: ServiceBusReceiver) -> None:
    """As far as the broker takes them soon; what it does not take comes back when its lock ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GIVE_BACK_LIMIT_S):
            for message in messages:
                await receiver.abandon_message(message)


def delivery_of(message: ServiceBusReceivedMessage, *, queue: str) -> Delivery:
    """What was received, whatever its body is, as the host's own triggers hand it over."""
    is_data = message.body_type is AmqpMessageBodyType.DATA
    body = b"".join(message.body) if is_data else _listed(message.body)
    deliveries = (message.delivery_count or 0) + 1  # on the wire it counts failures
    return arrived(message, body=body, delivery_count=deliveries, queue=queue)


def _listed(body: Any) -> object:  # noqa: ANN401 - a value of any type
    """The SDK hands over a sequence as a generator."""
    return list(body) if isinstance(body, Iterator) else body
