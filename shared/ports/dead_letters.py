"""The topic where everything that cannot go on is kept, and its own dead-letter queue. Raises BusUnavailable."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.domain.letters import DeadLetter


class DeadLetters(Protocol):
    """The topic where everything that cannot go on is kept."""

    async def park(self, letter: DeadLetter) -> None:
        """Raises BusUnavailable; then nothing may be completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMessage:
    """A message in a dead-letter queue; source: the broker's name of where it died first."""

    message_id: str
    body: str
    subject: str
    delivery_count: int
    properties: Mapping[str, object]
    source: str | None


class RecorderQueue(Protocol):
    """The dead-letter queue of the subscription that records dead letters."""

    async def drain(self, record: Callable[[DeadMessage], Awaitable[None]], *, limit: int) -> int:
        """Hand over at most `limit` messages, completing each when `record` has returned; how many there were.

        Raises BusUnavailable, and what `record` raises: what was not completed comes again.
        """
