"""query: the events of a payment, and whether the store and the bus answer. Changes nothing. Knows no HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from shared.domain.stream import StoredEvent
from shared.domain.waiting import Wait, waits
from shared.errors import PaymentsError
from shared.services import Services


async def stream_of(payment_id: str, *, services: Services) -> tuple[StoredEvent, ...]:
    """The events of a payment in order; () when there is no such payment. Raises StoreBusy."""
    with services.telemetry.span("query", payment_id=payment_id):
        return await services.store.load(payment_id)


def waiting(stream: Sequence[StoredEvent], *, services: Services) -> tuple[Wait, ...]:
    """Where the payment does not go on now. A step is given the time of a whole turn before that is said."""
    return waits(stream, now=services.clock.now(), patience=services.limits.turn_limit)


CHECK_LIMIT_S = 10.0


async def readiness(*, services: Services) -> dict[str, str]:
    """What this app cannot work without, each `ok` or the kind of fault that stops it. Takes 10 s at most."""
    store, bus = await asyncio.gather(_check(services.store.ping), _check(services.publisher.ping))
    return {"store": store, "bus": bus}


async def _check(ping: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            await ping()
    except (PaymentsError, TimeoutError) as exc:
        return type(exc).__name__
    return "ok"
