"""recover, by a timer or an operator: record letters that died on their way to being recorded. Nothing else reads that
queue.

What the host cannot turn into what a function takes dies twice without our code: in the step, then in the recorder.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.codec.deliveries import Delivery
from shared.services import Services

AT_ONCE = 50
"""Messages in a round, so that a round ends well within the time of a request."""

ROUNDS = 10
"""Of one tick of the timer, so that it ends well within the host's limit for a function."""


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


async def drain_all(*, keep: Callable[..., Awaitable[None]], services: Services) -> None:
    """Rounds until the queue is empty, as many as belong to a tick. Raises BusUnavailable: the next tick goes on."""
    for _ in range(ROUNDS):
        if not (await drain(keep=keep, services=services)).more:
            return
