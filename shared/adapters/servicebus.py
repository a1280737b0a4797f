"""Publisher, Scheduler and DeadLetters on Azure Service Bus topics. Knows no rule of payments.

Senders are kept open, one per topic: opening one costs three round trips. A lock guards each, because the SDK's senders
are not safe for several tasks.

Since when a topic refuses is remembered per process. A new process begins the patience anew, and each of several
processes has its own: one that never lives as long as the patience never gives a topic up. The time counts from the
first refusal while the broker took from another topic, or opened a link to the dead-letter topic when nothing else was
to be sent. It begins anew when the topic takes a message, when the whole broker is away, and after an hour without a
refusal: the feed's part may have gone to another process and come back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from shared.codec.arrivals import arrived
from shared.codec.cloud_events import CONTENT_TYPE
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message, parked
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from shared.ports.clock import Clock
from shared.ports.topics import Rejected

CALL_LIMIT_S = 30
"""For one send with the SDK's own retries in it and the wait for its turn; below the lock of a message (60 s)."""

GIVEN_UP_LIMIT_S = 5
"""The same for a topic that has been given up. Each batch tries it once more, and must not wait long for it."""

PING_LIMIT_S = 10
"""For a new link; below the patience of those who probe."""

DRAIN_WAIT_S = 2
"""How long to wait for the first message of a dead-letter queue."""

FORGOTTEN_AFTER = timedelta(hours=1)
"""Refusals further apart are not one: far longer than the feed's retries are apart (30 s)."""

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
    """The way to one topic. refusing_since, refused_at: None while it takes, or while nobody knows that others do."""

    topic: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: ServiceBusSender | None = None
    refusing_since: datetime | None = None
    refused_at: datetime | None = None

    def forget(self) -> None:
        self.refusing_since = self.refused_at = None

    def refused(self, *, now: datetime) -> None:
        if self.refusing_since is None or self.refused_at is None or now - self.refused_at > FORGOTTEN_AFTER:
            self.refusing_since = now
        self.refused_at = now

    def is_given_up(self, patience: timedelta | None) -> bool:
        if patience is None or self.refusing_since is None or self.refused_at is None:
            return False
        return self.refused_at - self.refusing_since >= patience


class ServiceBusTopics:
    """All topics of a namespace."""

    def __init__(self, client: ServiceBusClient, *, dead_letter_topic: str, recorder: str, clock: Clock) -> None:
        self._client = client
        self._dead_letter_topic = dead_letter_topic
        self._recorder = recorder
        self._clock = clock
        self._lines: dict[str, _Line] = {}

    async def publish(self, messages: Sequence[Message], *, patience: timedelta | None = None) -> tuple[Rejected, ...]:
        wanted: defaultdict[str, list[Message]] = defaultdict(list)
        for message in messages:
            wanted[message.topic].append(message)
        given_up = {topic for topic in wanted if self._line(topic).is_given_up(patience)}
        results = await asyncio.gather(
            *(
                self._send(topic, for_topic, limit_s=GIVEN_UP_LIMIT_S if topic in given_up else None)
                for topic, for_topic in wanted.items()
            ),
            return_exceptions=True,
        )
        by_topic = dict(zip(wanted, results, strict=True))
        rejected = [each for result in results if not isinstance(result, BaseException) for each in result]
        faults = {topic: result for topic, result in by_topic.items() if isinstance(result, BaseException)}
        for topic in wanted.keys() - faults.keys():
            self._line(topic).forget()
        if faults and patience is None:
            raise next(iter(faults.values()))
        if faults:
            rejected += await self._given_up(faults, wanted=wanted, patience=patience)
        return tuple(rejected)

    async def _given_up(
        self,
        faults: Mapping[str, BaseException],
        *,
        wanted: Mapping[str, Sequence[Message]],
        patience: timedelta | None,
    ) -> list[Rejected]:
        """The messages of the topics that failed, once each has refused too long; raises the first fault before."""
        others_take = len(faults) < len(wanted) or await self._answers()
        for line in map(self._line, faults):
            if others_take:
                line.refused(now=self._clock.now())
            else:
                line.forget()
        for topic, fault in faults.items():
            if not isinstance(fault, BusUnavailable) or not self._line(topic).is_given_up(patience):
                raise fault
        return [
            Rejected(message, f"topic {topic} has refused for too long while others took: {fault}", for_good=False)
            for topic, fault in faults.items()
            for message in wanted[topic]
        ]

    async def _answers(self) -> bool:
        try:
            await self.ping()
        except BusUnavailable:
            return False
        return True

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
        """Open a link of its own to the dead-letter topic: one that is open already says nothing of the broker."""
        topic = self._dead_letter_topic
        try:
            async with asyncio.timeout(PING_LIMIT_S), self._client.get_topic_sender(topic) as sender:
                await sender.create_message_batch()
        except (AzureError, OSError, TimeoutError) as exc:  # also a credential that cannot be had
            raise BusUnavailable(f"ping: topic {topic} refuses: {type(exc).__name__}") from exc

    async def close(self) -> None:
        for line in self._lines.values():
            if line.sender:
                await line.sender.close()
        await self._client.close()

    def _line(self, topic: str) -> _Line:
        return self._lines.setdefault(topic, _Line(topic))

    async def _send(
        self, topic: str, messages: Sequence[Message], *, due_at: datetime | None = None, limit_s: float | None = None
    ) -> list[Rejected]:
        """The limit holds for the wait for the line too: the last of many callers waits no longer than the first."""
        line = self._line(topic)
        try:
            async with asyncio.timeout(limit_s or CALL_LIMIT_S), line.lock:
                return await self._send_on(line, messages, due_at=due_at)
        except (ServiceBusError, OSError, TimeoutError) as exc:
            raise BusUnavailable(
                f"topic {topic} did not take {len(messages)} messages ({type(exc).__name__}): send them again"
            ) from exc

    async def _send_on(self, line: _Line, messages: Sequence[Message], *, due_at: datetime | None) -> list[Rejected]:
        if line.sender is None:
            line.sender = self._client.get_topic_sender(line.topic)
        try:
            return await _send_in_batches(line.sender, messages, due_at=due_at)
        except (ServiceBusError, OSError, asyncio.CancelledError):
            await self._reopen_next_time(line)
            raise

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
