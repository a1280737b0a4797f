"""recover, by an operator: record letters that died on their way to being recorded. Nothing else reads that queue."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.codec.messages import Delivery
from shared.services import Services

AT_ONCE = 50
"""Messages in a round, so that a round ends well within the time of a request."""


@dataclass(frozen=True, slots=True)
class Drained:
    """How many were recorded, and whether the queue may hold more."""

    recorded: int
    more: bool


async def drain(*, keep: Callable[..., Awaitable[None]], services: Services) -> Drained:
    """Hand what is in the recorder's own dead-letter queue to `keep`, which records it.

    Raises BusUnavailable: call again, nothing is lost.
    """

    async def recorded(delivery: Delivery) -> None:
        await keep(delivery, services=services)

    count = await services.recorder_queue.drain(recorded, limit=AT_ONCE)
    return Drained(recorded=count, more=count == AT_ONCE)
