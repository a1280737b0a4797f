"""One life of the function app's process: the product's own wiring over the services of a world. Dies and is replaced.

Only what a test must hold in its hand is exchanged: time, jitter, and where telemetry goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from azure.cosmos.aio import CosmosClient

from shared import flow, wiring
from shared.adapters.cosmos import client as cosmos
from shared.adapters.servicebus import ServiceBusTopics
from shared.services import Services
from shared.settings import Settings
from tests.faults import Tripwire, watched
from tests.flow.bus import DirectBus
from tests.flow.grounds import Grounds
from tests.flow.signals_seen import SignalsSeen

QUICK = {
    **{f"retry_{step}_attempts": 4 for step in ("create", "settle", "void", "notify")},
    **{f"retry_{step}_base_s": 1 for step in ("create", "settle", "void", "notify")},
    **{f"retry_{step}_cap_s": 60 for step in ("create", "settle", "void", "notify")},
}
"""Retries that a test can count on its fingers: after 1, 2 and 4 seconds, with the full jitter of these worlds."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The services, and what is thrown away with them."""

    services: Services
    _client: CosmosClient
    _session: aiohttp.ClientSession

    async def close(self) -> None:
        await self._session.close()
        await self._client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What every worker of a world is made from.

    settings: changes to QUICK and the product's defaults. alter: puts something of the test's between verb and adapter.
    """

    grounds: Grounds
    bus: DirectBus
    seen: SignalsSeen
    wire: Tripwire
    settings: Mapping[str, Any]
    alter: Callable[[Services], Services]

    async def hire(self) -> Worker:
        settings = Settings.model_validate(
            {
                "CosmosConnection": self.grounds.cosmos.connection_string,
                "ServiceBusConnection": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=none;SharedAccessKey=none",
                "merchant_id": "merchant-1",
                "provider_base_url": self.grounds.provider_url,
                **QUICK,
                **self.settings,
            }
        )
        client = cosmos.open_client(self.grounds.cosmos.connection_string, proxies=False)
        await client.__aenter__()
        session = aiohttp.ClientSession()
        bus: Any = self.bus
        topics = ServiceBusTopics(bus, dead_letter_topic=flow.DEAD_LETTER_TOPIC, recorder=flow.RECORD_SUBSCRIPTION)
        built = wiring.services_over(settings, client=client, topics=topics, session=session)
        held = replace(built, clock=self.grounds.clock, telemetry=self.seen.telemetry, jitter=lambda: 1.0)
        return Worker(watched(self.alter(held), self.wire), client, session)
