"""The topic where everything that cannot go on is kept, and its own dead-letter queue. Raises BusUnavailable."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.codec.deliveries import Delivery
from shared.domain.letters import DeadLetter


class DeadLetters(Protocol):
    """The topic where everything that cannot go on is kept."""

    async def park(self, letter: DeadLetter) -> None:
        """Raises BusUnavailable; then nothing may be completed."""


class RecorderQueue(Protocol):
    """The dead-letter queue of the subscription that records dead letters."""

    async def drain(self, record: Callable[[Delivery], Awaitable[None]], *, limit: int) -> int:
        """Hand at most `limit` messages to `record`, and complete each when it has returned; how many there were.

        Raises BusUnavailable, and what `record` raises. A message that was not completed comes again.
        """
