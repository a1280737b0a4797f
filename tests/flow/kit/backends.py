"""The services behind a world: the local Cosmos DB and the local provider, over sockets and inside this process.

Starting them takes a tenth of a second. So tests that need many worlds open them one after another on the same
backends. Knows no verb.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local import provider
from local.azure.cosmos import server as cosmos_server
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.cosmos import client as cosmos_client
from shared.domain.payment import Payment
from tests.clock import ManualClock


@dataclass(slots=True)
class Backends:
    """They live longer than every worker. worlds: how many have been opened on them so far."""

    clock: ManualClock
    cosmos: cosmos_server.Running
    provider_url: str
    http: aiohttp.ClientSession
    _client: CosmosClient
    worlds: int = 0
    feed_read_to: str | None = None
    end_of_feed: tuple[str | None, int] | None = None
    """A position in the event store's feed, and what `writes` was when nothing came after it."""

    def writes(self) -> int:
        """Grows with every write to the event store. Asked of the service itself: costs no request."""
        container = self.cosmos.cosmos.catalogue.container(flow.DATABASE, flow.EVENTS)
        return sum(self.cosmos._store.lsns(container.number).values())

    def container(self, name: str) -> ContainerProxy:
        return self._client.get_database_client(flow.DATABASE).get_container_client(name)

    async def tell_provider(self, path: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        """Its answer; {} where it has no body."""
        async with self.http.request(method, self.provider_url + path, json=body) as response:
            assert response.status < 300, await response.text()
            answer: dict[str, Any] = {} if response.status == 204 else await response.json()
            return answer

    async def capture(self, payment: Payment, *, request_id: str) -> None:
        """The provider is told to capture by somebody who is not us."""
        assert payment.created is not None
        url = f"{self.provider_url}/v1/payments/{payment.created.provider_payment_id}/capture"
        money = {"amount_minor": payment.amount.amount_minor, "currency": payment.amount.currency}
        body = {"payment_reference": payment.payment_id, **money}
        async with self.http.post(url, json=body, headers={"Idempotency-Key": request_id}, raise_for_status=True):
            return

    async def charge(self, payment_id: str) -> dict[str, Any]:
        """What the provider has done for a payment; {} when it never heard of it."""
        async with self.http.get(f"{self.provider_url}/charges/{payment_id}") as response:
            charge: dict[str, Any] = await response.json()
            return charge if response.status == 200 else {}

    async def notifications(self, payment_id: str) -> list[dict[str, Any]]:
        """What the merchant received about a payment."""
        query = {"payment_id": payment_id}
        async with self.http.get(f"{self.provider_url}/merchant/notifications", params=query) as response:
            arrived: list[dict[str, Any]] = (await response.json())["notifications"]
            return arrived

    async def break_store(self, status: int, **fault: Any) -> None:
        """Make the store fail: local/azure/cosmos/admin.py says what can be asked for."""
        url = f"{self.cosmos.url}/_local/faults"
        async with self.http.post(url, json={"status": status, **fault}) as response:
            assert response.status == 200, await response.text()

    async def mend_store(self) -> None:
        async with self.http.delete(f"{self.cosmos.url}/_local/faults") as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def running_backends(data: Path, *, clock: ManualClock | None = None) -> AsyncIterator[Backends]:
    """hold_s is 0: a provider that times out cuts the connection at once, so that no test waits for a limit."""
    clock = clock or ManualClock()
    store = await cosmos_server.start(data=data, topology=TOPOLOGY, partitions=1)
    paying = await provider.start(port=0, data=data, clock=clock, hold_s=0.0, slow_s=0.0)
    client = cosmos_client.open_client(store.connection_string, proxies=False)
    try:
        await client.__aenter__()
        async with aiohttp.ClientSession() as http:
            yield Backends(clock, store, f"http://127.0.0.1:{paying.port}", http, client)
    finally:
        await client.close()
        await paying.close()
        await store.close()
