"""Which implementation the contracts are held against: REGIS_CONTRACT_ON = embedded (as it is), emulators, or azure.

Embedded starts the local services in this process. For the others CosmosConnection and ServiceBusConnection (or, in
Azure, their endpoints with the caller's own identity) say where to go; entities must be deployed there. Every test
works with payments of its own, so nothing has to be emptied.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.servicebus.aio import ServiceBusClient

from local import provider
from local.azure.cosmos import server as cosmos
from local.azure.servicebus import server as servicebus
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.cosmos.client import open_client as open_account
from shared.adapters.provider.client import HttpProvider
from shared.adapters.servicebus.client import open_client as open_bus
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.wiring import SystemClock
from tests.contract.odd_server import OddServer, odd_server
from tests.contract.provider_words import Make

ON = os.environ.get("REGIS_CONTRACT_ON", "embedded")


@dataclass(frozen=True)
class Endpoints:
    """Where the implementations are."""

    cosmos_connection: str | None
    cosmos_endpoint: str | None
    servicebus_connection: str | None
    servicebus_namespace: str | None
    provider_url: str
    credential: Any


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def endpoints(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoints]:
    """The provider is always the embedded one: no other is known."""
    data = tmp_path_factory.mktemp("contract")
    paying = await provider.start(port=0, data=data, hold_s=5)
    try:
        async for found in _elsewhere(paying.port) if ON != "embedded" else _embedded(data, paying.port):
            yield found
    finally:
        await paying.close()


async def _embedded(data: Path, provider_port: int) -> AsyncIterator[Endpoints]:
    store = await cosmos.start(port=0, data=data, topology=TOPOLOGY)
    bus = await servicebus.start(port=0, data=data, topology=TOPOLOGY, admin_port=0)
    try:
        yield Endpoints(
            store.connection_string, None, bus.connection_string, None, f"http://127.0.0.1:{provider_port}", None
        )
    finally:
        await bus.close()
        await store.close()


async def _elsewhere(provider_port: int) -> AsyncIterator[Endpoints]:
    credential = None
    if ON == "azure":
        from azure.identity.aio import DefaultAzureCredential  # only there

        credential = DefaultAzureCredential()
    yield Endpoints(
        os.environ.get("CosmosConnection"),  # noqa: SIM112 - the setting's name
        os.environ.get("CosmosConnection__accountEndpoint"),  # noqa: SIM112
        os.environ.get("ServiceBusConnection"),  # noqa: SIM112
        os.environ.get("ServiceBusConnection__fullyQualifiedNamespace"),  # noqa: SIM112
        f"http://127.0.0.1:{provider_port}",
        credential,
    )
    if credential is not None:
        await credential.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def database(endpoints: Endpoints) -> AsyncIterator[DatabaseProxy]:
    """The product's database, by the product's own client."""
    client: CosmosClient = open_account(
        endpoints.cosmos_connection, endpoint=endpoints.cosmos_endpoint, credential=endpoints.credential, proxies=False
    )
    async with client:
        yield client.get_database_client(flow.DATABASE)


def open_bus_of(endpoints: Endpoints) -> ServiceBusClient:
    return open_bus(
        endpoints.servicebus_connection, namespace=endpoints.servicebus_namespace, credential=endpoints.credential
    )


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def bus(endpoints: Endpoints) -> AsyncIterator[ServiceBusClient]:
    """A client of our own, to look at what arrives."""
    async with open_bus_of(endpoints) as client:
        yield client


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def topics(endpoints: Endpoints) -> AsyncIterator[ServiceBusTopics]:
    """The publisher, scheduler and dead letters under test."""
    client = open_bus_of(endpoints)
    under_test = ServiceBusTopics(
        client, dead_letter_topic=flow.DEAD_LETTER_TOPIC, recorder=flow.RECORD_SUBSCRIPTION, clock=SystemClock()
    )
    yield under_test
    await under_test.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def odd() -> AsyncIterator[OddServer]:
    """One server for every answer that a test makes up."""
    async with odd_server() as server:
        yield server


@pytest.fixture
def at(http: aiohttp.ClientSession) -> Make:
    return lambda base_url: HttpProvider(http, base_url=base_url, api_key="key", limit_s=30.0)
