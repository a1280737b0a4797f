"""What is done to the platform, one fault after another, and how soon each must be seen and be over.

Measures nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import aiohttp

from local.gameday.poison import send_poison
from local.keeper import Keeper

_STORE_FAULT = {"status": 429, "container": "events", "retry_after_ms": 100, "count": 1_000_000}
_MESSAGES, _RETRYING_WITHIN_S, _LOOK_S = 3, 30.0, 0.1


@dataclass(frozen=True, slots=True)
class Field:
    """Where it is done."""

    http: aiohttp.ClientSession
    keeper: Keeper

    async def tell(self, method: str, url: str, **body: object) -> None:
        """Raises aiohttp.ClientError."""
        async with self.http.request(method, url, json=body or None) as response:
            response.raise_for_status()

    async def tell_provider(self, asked: str, **body: object) -> None:
        """asked: method and path."""
        method, path = asked.split()
        await self.tell(method, self.keeper.platform.provider_url + path, **body)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault. hold_s: how long it lasts, while payments go on coming. The limits are of a laptop that is busy.

    seen_within_s: from the beginning of the fault until an operator can see that something is wrong; well_within_s:
    from its end until all payments are where they belong.
    """

    name: str
    title: str
    hurts: Callable[[Field], Coroutine[None, None, None]]
    heals: Callable[[Field], Coroutine[None, None, None]]
    hold_s: float
    seen_within_s: float
    well_within_s: float


async def _provider_down(field: Field) -> None:
    await field.tell_provider("POST /faults", rate_5xx=1)


async def _provider_up(field: Field) -> None:
    await field.tell_provider("DELETE /faults")


async def _bus_frozen(field: Field) -> None:
    await field.keeper.do("freeze", "servicebus")


async def _bus_thawed(field: Field) -> None:
    await field.keeper.do("thaw", "servicebus")


async def _store_throttled(field: Field) -> None:
    await field.tell("POST", f"{field.keeper.platform.cosmos_url}_local/faults", **_STORE_FAULT)


async def _store_free(field: Field) -> None:
    await field.tell("DELETE", f"{field.keeper.platform.cosmos_url}_local/faults")


async def _poison(field: Field) -> None:
    await send_poison(field.keeper.platform.servicebus_connection)


async def _host_killed(field: Field) -> None:
    await field.keeper.do("kill", "host")


async def _nothing(_: Field) -> None:
    """It ends by itself."""


async def _bus_emptied(field: Field) -> None:
    """What it holds are retries, for the provider fails; a broker that comes back from a backup has lost them."""
    await _provider_down(field)
    async with asyncio.timeout(_RETRYING_WITHIN_S):
        while await _waiting(field) < _MESSAGES:  # noqa: ASYNC110 - the bus tells nobody
            await asyncio.sleep(_LOOK_S)
    await field.keeper.do("kill", "servicebus")
    for ending in ("", "-wal", "-shm"):
        (field.keeper.platform.setup.data / f"servicebus.sqlite{ending}").unlink(missing_ok=True)
    await _provider_up(field)


async def _waiting(field: Field) -> int:
    """How many messages the bus holds back for later."""
    async with field.http.get(f"{field.keeper.platform.admin_url}/entities") as response:
        return sum(topic["scheduled"] for topic in (await response.json()).values())


SCENARIOS = (
    Scenario("provider", "the provider fails every call", _provider_down, _provider_up, 10, 15, 90),
    Scenario("bus", "the bus hangs, and its connections stay", _bus_frozen, _bus_thawed, 10, 20, 90),
    Scenario("store", "the store throttles every request for events", _store_throttled, _store_free, 10, 15, 90),
    Scenario("poison", "messages that nobody here wrote", _poison, _nothing, 3, 30, 90),
    Scenario("host", "the host is killed", _host_killed, _nothing, 3, 10, 90),
    Scenario("messages", "the bus comes back without the messages that it held", _bus_emptied, _nothing, 3, 30, 180),
)
