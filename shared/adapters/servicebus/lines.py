"""The way to one topic: its sender, and since when it refuses. Knows no other topic.

A sender is kept open: opening one costs three round trips. A lock guards it, because the SDK's senders are not safe for
several tasks. Where places are few, a sender gives its place away while it is idle, and never during a send.

Since when a topic refuses is remembered per process. A new process begins the patience anew, and each of several
processes has its own: one that never lives as long as the patience never gives a topic up. The time counts from the
first refusal while the broker took from another topic, or opened a link to the dead-letter topic when nothing else was
to be sent. It begins anew when the topic takes a message, when the whole broker is away, and after an hour without a
refusal: the feed's part may have gone to another process and come back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from shared.adapters.servicebus.places import Places
from shared.adapters.servicebus.wire import send_in_batches
from shared.codec.messages import Message
from shared.errors import BusUnavailable
from shared.ports.topics import Rejected

CALL_LIMIT_S = 30
"""For one send with the SDK's own retries in it and the wait for its turn; below the lock of a message (60 s)."""

HANG_UP_LIMIT_S = 1
"""For closing a sender. The SDK cuts the connection at once and then waits up to a second for a task of its own."""

FORGOTTEN_AFTER = timedelta(hours=1)
"""Refusals further apart are not one: far longer than the feed's retries are apart (30 s)."""


class NoFreeSender(BusUnavailable):
    """All senders that may be open were at work too long. The topic was not asked, so it has not refused."""


@dataclass(slots=True, eq=False)
class Line:
    """One for each topic. refusing_since, refused_at: None while it takes, or while nobody knows that others do.

    places: what all lines share when not all of them may be open at once.
    """

    client: ServiceBusClient
    topic: str
    places: Places | None = None
    refusing_since: datetime | None = None
    refused_at: datetime | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _sender: ServiceBusSender | None = field(default=None, init=False)
    _waits_for_a_place: bool = field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        return self._sender is not None

    async def send(
        self, messages: Sequence[Message], *, due_at: datetime | None = None, limit_s: float | None = None
    ) -> list[Rejected]:
        """The limit holds for the wait for the line too: the last of many callers waits no longer than the first.

        Raises BusUnavailable, and NoFreeSender when nothing was sent because no place was free.
        """
        limit_s = limit_s or CALL_LIMIT_S
        try:
            async with asyncio.timeout(limit_s), self._lock:
                if self.places is None:
                    return await self._send(messages, due_at=due_at)
                return await self._send_in_turn(messages, due_at=due_at, places=self.places, limit_s=limit_s)
        except (ServiceBusError, OSError, TimeoutError) as exc:
            fault = NoFreeSender if self._waits_for_a_place else BusUnavailable
            raise fault(
                f"topic {self.topic} did not take {len(messages)} messages ({type(exc).__name__}): send them again"
            ) from exc

    async def close(self) -> None:
        if self._sender:
            await self._sender.close()

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

    async def hang_up(self) -> None:
        """Close the sender; the next send opens another. One whose link was detached may stall on its next use."""
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                async with asyncio.timeout(HANG_UP_LIMIT_S):
                    await sender.close()
            except (ServiceBusError, OSError):  # a time-out is one of the latter
                return  # it is of no use any more, and the SDK has cut its connection first

    async def _send_in_turn(
        self, messages: Sequence[Message], *, due_at: datetime | None, places: Places, limit_s: float
    ) -> list[Rejected]:
        """Half of the limit is for waiting, so that a send that begins has time to end."""
        self._waits_for_a_place = True
        async with places.turn(self, wait_s=limit_s / 2):
            self._waits_for_a_place = False
            return await self._send(messages, due_at=due_at)

    async def _send(self, messages: Sequence[Message], *, due_at: datetime | None) -> list[Rejected]:
        if self._sender is None:
            self._sender = self.client.get_topic_sender(self.topic)
        try:
            return await send_in_batches(self._sender, messages, due_at=due_at)
        except (ServiceBusError, OSError, asyncio.CancelledError):
            await self.hang_up()
            raise
