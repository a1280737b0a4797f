"""Publisher, Scheduler and DeadLetters on Azure Service Bus topics: which line, and what a refusal means."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError

from shared.adapters.servicebus.lines import CALL_LIMIT_S, Line, NoFreeSender
from shared.adapters.servicebus.places import Places, few_at_once, one_at_a_time
from shared.adapters.servicebus.wire import recorded
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message, parked
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from shared.ports.clock import Clock
from shared.ports.topics import Rejected

GIVEN_UP_LIMIT_S = 5
"""For a send to a topic that has been given up. Each batch tries it once more, and must not wait long for it."""

PING_LIMIT_S = 10
"""For a new link; below the patience of those who probe."""

DRAIN_WAIT_S = 2
"""How long to wait for the first message of a dead-letter queue."""


class ServiceBusTopics:
    """All topics of a namespace.

    senders: how many may be open at once; None for one per topic. With a number, one ping and one drain at a time have
    a connection each beside them.
    """

    def __init__(
        self,
        client: ServiceBusClient,
        *,
        dead_letter_topic: str,
        recorder: str,
        clock: Clock,
        senders: int | None = None,
    ) -> None:
        self._client = client
        self._dead_letter_topic = dead_letter_topic
        self._recorder = recorder
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._senders = senders
        self._places = Places(senders) if senders else None
        self._pinging = asyncio.Lock() if senders else None
        self._draining = asyncio.Lock() if senders else None

    async def publish(self, messages: Sequence[Message], *, patience: timedelta | None = None) -> tuple[Rejected, ...]:
        wanted: defaultdict[str, list[Message]] = defaultdict(list)
        for message in messages:
            wanted[message.topic].append(message)
        results = await self._sent(wanted, patience=patience)
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

    async def _sent(
        self, wanted: Mapping[str, Sequence[Message]], *, patience: timedelta | None
    ) -> list[list[Rejected] | BaseException]:
        """What came of each topic. No more at once than there are senders: the last would use up its limit waiting."""
        sends = [
            partial(
                self._line(topic).send,
                for_topic,
                limit_s=GIVEN_UP_LIMIT_S if self._line(topic).is_given_up(patience) else None,
            )
            for topic, for_topic in wanted.items()
        ]
        return await asyncio.gather(*few_at_once(sends, self._senders), return_exceptions=True)

    async def _given_up(
        self,
        faults: Mapping[str, BaseException],
        *,
        wanted: Mapping[str, Sequence[Message]],
        patience: timedelta | None,
    ) -> list[Rejected]:
        """The messages of the topics that failed, once each has refused too long; raises the first fault before."""
        others_take = len(faults) < len(wanted) or await self._answers()
        for topic, fault in faults.items():
            if not others_take:
                self._line(topic).forget()
            elif not isinstance(fault, NoFreeSender):
                self._line(topic).refused(now=self._clock.now())
        for topic, fault in faults.items():
            if not _is_refusal(fault) or not self._line(topic).is_given_up(patience):
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
        rejected = await self._line(message.topic).send([message], due_at=due_at)
        if rejected:
            raise BusUnavailable(f"message {message.message_id} is {rejected[0].reason}")

    async def park(self, letter: DeadLetter) -> None:
        rejected = await self._line(self._dead_letter_topic).send([parked(letter)])
        if rejected:
            raise BusUnavailable(f"the dead letter of message {letter.message_id} is {rejected[0].reason}")

    async def drain(self, record: Callable[[Delivery], Awaitable[None]], *, limit: int) -> int:
        try:
            receiver = self._client.get_subscription_receiver(
                self._dead_letter_topic, self._recorder, sub_queue=ServiceBusSubQueue.DEAD_LETTER
            )
            async with one_at_a_time(self._draining, wait_s=CALL_LIMIT_S), receiver:
                messages = await receiver.receive_messages(max_message_count=limit, max_wait_time=DRAIN_WAIT_S)
                await recorded(messages, record=record, receiver=receiver)
                return len(messages)
        except (ServiceBusError, OSError, TimeoutError) as exc:
            raise BusUnavailable("the recorder's dead-letter queue could not be read: call again") from exc

    async def ping(self) -> None:
        """Open a link of its own to the dead-letter topic: one that is open already says nothing of the broker."""
        topic = self._dead_letter_topic
        try:
            async with (
                asyncio.timeout(PING_LIMIT_S),
                one_at_a_time(self._pinging, wait_s=PING_LIMIT_S),
                self._client.get_topic_sender(topic) as sender,
            ):
                await sender.create_message_batch()
        except (AzureError, OSError, TimeoutError) as exc:  # also a credential that cannot be had
            raise BusUnavailable(f"ping: topic {topic} refuses: {type(exc).__name__}") from exc

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._lines.values()))
        await self._client.close()

    def _line(self, topic: str) -> Line:
        if topic not in self._lines:
            self._lines[topic] = Line(self._client, topic, self._places)
        return self._lines[topic]


def _is_refusal(fault: BaseException) -> bool:
    return isinstance(fault, BusUnavailable) and not isinstance(fault, NoFreeSender)
