"""Faults of the provider, the store, the broker and the machine, injected while payments are made, drawn from a seed.

It uses only the faults that the services offer, and kills processes. Knows no payment and judges nothing.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import aiohttp

from local.supervisor import Platform
from shared import flow
from shared.adapters.cosmos.client import open_client
from tests import places

TOPICS = [*flow.TOPIC_OF.values(), flow.DEAD_LETTER_TOPIC]
PLACES = [*map(str, flow.PLACE_OF.values()), str(places.RECORD)]
STORE_FAULTS = [
    {"operation": "create", "container": "events", "status": 429, "retry_after_ms": 1},
    {"operation": "create", "container": "events", "status": 503, "after": True},
    {"operation": "create", "container": "events", "status": 408, "after": True},
    {"operation": "create", "container": "events", "status": 0, "after": True},
    {"operation": "create", "container": "events", "status": 0},
    {"operation": "query", "container": "events", "status": 503},
    {"operation": "create", "container": "dead-letters", "status": 503},
    {"operation": "replace", "container": "payments-by-month", "status": 503},
]
SMALL_FAULT_EVERY_S = 0.25
MOST_WAITING = 12
"""Of the small faults of one service. Ordered faster than met they would pile up, and a topic that few payments have
reached yet would refuse long after the storm.
"""


async def publish_all_again(platform: Platform) -> None:
    """The host being down: the publisher then reads the feed from its beginning, so every event is published anew."""
    async with open_client(platform.cosmos_connection, proxies=False) as client:
        leases = client.get_database_client(flow.DATABASE).get_container_client(flow.LEASES)
        async for lease in leases.query_items("SELECT c.id FROM c"):
            if lease["id"].startswith(flow.PUBLISH_LEASE_PREFIX):
                await leases.delete_item(lease["id"], partition_key=lease["id"])


@dataclass(slots=True)
class FaultInjector:
    """Orders the faults from the services' diagnostics. seed: the same one gives the same faults."""

    platform: Platform
    http: aiohttp.ClientSession
    seed: int

    async def start_provider_faults(self) -> None:
        """They last until end_all: the provider forgets request ids, fails at random, and sometimes says nothing."""
        await self._tell("POST", f"{self.platform.provider_url}/mode", forget_request_ids=True)
        await self._tell(
            "POST",
            f"{self.platform.provider_url}/faults",
            rate_5xx=0.08,
            rate_429=0.02,
            rate_timeout_did_it=0.05,
            rate_timeout_did_nothing=0.02,
            hold_s=8,
            seed=self.seed,
        )

    async def inject_small_faults(self) -> None:
        """Small faults, one after another, until cancelled."""
        drawn = random.Random(self.seed)
        while True:
            await asyncio.sleep(SMALL_FAULT_EVERY_S)
            try:
                if max([await self._waiting(url) for url in (self.platform.admin_url, self._store_url)]) < MOST_WAITING:
                    await self._inject_one(drawn)
            except aiohttp.ClientError:
                continue  # the service itself is down just now

    async def _inject_one(self, drawn: random.Random) -> None:
        broker = f"{self.platform.admin_url}/faults"
        match drawn.randrange(6):
            case 0 | 1:
                await self._tell("POST", broker, kind="duplicate_delivery", subscription=drawn.choice(PLACES), count=2)
            case 2:
                await self._tell("POST", broker, kind="accept_then_cut", topic=drawn.choice(TOPICS))
            case 3:
                await self._tell("POST", broker, kind="refuse_sends", topic=drawn.choice(TOPICS))
            case _:
                fault = drawn.choice(STORE_FAULTS)
                await self._tell("POST", f"{self._store_url}/faults", **fault)

    async def _waiting(self, service_url: str) -> int:
        async with self.http.get(f"{service_url}/faults") as response:
            return len((await response.json())["faults"])

    @property
    def _store_url(self) -> str:
        return f"{self.platform.cosmos_url}_local"

    async def cause_outages(self, accepted: "Progress") -> None:
        """Processes are killed and connections cut, each when a certain share of the payments has been accepted."""
        await accepted.share(0.2)
        await self.platform.kill("host")
        await self.platform.start("host")
        await accepted.share(0.4)
        await self.platform.kill("provider")
        await asyncio.sleep(2)  # what this is about: a provider that is away for a while
        await self.platform.start("provider")
        await accepted.share(0.6)
        await self._tell("POST", f"{self.platform.admin_url}/faults", kind="drop_connections")
        await accepted.share(0.8)
        await self.platform.kill("host")
        await publish_all_again(self.platform)
        await self.platform.start("host")

    async def end_all(self) -> None:
        """No faults any more, and everything that is down until repair is repaired."""
        for path in ("/repair", "/merchant/repair"):
            await self._tell("POST", self.platform.provider_url + path)
        for url in (self.platform.provider_url, self.platform.admin_url, self._store_url):
            await self._tell("DELETE", f"{url}/faults")

    async def _tell(self, method: str, url: str, **body: Any) -> None:
        async with self.http.request(method, url, json=body or None) as response:
            assert response.status < 300, await response.text()


class Progress:
    """How many of all have been accepted."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._moved = asyncio.Condition()

    async def one_more(self) -> None:
        async with self._moved:
            self.done += 1
            self._moved.notify_all()

    async def share(self, of_all: float) -> None:
        """Returns when that share has been accepted."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.done >= of_all * self.total)
