"""The account around the items: keys, containers, processes, several instances, the sync client."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient as SyncClient
from azure.cosmos import PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError

from local.azure.cosmos.auth import EMULATOR_KEY
from local.azure.cosmos.server import start
from local.base.database import DataInUse
from local.supervisor import TOPOLOGY
from tests.local.cosmos_support import INDEXED, account, client_of, event, ids
from tests.local.process_support import running
from tests.local.terminal import taken_port
from tests.topologies import declared

OTHER_KEY = "b3RoZXI="


async def test_the_containers_of_the_topology_are_there(tmp_path: Path) -> None:
    expected = declared()["cosmos"]["containers"]
    async with account(tmp_path) as at:
        found = {each["id"]: each async for each in at.database.list_containers()}

        assert set(found) - {INDEXED} == {container["name"] for container in expected}
        for container in expected:
            shown = found[container["name"]]
            assert shown["partitionKey"]["paths"] == [container["partitionKey"]]
            paths = [entry["path"] for entry in shown["indexingPolicy"]["includedPaths"]]
            assert paths == container["indexed"]


async def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match="The wrong key is being used") as refused:
            async with client_of(f"AccountEndpoint={at.running.url}/;AccountKey={OTHER_KEY};"):
                pass

        assert refused.value.status_code == 401


async def test_a_request_without_a_key_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.running.port)
        writer.write(b"GET /dbs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")

        answer = await reader.read()

        writer.close()
        assert answer.startswith(b"HTTP/1.1 401")


async def test_databases_and_containers_are_created_listed_and_deleted(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        database = await at.client.create_database("other")
        container = await database.create_container("things", PartitionKey("/kind"))
        await container.create_item({"id": "a", "kind": "x"})

        with pytest.raises(CosmosResourceExistsError):
            await database.create_container("things", PartitionKey("/kind"))
        assert await ids(at.client.list_databases()) == ["regis-pay", "other"]
        assert await ids(database.list_containers()) == ["things"]

        await database.delete_container("things")
        await at.client.delete_database("other")

        assert await ids(at.client.list_databases()) == ["regis-pay"]
        with pytest.raises(CosmosResourceNotFoundError):
            await database.read()


async def test_creating_if_not_exists_may_be_repeated(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for _ in range(2):
            database = await at.client.create_database_if_not_exists("other")
            await database.create_container_if_not_exists("things", PartitionKey("/kind"), offer_throughput=400)

        assert await ids(database.list_containers()) == ["things"]


async def test_a_container_of_the_same_name_is_a_new_one_and_clients_notice(tmp_path: Path) -> None:
    async with account(tmp_path) as at, client_of(at.running.connection_string) as other:
        await at.events.create_item(event("p1", 1))
        await at.database.delete_container("events")
        database = other.get_database_client("regis-pay")
        await database.create_container("events", PartitionKey("/paymentId"))

        await at.events.create_item(event("p1", 1))

        assert await ids(at.events.query_items("SELECT * FROM c", partition_key="p1")) == ["p1:1"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"partition_key": PartitionKey(["/a", "/b"], kind="MultiHash")}, "hierarchical partition keys"),
        ({"partition_key": PartitionKey("/a", version=1)}, "partition keys of version 1"),
        (
            {"partition_key": PartitionKey("/a"), "unique_key_policy": {"uniqueKeys": [{"paths": ["/x"]}]}},
            "unique keys",
        ),
    ],
)
async def test_a_container_that_asks_for_more_is_refused_by_name(
    tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match=f"not implemented in the local Cosmos DB: {named}"):
            await at.database.create_container("things", **options)


async def test_an_unknown_operation_is_refused_by_name(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(
            CosmosHttpResponseError, match="not implemented in the local Cosmos DB: POST /dbs/colls/sprocs"
        ):
            await at.events.scripts.create_stored_procedure({"id": "s", "body": "function () {}"})


async def test_the_synchronous_client_works_too(tmp_path: Path) -> None:
    async with account(tmp_path) as at:

        def run() -> list[str]:
            with SyncClient.from_connection_string(at.running.connection_string) as client:
                events = client.get_database_client("regis-pay").get_container_client("events")
                events.create_item(event("p1", 1))
                events.execute_item_batch([("create", (event("p1", 2),))], partition_key="p1")
                found = events.query_items("SELECT * FROM c", partition_key="p1")
                changed = events.query_items_change_feed(start_time="Beginning")
                return [item["id"] for item in (*found, *changed)]

        assert await asyncio.to_thread(run) == ["p1:1", "p1:2"] * 2


async def test_two_instances_in_one_process_know_nothing_of_each_other(tmp_path: Path) -> None:
    async with account(tmp_path / "one") as one, account(tmp_path / "two") as two:
        await one.events.create_item(event("p1", 1))

        assert await ids(two.events.query_items("SELECT * FROM c", partition_key="p1")) == []


async def test_a_taken_port_is_an_os_error(tmp_path: Path) -> None:
    with taken_port() as port, pytest.raises(OSError, match="in use"):
        await start(port=port, data=tmp_path)


async def test_two_services_never_share_a_folder(tmp_path: Path) -> None:
    async with account(tmp_path):
        with pytest.raises(DataInUse, match="in use by another local Cosmos DB"):
            await start(data=tmp_path)


async def test_as_a_process_it_says_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    async with running("cosmos", "--data", str(tmp_path), "--topology", str(TOPOLOGY)) as service:
        async with client_of(f"AccountEndpoint={service.url}/;AccountKey={EMULATOR_KEY};") as client:
            found = await ids(client.list_databases())
        code = await service.stop()

    assert [line[:2] for line in service.announced] == [["ready", "cosmos"]]
    assert (found, code) == (["regis-pay"], 0)
