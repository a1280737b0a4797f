"""A publisher that is dead shows, measured from outside by the leases that the local host has really written."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from local.supervisor import Platform
from shared import flow, wiring
from shared.adapters.cosmos.client import open_client
from shared.services import Services
from shared.settings import Settings
from shared.verbs.measure import measure_backlog
from tests.e2e.conftest import open_for_business
from tests.flow.clock import VirtualClock
from tests.flow.signals_seen import SignalsSeen


@asynccontextmanager
async def an_onlooker(platform: Platform, seen: SignalsSeen, clock: VirtualClock) -> AsyncIterator[Services]:
    """The product's services in another process than the host's: this one."""
    settings = Settings.model_validate(
        {
            "CosmosConnection": platform.cosmos_connection,
            "ServiceBusConnection": platform.servicebus_connection,
            "merchant_id": "merchant-1",
            "provider_base_url": platform.provider_url,
        }
    )
    built = await wiring.build(settings)
    try:
        yield dataclasses.replace(built.services, telemetry=seen.telemetry, clock=clock)
    finally:
        await built.close()


async def all_published(services: Services) -> None:
    while any(part.changes for part in await services.outbox.unpublished()):
        await asyncio.sleep(0.05)


async def test_a_dead_publisher_shows_as_a_lag_that_grows_and_ends_when_it_lives_again(tmp_path: Path) -> None:
    seen, clock = SignalsSeen(), VirtualClock()
    async with (
        open_for_business(data=tmp_path) as (platform, shop),
        an_onlooker(platform, seen, clock) as services,
        open_client(platform.cosmos_connection, proxies=False) as client,
    ):
        lags = []

        async def measure() -> None:
            await measure_backlog(services=services)
            lags.append(seen.figure("outbox.lag_s"))

        await shop.rest(await shop.order("first"))
        await all_published(services)
        await measure()
        await platform.kill("host")
        events = client.get_database_client(flow.DATABASE).get_container_client(flow.EVENTS)
        await events.create_item({"id": "x:1", "paymentId": "x"})
        for _ in range(3):
            await measure()
            clock.pass_s(60)
        await platform.start("host")
        await all_published(services)
        await measure()

    seen.close()
    assert lags == [0, 0, 60, 120, 0]
