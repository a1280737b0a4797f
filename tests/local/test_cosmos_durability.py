"""What was acknowledged survives: restarts, kill -9 under load, a commit that fails."""

import asyncio
import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy

from local.azure.cosmos.auth import EMULATOR_KEY
from local.azure.cosmos.groups import Groups
from local.azure.cosmos.store import Store
from local.supervisor import TOPOLOGY
from tests.local.cosmos_support import account, client_of, event, ids
from tests.local.process_support import running

WRITERS = 24
ENOUGH = 600
"""Acknowledged writes after which the service is killed."""
BATCH = 5


async def write_until_cut(
    events: ContainerProxy, writer: int, *, acknowledged: list[str], enough: asyncio.Event
) -> None:
    """Single creates and batches in turn, each noted once it is acknowledged."""
    for number in itertools.count():
        payment = f"w{writer}-{number}"
        try:
            if number % 2:
                await events.create_item(event(payment, 1))
                acknowledged.append(f"{payment}:1")
            else:
                batch: list[Any] = [("create", (event(payment, version),)) for version in range(1, BATCH + 1)]
                await events.execute_item_batch(batch, partition_key=payment)
                acknowledged += [f"{payment}:{version}" for version in range(1, BATCH + 1)]
        except AzureError:
            return
        if len(acknowledged) >= ENOUGH:
            enough.set()


async def test_after_kill_9_under_load_nothing_acknowledged_is_lost_and_no_batch_is_torn(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    enough = asyncio.Event()
    async with (
        running("cosmos", "--data", str(tmp_path), "--topology", str(TOPOLOGY)) as service,
        client_of(f"AccountEndpoint={service.url}/;AccountKey={EMULATOR_KEY};", retry_total=0) as client,
    ):
        events = client.get_database_client("regis-pay").get_container_client("events")
        writing = [
            asyncio.create_task(write_until_cut(events, writer, acknowledged=acknowledged, enough=enough))
            for writer in range(WRITERS)
        ]
        await asyncio.wait_for(enough.wait(), 60)
        service.process.kill()
        await asyncio.wait_for(asyncio.gather(*writing), 60)

    async with account(tmp_path) as at:
        stored = await ids(at.events.query_items("SELECT * FROM c", max_item_count=1000))
        changed = await ids(at.events.query_items_change_feed(start_time="Beginning", max_item_count=1000))

        assert set(acknowledged) <= set(stored)
        assert sorted(changed) == sorted(stored)
        by_payment = {name.partition(":")[0]: 0 for name in stored}
        for name in stored:
            by_payment[name.partition(":")[0]] += 1
        assert set(by_payment.values()) <= {1, BATCH}
        assert all(count == (1 if int(name.split("-")[1]) % 2 else BATCH) for name, count in by_payment.items())


async def test_after_a_restart_the_feed_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with account(tmp_path) as before:
        await before.events.create_item(event("p1", 1))
        await ids(before.events.query_items_change_feed(start_time="Beginning"))
        token = before.events.client_connection.last_response_headers["etag"]

    async with account(tmp_path) as after:
        await after.events.create_item(event("p1", 2))

        assert await ids(after.events.query_items_change_feed(continuation=token)) == ["p1:2"]


async def test_after_a_restart_a_container_keeps_its_number_of_physical_partitions(tmp_path: Path) -> None:
    async with account(tmp_path, partitions=3) as before:
        await before.events.create_item(event("p1", 1))

    async with account(tmp_path, partitions=1) as after:
        ranges = [each async for each in after.events.read_feed_ranges()]

        assert len(ranges) == 3
        assert (await after.events.read_item("p1:1", partition_key="p1"))["version"] == 1


async def test_requests_that_are_ready_together_share_one_commit(tmp_path: Path) -> None:
    store = Store(tmp_path / "cosmos.sqlite")
    committed: list[str] = []
    told: list[int] = []
    store.database.connection.set_trace_callback(
        lambda statement: committed.append(statement) if statement == "COMMIT" else None
    )

    def add(name: str) -> int | None:
        return store.add_database(name)

    groups = Groups(
        store.database, add, reload=lambda: None, unavailable=lambda _name: None, written=lambda: told.append(1)
    )

    numbers = await asyncio.gather(*(groups.submit(f"d{number}") for number in range(20)))

    assert len(set(numbers)) == 20
    assert committed == ["COMMIT"]
    assert told == [1]
    await store.database.close()


async def test_a_commit_that_fails_answers_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "cosmos.sqlite")
    forgotten: list[str] = []

    def add(name: str) -> str:
        store.add_database(name)
        if name == "bad":
            raise sqlite3.OperationalError("disk full")
        return "done"

    told: list[str] = []
    groups = Groups(
        store.database,
        add,
        reload=lambda: forgotten.append("all"),
        unavailable=lambda _name: "unavailable",
        written=lambda: told.append("written"),
    )

    together = await asyncio.gather(groups.submit("good"), groups.submit("bad"))

    assert list(together) == ["unavailable", "unavailable"]
    assert (forgotten, told) == (["all"], [])
    assert store.databases() == []
    assert await groups.submit("good") == "done"
    await store.database.close()


async def test_a_writer_that_goes_away_does_not_disturb_the_others(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        leaving = asyncio.ensure_future(at.events.create_item(event("p1", 1)))
        staying = asyncio.ensure_future(at.events.create_item(event("p2", 1)))
        await asyncio.sleep(0)
        leaving.cancel()

        assert (await staying)["id"] == "p2:1"
        with pytest.raises(asyncio.CancelledError):
            await leaving
