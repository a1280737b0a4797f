"""What makes the containers in the Cosmos DB emulator, tried on the local Cosmos DB."""

import json
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos.aio import CosmosClient

from infra.emulators.create_containers import TOPOLOGY, create, create_when_it_answers
from local.azure.cosmos.server import start

COSMOS = json.loads(TOPOLOGY.read_text())["cosmos"]


async def test_every_container_of_the_topology_is_made_with_its_partition_key(tmp_path: Path) -> None:
    running = await start(data=tmp_path)
    try:
        names = await create(running.connection_string, COSMOS)

        async with CosmosClient.from_connection_string(running.connection_string) as client:
            database = client.get_database_client(COSMOS["database"])
            made = [await database.get_container_client(name).read() for name in names]
    finally:
        await running.close()

    assert {each["id"]: each["partitionKey"]["paths"] for each in made} == {
        declared["name"]: [declared["partitionKey"]] for declared in COSMOS["containers"]
    }


async def test_what_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    running = await start(data=tmp_path)
    try:
        await create(running.connection_string, COSMOS)
        async with CosmosClient.from_connection_string(running.connection_string) as client:
            leases = client.get_database_client(COSMOS["database"]).get_container_client("leases")
            await leases.create_item({"id": "kept"})

            await create(running.connection_string, COSMOS)

            assert (await leases.read_item("kept", partition_key="kept"))["id"] == "kept"
    finally:
        await running.close()


async def test_an_emulator_that_does_not_answer_is_reported_at_the_limit() -> None:
    with pytest.raises(AzureError):
        await create_when_it_answers("AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;", COSMOS, limit_s=0)
