"""A local Cosmos DB over a real socket and the unmodified SDK in front of it, for the tests named test_cosmos_*."""

import json
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.azure.cosmos.keys import partition_key
from local.azure.cosmos.server import Running, start, utc_now
from local.azure.cosmos.state import Kind, Operation
from local.azure.cosmos.store import Store
from local.azure.cosmos.values import Document
from local.supervisor import TOPOLOGY
from tests.clock import ManualClock

DATABASE = "regis-pay"
INDEXED = "indexed"


@dataclass(frozen=True)
class Account:
    """A running service and a client of it."""

    running: Running
    client: CosmosClient

    @property
    def database(self) -> DatabaseProxy:
        return self.client.get_database_client(DATABASE)

    def container(self, name: str) -> ContainerProxy:
        return self.database.get_container_client(name)

    @property
    def events(self) -> ContainerProxy:
        return self.container("events")

    @property
    def leases(self) -> ContainerProxy:
        return self.container("leases")

    @property
    def indexed(self) -> ContainerProxy:
        """Its key is the id, and everything is indexed: no container of the product is so."""
        return self.container(INDEXED)

    def fill(self, container: str, documents: Iterable[Document]) -> None:
        """Items whose key is their id, by the service's own rules and without a request for each."""
        cosmos = self.running.cosmos
        place = cosmos.catalogue.container(DATABASE, container)
        for document in documents:
            written = Operation(Kind.UPSERT, document=document)
            cosmos._items.apply(place, partition_key(str(document["id"])), operation=written)

    async def local(self, verb: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A request to the diagnostics."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(verb, f"{self.running.url}/_local/{what}", json=body) as response,
        ):
            answer: dict[str, Any] = json.loads(await response.text())
            return answer

    async def counts(self, container: str) -> dict[str, Any]:
        """Operation -> how often, for one container."""
        tallies = (await self.local("GET", "requests"))["requests"].get(container, {})
        return {operation: tally["count"] for operation, tally in tallies.items()}


@asynccontextmanager
async def client_of(connection_string: str, **options: Any) -> AsyncIterator[CosmosClient]:
    """The client as the product builds it."""
    transport = AioHttpTransport(use_env_settings=False)
    async with CosmosClient.from_connection_string(connection_string, transport=transport, **options) as client:
        yield client


@asynccontextmanager
async def account(
    folder: Path, *, partitions: int = 2, clock: ManualClock | None = None, consistency: str = "Strong"
) -> AsyncIterator[Account]:
    """A service on that folder with the containers of the topology, and a client."""
    running = await start(
        data=folder, topology=TOPOLOGY, partitions=partitions, consistency=consistency, clock=clock or utc_now
    )
    catalogue = running.cosmos.catalogue
    if INDEXED not in [each.id for each in catalogue.containers(DATABASE)]:
        catalogue.create_container(DATABASE, {"id": INDEXED, "partitionKey": {"paths": ["/id"]}})
    try:
        async with client_of(running.connection_string) as client:
            yield Account(running, client)
    finally:
        await running.close()


def event(payment: str, version: int, **facts: Any) -> dict[str, Any]:
    """A document as the event store writes it."""
    return {"id": f"{payment}:{version}", "paymentId": payment, "version": version, **facts}


async def gathered(found: AsyncIterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item async for item in found]


async def ids(found: AsyncIterable[dict[str, Any]]) -> list[str]:
    return [item["id"] async for item in found]


async def pages(paged: Any) -> list[list[str]]:
    """The ids, page by page."""
    return [[item["id"] async for item in page] async for page in paged.by_page()]


def store_in_memory() -> Store:
    """It is closed when the test lets go of it."""
    store = Store(":memory:")
    weakref.finalize(store, store.database.connection.close)
    return store


def plan_of(store: Store, step: Callable[[], object]) -> str:
    """SQLite's plan of the last statement that the step runs."""
    statements: list[str] = []
    store.database.connection.set_trace_callback(statements.append)
    step()
    store.database.connection.set_trace_callback(None)
    return " ".join(row[3] for row in store.database.connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}"))
