"""One process of the function app: the product's own wiring over the services of a world. It may crash and be replaced.

Only what a test must control is exchanged: time, jitter, and where telemetry goes.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from azure.cosmos.aio import CosmosClient
from pydantic import AnyHttpUrl

from local.provider.merchant import MERCHANT_KEY
from shared import flow, wiring
from shared.adapters.cosmos import client as cosmos
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.services import Services
from shared.settings import Settings
from tests.crashes import CrashPlan, with_crashes
from tests.flow.kit.backends import Backends
from tests.flow.kit.bus import DirectBus
from tests.flow.kit.telemetry import RecordedTelemetry


def retries(**changes: float) -> dict[str, Any]:
    """The same setting for every step: attempts=3 sets RETRY_CREATE_ATTEMPTS and its siblings."""
    names = [name for name in Settings.model_fields if name.startswith("retry_")]
    return {name: value for kind, value in changes.items() for name in names if name.endswith(f"_{kind}")}


QUICK_RETRIES = retries(attempts=4, base_s=1, cap_s=60)
"""Four attempts: the retries come after 1, 2 and 4 seconds, because jitter in a world is always the longest wait."""


@lru_cache(maxsize=64)
def _read(**values: Hashable) -> Settings:
    """What a worker is told, but for the addresses of its services: reading it takes as long as ten requests."""
    return Settings.model_validate({"CosmosConnection": "at", "provider_base_url": "http://127.0.0.1:1", **values})


@dataclass(frozen=True, slots=True)
class Worker:
    """The services, and the connections that are closed with them."""

    services: Services
    _client: CosmosClient
    _sessions: wiring.Sessions

    async def close(self) -> None:
        await self._sessions.close()
        await self._client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFactory:
    """Starts every worker of a world, each with the same parts.

    settings: changes to QUICK_RETRIES and the product's defaults. alter: may replace services by others, such as
    failing ports.
    """

    backends: Backends
    bus: DirectBus
    telemetry: RecordedTelemetry
    crash_plan: CrashPlan
    settings: Mapping[str, Any]
    alter: Callable[[Services], Services]

    async def start(self) -> Worker:
        told = {
            "ServiceBusConnection": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=none;SharedAccessKey=none",
            "merchant_id": "merchant-1",
            "merchant_webhook_secrets": f'{{"merchant-1": "{MERCHANT_KEY}"}}',
            "development_notifications": True,
            **QUICK_RETRIES,
            **self.settings,
        }
        provider_url = AnyHttpUrl(told.pop("provider_base_url", self.backends.provider_url))
        settings = _read(**told).model_copy(update={"provider_base_url": provider_url})
        client = cosmos.open_client(self.backends.cosmos.connection_string, proxies=False)
        await client.__aenter__()
        sessions = wiring.open_sessions(settings)
        bus: Any = self.bus
        topics = ServiceBusTopics(
            bus,
            dead_letter_topic=flow.DEAD_LETTER_TOPIC,
            recorder=flow.RECORD_SUBSCRIPTION,
            clock=self.backends.clock,
        )
        built = wiring.services_over(settings, client=client, topics=topics, sessions=sessions)
        controlled = replace(built, clock=self.backends.clock, telemetry=self.telemetry.adapter, jitter=lambda: 1.0)
        return Worker(with_crashes(self.alter(controlled), self.crash_plan), client, sessions)
