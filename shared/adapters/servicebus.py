"""Publisher, Scheduler and DeadLetters on Azure Service Bus topics. Knows no rule of payments.

Senders are kept open, one per topic: opening one costs three round trips. A lock guards each, because the SDK's senders
are not safe for several tasks.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from shared.codec.arrivals import arrived
from shared.codec.cloud_events import CONTENT_TYPE
from shared.codec.messages import Delivery, Message, parked
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from shared.ports.topics import Rejected

CALL_LIMIT_S = 30
"""For one send with the SDK's own retries in it; below the lock of a message (60 s)."""

DRAIN_WAIT_S = 2
"""How long to wait for the first message of a dead-letter queue."""

_TOO_LARGE = "larger than the broker takes"


def open_client(
    connection: str | None,
    *,
    namespace: str | None = None,
    credential: Any = None,  # noqa: ANN401 - azure.identity's credentials share no exported type
) -> ServiceBusClient:
    """A client by connection string or by namespace and credential; close it at the end."""
    if connection:
        return ServiceBusClient.from_connection_string(connection)
    return ServiceBusClient(str(namespace), credential)


@dataclass(slots=True)
class _Line:
    """The way to one topic."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: ServiceBusSender | None = None


class ServiceBusTopics:
    """All topics of a namespace."""

    def __init__(self, client: ServiceBusClient, *, dead_letter_topic: str, recorder: str) -> None:
        self._client = client
        self._dead_letter_topic = dead_letter_topic
        self._recorder = recorder
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)

    async def publish(self, messages: Sequence[Message]) -> tuple[Rejected, ...]:
        by_topic: defaultdict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_topic[message.topic].append(message)
        results = await asyncio.gather(
            *(self._send(topic, wanted) for topic, wanted in by_topic.items()), return_exceptions=True
        )
        faults = [result for result in results if isinstance(result, BaseException)]
        if faults:
            raise faults[0]
        return tuple(rejected for result in results if not isinstance(result, BaseException) for rejected in result)

    async def schedule(self, message: Message, *, due_at: datetime) -> None:
        rejected = await self._send(message.topic, [message], due_at=due_at)
        if rejected:
            raise BusUnavailable(f"message {message.message_id} is {rejected[0].reason}")

    async def park(self, letter: DeadLetter) -> None:
        rejected = await self._send(self._dead_letter_topic, [parked(letter)])
        if rejected:
            raise BusUnavailable(f"the dead letter of message {letter.message_id} is {rejected[0].reason}")

    async def drain(self, record: Callable[[Delivery], Awaitable[None]], *, limit: int) -> int:
        try:
            receiver = self._client.get_subscription_receiver(
                self._dead_letter_topic, self._recorder, sub_queue=ServiceBusSubQueue.DEAD_LETTER
            )
            async with receiver:
                messages = await receiver.receive_messages(max_message_count=limit, max_wait_time=DRAIN_WAIT_S)
                await _recorded(messages, record=record, receiver=receiver)
                return len(messages)
        except (ServiceBusError, OSError, TimeoutError) as exc:
            raise BusUnavailable("the recorder's dead-letter queue could not be read: call again") from exc

    async def ping(self) -> None:
        try:
            await self._send(self._dead_letter_topic, [])
        except AzureError as exc:  # such as a credential that cannot be had
            raise BusUnavailable(f"ping: topic {self._dead_letter_topic} refuses: {type(exc).__name__}") from exc

    async def close(self) -> None:
        for line in self._lines.values():
            if line.sender:
                await line.sender.close()
        await self._client.close()

    async def _send(self, topic: str, messages: Sequence[Message], *, due_at: datetime | None = None) -> list[Rejected]:
        line = self._lines[topic]
        async with line.lock:
            try:
                async with asyncio.timeout(CALL_LIMIT_S):
                    if line.sender is None:
                        line.sender = self._client.get_topic_sender(topic)
                    return await _send_in_batches(line.sender, messages, due_at=due_at)
            except (ServiceBusError, OSError, TimeoutError) as exc:
                await self._reopen_next_time(line)
                raise BusUnavailable(f"topic {topic} did not take {len(messages)} messages: send them again") from exc

    async def _reopen_next_time(self, line: _Line) -> None:
        """A sender whose link was detached may stall on its next use; a fresh one does not."""
        sender, line.sender = line.sender, None
        if sender is not None:
            try:
                async with asyncio.timeout(1):
                    await sender.close()
            except (ServiceBusError, OSError, TimeoutError):
                return  # it was of no use any more; the fault that matters is on its way up


async def _send_in_batches(
    sender: ServiceBusSender, messages: Sequence[Message], *, due_at: datetime | None
) -> list[Rejected]:
    """One call for as many messages as the broker takes at once (256 KB on Standard)."""
    rejected: list[Rejected] = []
    batch = await sender.create_message_batch()
    for message in messages:
        wire = _wire(message, due_at)
        if _added(batch, wire):
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


async def _recorded(
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
        for left in messages[done:]:
            await receiver.abandon_message(left)


def delivery_of(message: ServiceBusReceivedMessage, *, queue: str) -> Delivery:
    """What was received, whatever its body is, as the host's own triggers hand it over."""
    is_data = message.body_type is AmqpMessageBodyType.DATA
    body = b"".join(message.body) if is_data else _listed(message.body)
    deliveries = (message.delivery_count or 0) + 1  # on the wire it counts failures
    return arrived(message, body=body, delivery_count=deliveries, queue=queue)


def _listed(body: Any) -> object:  # noqa: ANN401 - a value of any type
    """The SDK hands over a sequence as a generator."""
    return list(body) if isinstance(body, Iterator) else body
