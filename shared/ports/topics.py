"""The topics: publishing to all, and messages for later. Raises BusUnavailable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.codec.messages import Message


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that was not sent, and why. for_good: the broker never takes it; else its topic refused too long."""

    message: Message
    reason: str
    for_good: bool = True


class Publisher(Protocol):
    """The topics."""

    async def publish(self, messages: Sequence[Message], *, patience: timedelta | None = None) -> tuple[Rejected, ...]:
        """Send to every topic concerned, one call per topic and 256 KB. Returns what is refused for good.

        Tries every topic, then raises BusUnavailable if one failed. Sending all again is safe. With patience, messages
        of a topic that has refused for so long, while the broker took from others, are returned too.
        """

    async def ping(self) -> None:
        """Raises BusUnavailable for any reason why the broker does not answer."""


class Scheduler(Protocol):
    """Messages for later."""

    async def schedule(self, message: Message, *, due_at: datetime) -> None:
        """Hand the message to the broker, to be delivered from due_at on. Raises BusUnavailable."""
