"""The topics: publishing to all, and messages for later. Raises BusUnavailable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.codec.messages import Message


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that the broker will never take, and why."""

    message: Message
    reason: str


class Publisher(Protocol):
    """The topics."""

    async def publish(self, messages: Sequence[Message]) -> tuple[Rejected, ...]:
        """Send to every topic concerned, one call per topic and 256 KB. Returns what is refused for good.

        Tries every topic, then raises BusUnavailable if one failed. Sending all again is safe.
        """

    async def ping(self) -> None:
        """Raises BusUnavailable for any reason why the broker does not answer."""


class Scheduler(Protocol):
    """Messages for later."""

    async def schedule(self, message: Message, *, due_at: datetime) -> None:
        """Hand the message to the broker, to be delivered from due_at on. Raises BusUnavailable."""
