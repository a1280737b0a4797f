"""A publisher that is dead shows, measured from outside by the leases that the local host has really written."""

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
from tests.clock import ManualClock
from tests.e2e.conftest import running_shop
from tests.flow.kit.telemetry import RecordedTelemetry
from tests.waiting import until


@asynccontextmanager
async def services_of(platform: Platform, recorded: RecordedTelemetry, clock: ManualClock) -> AsyncIterator[Services]:
    """The product's services in this process, while the host has its own elsewhere."""
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
        yield dataclasses.replace(built.services, telemetry=recorded.adapter, clock=clock)
    finally:
        await built.close()


async def all_published(services: Services) -> None:
    async def are() -> bool:
        return not any(part.changes for part in (await services.outbox.unread())[flow.PUBLISH_LEASE_PREFIX])

    await until(are, limit_s=None, every_s=0.05)


async def test_a_dead_publisher_shows_as_a_lag_that_grows_and_ends_when_it_lives_again(tmp_path: Path) -> None:
    recorded, clock = RecordedTelemetry(), ManualClock()
    async with (
        running_shop(data=tmp_path) as (platform, shop),
        services_of(platform, recorded, clock) as services,
        open_client(platform.cosmos_connection, proxies=False) as client,
    ):
        lags = []

        async def measure() -> None:
            await measure_backlog(services=services)
            lags.append(recorded.metric("outbox.lag_s"))

        await shop.finished(await shop.order("first"))
        await all_published(services)
        await measure()
        await platform.kill("host")
        events = client.get_database_client(flow.DATABASE).get_container_client(flow.EVENTS)
        await events.create_item({"id": "x:1", "paymentId": "x"})
        for _ in range(3):
            await measure()
            clock.advance_s(60)
        await platform.start("host")
        await all_published(services)
        await measure()

    recorded.close()
    assert lags == [0, 0, 60, 120, 0]
