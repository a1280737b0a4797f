"""What goes wrong during a storm, drawn from a seed: faults of the provider, the store, the broker and the machine.

Only the faults that the services offer and signals to processes; knows no payment and judges nothing.
"""

import asyncio
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from local.supervisor import TOPOLOGY, Platform
from shared import flow
from shared.adapters.cosmos.client import open_client

TOPICS = [*flow.TOPIC_OF.values(), flow.DEAD_LETTER_TOPIC]
PLACES = [*map(str, flow.PLACE_OF.values()), f"{flow.DEAD_LETTER_TOPIC}/{flow.RECORD_SUBSCRIPTION}"]
STORE_FAULTS = [
    {"operation": "create", "container": "events", "status": 429, "retry_after_ms": 1},
    {"operation": "create", "container": "events", "status": 503, "after": True},
    {"operation": "create", "container": "events", "status": 408, "after": True},
    {"operation": "create", "container": "events", "status": 0, "after": True},
    {"operation": "create", "container": "events", "status": 0},
    {"operation": "query", "container": "events", "status": 503},
    {"operation": "create", "container": "dead-letters", "status": 503},
    {"operation": "replace", "container": "payments", "status": 503},
]
GUST_S = 0.25


def quick_locks(folder: Path, *, lock: str = "PT10S") -> Path:
    """The product's topology with short locks: what a killed host held comes again within the test."""
    declared: dict[str, Any] = json.loads(TOPOLOGY.read_text())
    for topic in declared["serviceBus"]["topics"]:
        for subscription in topic["subscriptions"]:
            subscription["lockDuration"] = lock
    path = folder / "topology.json"
    path.write_text(json.dumps(declared))
    return path


@dataclass(slots=True)
class Weather:
    """Speaks to the services' diagnostics."""

    platform: Platform
    http: aiohttp.ClientSession
    seed: int

    async def gather(self) -> None:
        """The provider's part, which lasts: it forgets request ids, fails at random, and sometimes says nothing."""
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

    async def gusts(self) -> None:
        """Small faults, one after another, until cancelled."""
        drawn = random.Random(self.seed)
        while True:
            await asyncio.sleep(GUST_S)
            try:
                await self._gust(drawn)
            except aiohttp.ClientError:
                continue  # the service itself is down just now

    async def _gust(self, drawn: random.Random) -> None:
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
                await self._tell("POST", f"{self.platform.cosmos_url}_local/faults", **fault)

    async def lightning(self, accepted: "Progress") -> None:
        """The great faults, each when a share of the payments has been accepted."""
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
        await self._reset_leases()
        await self.platform.start("host")

    async def _reset_leases(self) -> None:
        """The publisher reads the feed from its beginning again, so every event so far is published once more."""
        async with open_client(self.platform.cosmos_connection, proxies=False) as client:
            leases = client.get_database_client(flow.DATABASE).get_container_client(flow.LEASES)
            async for lease in leases.query_items("SELECT c.id FROM c"):
                if lease["id"].startswith(flow.PUBLISH_LEASE_PREFIX):
                    await leases.delete_item(lease["id"], partition_key=lease["id"])

    async def clear_up(self) -> None:
        """No faults any more, and everything that is down until repair is repaired."""
        for path in ("/repair", "/merchant/repair"):
            await self._tell("POST", self.platform.provider_url + path)
        for url in (self.platform.provider_url, self.platform.admin_url, f"{self.platform.cosmos_url}_local"):
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
