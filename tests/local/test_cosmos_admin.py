"""What tests may ask of the service: how often, at what price, and to fail on demand."""

from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError

from tests.local.cosmos_support import account, client_of, event


async def test_requests_are_counted_by_container_and_operation_with_their_charges(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1))
        await at.events.create_item(event("p1", 2))
        await at.events.read_item("p1:1", partition_key="p1")
        await at.leases.create_item({"id": "0"})

        seen = (await at.local("GET", "requests"))["requests"]

        assert seen["events"]["create"]["count"] == 2
        assert seen["events"]["create"]["status"] == {"201": 2}
        assert seen["events"]["create"]["ru"] == pytest.approx(2 * 5.45)
        assert seen["events"]["read"] == {"count": 1, "ru": 2.0, "status": {"200": 1}}
        assert seen["leases"]["create"]["count"] == 1


async def test_counting_starts_again_on_request(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1))

        await at.local("DELETE", "requests")
        await at.events.read_item("p1:1", partition_key="p1")

        assert await at.counts("events") == {"read": 1}


async def test_throttling_is_retried_by_the_sdk(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p0", 1))
        await at.local("DELETE", "requests")
        fault = {"operation": "create", "container": "events", "status": 429, "retry_after_ms": 1, "count": 3}
        await at.local("POST", "faults", fault)

        await at.events.create_item(event("p1", 1))

        tally = (await at.local("GET", "requests"))["requests"]["events"]["create"]
        assert tally["status"] == {"429": 3, "201": 1}


async def test_throttling_beyond_the_sdks_patience_is_raised_as_the_service_words_it(tmp_path: Path) -> None:
    async with account(tmp_path) as at, client_of(at.running.connection_string, retry_total=1) as client:
        await at.local("POST", "faults", {"operation": "create", "status": 429, "retry_after_ms": 1, "count": 9})
        events = client.get_database_client("regis-pay").get_container_client("events")

        with pytest.raises(CosmosHttpResponseError, match="Request rate is large") as refused:
            await events.create_item(event("p1", 1))

        assert (refused.value.status_code, refused.value.sub_status) == (429, 3200)


async def test_a_fault_before_leaves_nothing_written(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.local("POST", "faults", {"operation": "create", "status": 500})

        with pytest.raises(CosmosHttpResponseError):
            await at.events.create_item(event("p1", 1))

        await at.events.create_item(event("p1", 1))


async def test_a_fault_after_has_written_all_the_same(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.local("POST", "faults", {"operation": "create", "status": 408, "after": True})

        with pytest.raises(CosmosHttpResponseError) as refused:
            await at.events.create_item(event("p1", 1))

        assert refused.value.status_code == 408
        with pytest.raises(CosmosResourceExistsError):
            await at.events.create_item(event("p1", 1))


async def test_a_connection_cut_before_a_create_is_repeated_by_the_sdk(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.local("POST", "faults", {"operation": "create", "status": 0})

        await at.events.create_item(event("p1", 1))

        assert (await at.local("GET", "requests"))["requests"]["events"]["create"]["status"] == {"0": 1, "201": 1}


async def test_a_connection_cut_after_a_create_is_repeated_too_and_the_repeat_conflicts(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.local("POST", "faults", {"operation": "create", "status": 0, "after": True})

        with pytest.raises(CosmosResourceExistsError):
            await at.events.create_item(event("p1", 1))

        assert (await at.local("GET", "requests"))["requests"]["events"]["create"]["status"] == {"0": 1, "409": 1}


async def test_a_connection_cut_each_time_leaves_the_client_without_an_answer(tmp_path: Path) -> None:
    async with account(tmp_path) as at, client_of(at.running.connection_string, retry_total=0) as client:
        await at.local("POST", "faults", {"operation": "create", "status": 0, "after": True, "count": 9})
        events = client.get_database_client("regis-pay").get_container_client("events")

        with pytest.raises(ServiceRequestError):
            await events.create_item(event("p1", 1))

        assert (await at.events.read_item("p1:1", partition_key="p1"))["version"] == 1


async def test_a_fault_meets_only_what_it_was_meant_for(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.local("POST", "faults", {"operation": "create", "container": "leases", "status": 500})

        await at.events.create_item(event("p1", 1))

        assert len((await at.local("GET", "faults"))["faults"]) == 1
        await at.local("DELETE", "faults")
        await at.leases.create_item({"id": "0"})


async def test_a_misspelt_fault_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        answer = await at.local("POST", "faults", {"status": 500, "containr": "events"})

        assert "containr" in answer["error"]
        assert (await at.local("GET", "faults"))["faults"] == []
