"""Items through the real SDK: conflicts, etags, refusals, time to live."""

from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import PartitionKey
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local.azure.cosmos.state import MAX_ITEM_BYTES
from tests.clock import IN_2030, ManualClock
from tests.local.cosmos_support import account, event, ids


async def test_a_created_item_is_read_back_with_its_system_properties(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        created = await at.events.create_item(event("p1", 1, note="zwölf €"))

        read = await at.events.read_item("p1:1", partition_key="p1")

        assert dict(read) == dict(created)
        assert {"_rid", "_self", "_etag", "_attachments", "_ts"} <= set(read)
        assert read["note"] == "zwölf €"


async def test_creating_an_id_again_is_a_conflict_and_changes_nothing(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1, amount=1))

        with pytest.raises(CosmosResourceExistsError, match="Resource with specified id or name already exists"):
            await at.events.create_item(event("p1", 1, amount=2))

        assert (await at.events.read_item("p1:1", partition_key="p1"))["amount"] == 1


async def test_the_same_id_in_two_logical_partitions_is_two_items(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item({"id": "same", "paymentId": "p1"})
        await at.events.create_item({"id": "same", "paymentId": "p2"})

        found = await ids(at.events.query_items("SELECT * FROM c"))

        assert found == ["same", "same"]


async def test_a_missing_item_is_not_found(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosResourceNotFoundError) as refused:
            await at.events.read_item("p1:1", partition_key="p1")

        assert refused.value.status_code == 404
        assert not refused.value.sub_status


async def test_an_item_of_a_missing_container_names_the_owner_as_missing(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosResourceNotFoundError) as refused:
            await at.container("nowhere").read_item("p1:1", partition_key="p1")

        assert "NotFound" in str(refused.value)


async def test_a_replace_with_the_current_etag_passes_and_with_an_old_one_fails(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        first = await at.leases.create_item({"id": "0", "owner": None})
        unmodified = MatchConditions.IfNotModified

        second = await at.leases.replace_item(
            "0", {"id": "0", "owner": "a"}, etag=first["_etag"], match_condition=unmodified
        )

        assert second["_etag"] != first["_etag"]
        with pytest.raises(CosmosAccessConditionFailedError):
            await at.leases.replace_item(
                "0", {"id": "0", "owner": "b"}, etag=first["_etag"], match_condition=unmodified
            )
        assert (await at.leases.read_item("0", partition_key="0"))["owner"] == "a"


async def test_a_delete_with_an_old_etag_fails(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        first = await at.leases.create_item({"id": "0"})
        await at.leases.upsert_item({"id": "0", "owner": "a"})

        with pytest.raises(CosmosAccessConditionFailedError):
            await at.leases.delete_item(
                "0", partition_key="0", etag=first["_etag"], match_condition=MatchConditions.IfNotModified
            )


async def test_a_deleted_item_is_gone_and_its_id_is_free_again(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.leases.create_item({"id": "0"})

        await at.leases.delete_item("0", partition_key="0")

        with pytest.raises(CosmosResourceNotFoundError):
            await at.leases.read_item("0", partition_key="0")
        await at.leases.create_item({"id": "0"})


async def test_an_upsert_creates_and_then_replaces(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.indexed.upsert_item({"id": "p1", "n": 1})
        await at.indexed.upsert_item({"id": "p1", "n": 2})

        assert (await at.indexed.read_item("p1", partition_key="p1"))["n"] == 2


async def test_a_write_may_ask_for_no_answer_but_still_gets_the_etag(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        answer = await at.events.create_item(event("p1", 1), no_response=True)

        assert dict(answer) == {}
        read = await at.events.read_item("p1:1", partition_key="p1")
        assert answer.get_response_headers()["etag"] == read["_etag"]


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a?b", "a#b", "x" * 256, 7])
async def test_an_id_that_the_service_does_not_accept_is_refused(tmp_path: Path, name: object) -> None:
    async with account(tmp_path) as at:
        with pytest.raises((CosmosHttpResponseError, TypeError, ValueError)):
            await at.events.create_item({"id": name, "paymentId": "p1"})

        assert await ids(at.events.query_items("SELECT * FROM c", partition_key="p1")) == []


@pytest.mark.parametrize("name", ["p1:1", "a b", "100%", "a+b&c=d", "ünï", "(x)", "%2F"])
async def test_an_id_with_special_characters_is_found_again(tmp_path: Path, name: str) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item({"id": name, "paymentId": "p1"})

        assert (await at.events.read_item(name, partition_key="p1"))["id"] == name


async def test_an_item_without_id_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match="required properties - 'id; ' - are missing"):
            await at.events.create_item({"paymentId": "p1"})


async def test_an_item_above_the_limit_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError) as refused:
            await at.events.create_item(event("p1", 1, blob="x" * MAX_ITEM_BYTES))

        assert refused.value.status_code == 413


async def test_a_patch_is_refused_by_name(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.indexed.create_item({"id": "p1"})

        with pytest.raises(CosmosHttpResponseError, match="not implemented in the local Cosmos DB: patch"):
            await at.indexed.patch_item("p1", "p1", [{"op": "add", "path": "/n", "value": 1}])


@pytest.mark.parametrize("key", ["text", "", "ünï", 7, 7.5, -1, True, False, None])
async def test_every_type_of_partition_key_finds_its_item_again(tmp_path: Path, key: Any) -> None:
    async with account(tmp_path, partitions=4) as at:
        await at.events.create_item({"id": "a", "paymentId": key})

        found = await ids(at.events.query_items("SELECT * FROM c", partition_key=key)) if key is not None else ["a"]

        assert found == ["a"]


async def test_an_item_ends_when_its_own_time_to_live_has_passed(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with account(tmp_path, clock=clock) as at:
        locks = await at.database.create_container("locks", PartitionKey("/id"), default_ttl=-1)
        await locks.create_item({"id": "lock", "ttl": 60})
        clock.advance_s(60)

        with pytest.raises(CosmosResourceNotFoundError):
            await locks.read_item("lock", partition_key="lock")

        assert await ids(locks.query_items("SELECT * FROM c")) == []
        await locks.create_item({"id": "lock", "ttl": 60})


async def test_a_containers_default_time_to_live_counts_where_the_item_has_none(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with account(tmp_path, clock=clock) as at:
        locks = await at.database.create_container("locks", PartitionKey("/id"), default_ttl=30)
        await locks.create_item({"id": "default"})
        await locks.create_item({"id": "never", "ttl": -1})
        await locks.create_item({"id": "longer", "ttl": 90})
        clock.advance_s(31)

        left = await ids(locks.query_items("SELECT * FROM c"))

        assert sorted(left) == ["longer", "never"]


async def test_without_a_ttl_on_the_container_an_items_own_one_does_nothing(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with account(tmp_path, clock=clock) as at:
        await at.events.create_item(event("p1", 1, ttl=1))
        clock.advance_s(3600)

        assert (await at.events.read_item("p1:1", partition_key="p1"))["ttl"] == 1


@pytest.mark.parametrize("ttl", [0, -10, None, "60", True])
async def test_a_ttl_that_is_no_number_of_seconds_is_refused(tmp_path: Path, ttl: object) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match=r"The input ttl '.*' is invalid"):
            await at.events.create_item(event("p1", 1, ttl=ttl))


async def test_under_session_consistency_a_client_sends_back_the_token_it_was_given(tmp_path: Path) -> None:
    async with account(tmp_path, consistency="Session") as at:
        created = await at.events.create_item(event("p1", 1))

        read = await at.events.read_item("p1:1", partition_key="p1")

        assert created.get_response_headers()["x-ms-session-token"] == read.get_response_headers()["x-ms-session-token"]


async def test_a_read_costs_double_under_strong_consistency(tmp_path: Path) -> None:
    charges = {}
    for consistency in ("Strong", "Session"):
        async with account(tmp_path / consistency, consistency=consistency) as at:
            await at.events.create_item(event("p1", 1))

            read = await at.events.read_item("p1:1", partition_key="p1")

            charges[consistency] = float(read.get_response_headers()["x-ms-request-charge"])

    assert charges["Strong"] == 2 * charges["Session"] == 2.0


async def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError) as refused:
            await at.indexed.create_item({"id": "p1", "rate": float("nan")})

    assert refused.value.status_code == 400


async def test_a_container_may_have_a_name_in_any_script(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        container = await at.database.create_container("платежи", PartitionKey("/id"))

        await container.create_item({"id": "p1"})

        assert (await container.read_item("p1", partition_key="p1"))["id"] == "p1"
