"""The change feed as the SDK reads it: over physical partitions, resumed, from now and from the beginning."""

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy

from tests.clock import IN_2030, ManualClock
from tests.local.cosmos_support import account, event, ids, pages

PAYMENTS = [f"p{number}" for number in range(12)]


async def write_payments(events: ContainerProxy, *, versions: int = 3) -> None:
    for version in range(1, versions + 1):
        for payment in PAYMENTS:
            await events.create_item(event(payment, version))


async def read_on(events: ContainerProxy, **where: Any) -> tuple[list[str], str]:
    """What the feed gives until it is drained, and the token to go on from."""
    found = await ids(events.query_items_change_feed(**where))
    token = events.client_connection.last_response_headers["etag"]
    return found, token


async def test_the_feed_of_two_partitions_gives_every_item_once_and_keeps_each_payments_order(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events)

        found, _ = await read_on(at.events, start_time="Beginning")

        assert sorted(found) == sorted(f"{payment}:{version}" for payment in PAYMENTS for version in (1, 2, 3))
        for payment in PAYMENTS:
            assert [name for name in found if name.startswith(f"{payment}:")] == [f"{payment}:{n}" for n in (1, 2, 3)]


async def test_each_feed_range_gives_its_own_part_and_together_they_give_all(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events)
        ranges = [each async for each in at.events.read_feed_ranges()]

        parts = [(await read_on(at.events, feed_range=each, start_time="Beginning"))[0] for each in ranges]

        assert len(parts) == 2
        assert all(parts)
        assert len(set(parts[0]) | set(parts[1])) == len(parts[0]) + len(parts[1]) == 36


async def test_a_feed_range_resumes_behind_what_was_read(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events, versions=1)
        ranges = [each async for each in at.events.read_feed_ranges()]
        tokens = [(await read_on(at.events, feed_range=each, start_time="Beginning"))[1] for each in ranges]
        await at.events.create_item(event("p3", 2))

        later = [(await read_on(at.events, continuation=token))[0] for token in tokens]

        assert sorted(later) == [[], ["p3:2"]]


async def test_reading_page_by_page_from_stored_tokens_neither_skips_nor_repeats(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events)
        first, _ = [each async for each in at.events.read_feed_ranges()]
        whole, _ = await read_on(at.events, feed_range=first, start_time="Beginning")
        where: dict[str, Any] = {"feed_range": first, "start_time": "Beginning"}

        stitched: list[str] = []
        while True:
            paged = at.events.query_items_change_feed(max_item_count=4, **where).by_page()
            page = await anext(paged, None)
            where = {"continuation": at.events.client_connection.last_response_headers["etag"]}
            if page is None:
                break
            stitched += [item["id"] async for item in page]

        assert stitched == whole


async def test_now_gives_only_what_comes_later(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events, versions=1)
        found, token = await read_on(at.events, start_time="Now")
        await at.events.create_item(event("p3", 2))
        await at.events.create_item(event("p4", 2))

        later, _ = await read_on(at.events, continuation=token)

        assert found == []
        assert sorted(later) == ["p3:2", "p4:2"]


async def test_a_point_in_time_leaves_out_what_is_older(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with account(tmp_path, clock=clock) as at:
        await at.events.create_item(event("p1", 1))
        clock.advance_s(10)
        since = clock.now().astimezone(UTC)
        clock.advance_s(1)
        await at.events.create_item(event("p1", 2))

        found, _ = await read_on(at.events, start_time=since)

        assert found == ["p1:2"]


async def test_an_updated_item_moves_to_the_end_and_stands_there_once(tmp_path: Path) -> None:
    async with account(tmp_path, partitions=1) as at:
        await at.events.create_item(event("p1", 1))
        await at.events.create_item(event("p2", 1))
        await at.events.upsert_item(event("p1", 1, again=True))

        found, _ = await read_on(at.events, start_time="Beginning")

        assert found == ["p2:1", "p1:1"]


async def test_a_deleted_item_does_not_appear(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await at.events.create_item(event("p1", 1))
        await at.events.create_item(event("p1", 2))
        await at.events.delete_item("p1:1", partition_key="p1")

        found, _ = await read_on(at.events, start_time="Beginning")

        assert found == ["p1:2"]


async def test_a_page_never_splits_a_transaction(tmp_path: Path) -> None:
    async with account(tmp_path, partitions=1) as at:
        await at.events.create_item(event("p1", 1))
        batch: list[Any] = [("create", (event("p2", version),)) for version in (1, 2, 3)]
        await at.events.execute_item_batch(batch, partition_key="p2")
        await at.events.create_item(event("p3", 1))

        found = await pages(at.events.query_items_change_feed(start_time="Beginning", max_item_count=2))

        assert found == [["p1:1", "p2:1", "p2:2", "p2:3"], ["p3:1"]]


async def test_the_items_of_a_transaction_share_a_sequence_number_that_grows_with_each_write(tmp_path: Path) -> None:
    async with account(tmp_path, partitions=1) as at:
        await at.events.create_item(event("p1", 1))
        batch: list[Any] = [("create", (event("p2", version),)) for version in (1, 2)]
        await at.events.execute_item_batch(batch, partition_key="p2")

        numbers = [item["_lsn"] async for item in at.events.query_items_change_feed(start_time="Beginning")]

        assert numbers[0] < numbers[1] == numbers[2]


async def test_the_feed_of_one_partition_key_gives_only_its_items(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write_payments(at.events)

        found, _ = await read_on(at.events, partition_key="p7", start_time="Beginning")

        assert found == ["p7:1", "p7:2", "p7:3"]


@pytest.mark.parametrize("partitions", [1, 3, 16])
async def test_a_container_has_as_many_feed_ranges_as_physical_partitions(tmp_path: Path, partitions: int) -> None:
    async with account(tmp_path, partitions=partitions) as at:
        await write_payments(at.events, versions=1)

        ranges = [each async for each in at.events.read_feed_ranges()]

        assert len(ranges) == partitions
        found, _ = await read_on(at.events, start_time="Beginning")
        assert sorted(found) == sorted(f"{payment}:1" for payment in PAYMENTS)


async def test_a_full_fidelity_feed_is_refused_by_name(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        feed = at.events.query_items_change_feed(mode="AllVersionsAndDeletes", start_time="Now")

        with pytest.raises(Exception, match="not implemented in the local Cosmos DB: the change feed mode"):
            await ids(feed)
