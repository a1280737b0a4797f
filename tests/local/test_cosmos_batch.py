"""Transactional batches: all or nothing, in one logical partition."""

from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from local.azure.cosmos.state import MAX_ITEM_BYTES
from tests.local.cosmos_support import account, event, ids

EVERYTHING = "SELECT * FROM c"


def creates(payment: str, *versions: int) -> list[Any]:
    return [("create", (event(payment, version),)) for version in versions]


async def test_a_batch_writes_all_its_items(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        results = await at.events.execute_item_batch(creates("p1", 1, 2, 3), partition_key="p1")

        assert [result["statusCode"] for result in results] == [201, 201, 201]
        assert await ids(at.events.query_items(EVERYTHING, partition_key="p1")) == ["p1:1", "p1:2", "p1:3"]


async def test_a_batch_with_one_conflict_writes_nothing_and_names_the_culprit(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 2))

        with pytest.raises(CosmosBatchOperationError) as refused:
            await at.events.execute_item_batch(creates("p1", 1, 2, 3), partition_key="p1")

        assert refused.value.error_index == 1
        assert refused.value.status_code == 409
        assert [result["statusCode"] for result in refused.value.operation_responses] == [424, 409, 424]
        assert await ids(at.events.query_items(EVERYTHING, partition_key="p1")) == ["p1:2"]


async def test_a_batch_that_fails_late_takes_back_its_replaces_and_deletes(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1, n=1))
        await at.events.create_item(event("p1", 2))
        batch: list[Any] = [
            ("replace", ("p1:1", event("p1", 1, n=2))),
            ("delete", ("p1:2",)),
            ("read", ("p1:9",)),
        ]

        with pytest.raises(CosmosBatchOperationError) as refused:
            await at.events.execute_item_batch(batch, partition_key="p1")

        assert refused.value.status_code == 404
        assert (await at.events.read_item("p1:1", partition_key="p1"))["n"] == 1
        assert (await at.events.read_item("p1:2", partition_key="p1"))["id"] == "p1:2"


async def test_a_batch_sees_its_own_earlier_operations(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        batch: list[Any] = [
            ("create", (event("p1", 1, n=1),)),
            ("upsert", (event("p1", 1, n=2),)),
            ("read", ("p1:1",)),
            ("delete", ("p1:1",)),
        ]

        results = await at.events.execute_item_batch(batch, partition_key="p1")

        assert [result["statusCode"] for result in results] == [201, 200, 200, 204]
        assert results[2]["resourceBody"]["n"] == 2


async def test_an_etag_inside_a_batch_guards_the_whole_batch(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1))
        batch: list[Any] = [
            ("create", (event("p1", 2),)),
            ("replace", ("p1:1", event("p1", 1)), {"if_match_etag": '"old"'}),
        ]

        with pytest.raises(CosmosBatchOperationError) as refused:
            await at.events.execute_item_batch(batch, partition_key="p1")

        assert refused.value.status_code == 412
        assert await ids(at.events.query_items(EVERYTHING, partition_key="p1")) == ["p1:1"]


async def test_an_item_of_another_partition_fails_the_batch(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosBatchOperationError) as refused:
            await at.events.execute_item_batch([*creates("p1", 1), *creates("p2", 1)], partition_key="p1")

        assert refused.value.status_code == 400
        assert await ids(at.events.query_items(EVERYTHING)) == []


async def test_a_batch_of_more_than_a_hundred_operations_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match="more operations than what is supported"):
            await at.events.execute_item_batch(creates("p1", *range(1, 102)), partition_key="p1")


async def test_a_batch_without_operations_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match="Batch request has no operations"):
            await at.events.execute_item_batch([], partition_key="p1")


async def test_a_batch_larger_than_an_item_may_be_is_refused_as_a_whole(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        half = "x" * (MAX_ITEM_BYTES // 2)
        batch: list[Any] = [("create", (event("p1", version, blob=half),)) for version in (1, 2)]

        with pytest.raises(CosmosHttpResponseError) as refused:
            await at.events.execute_item_batch(batch, partition_key="p1")

        assert refused.value.status_code == 413
        assert await ids(at.events.query_items(EVERYTHING, partition_key="p1")) == []


async def test_a_patch_inside_a_batch_is_refused_by_name(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        batch: list[Any] = [("patch", ("p1:1", [{"op": "add", "path": "/n", "value": 1}]))]

        with pytest.raises(CosmosHttpResponseError, match="not implemented in the local Cosmos DB: Patch in a batch"):
            await at.events.execute_item_batch(batch, partition_key="p1")
