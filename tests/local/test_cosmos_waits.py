"""A reader of the feed that asks to wait is answered when something was written; whoever does not ask, at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy

from local.azure.cosmos.server import start
from local.azure.cosmos.waits import HEADER
from local.azure.host.cosmos import WAIT
from local.supervisor import TOPOLOGY
from tests.local.cosmos_support import DATABASE, Account, account, client_of, event, ids

LONG_MS = "20000"


class Reader:
    """Reads the feed of the events, from where it was."""

    def __init__(self, events: ContainerProxy) -> None:
        self._events = events
        self._token = ""

    async def read(self) -> list[str]:
        """One page."""
        where: dict[str, Any] = {"continuation": self._token} if self._token else {"start_time": "Beginning"}
        changes = self._events.query_items_change_feed(**where)
        async for page in changes.by_page():
            found = await ids(page)
            self._token = self._events.client_connection.last_response_headers["etag"]
            return found
        return []

    async def waiting(self) -> asyncio.Task[list[str]]:
        """A read that has been asked for, and waits."""
        reading = asyncio.create_task(self.read())
        await asyncio.sleep(0.2)
        assert not reading.done()
        return reading


@asynccontextmanager
async def reading(folder: Path, *, wait_ms: str) -> AsyncIterator[tuple[Account, Reader]]:
    """A reader that has seen all there is."""
    async with (
        account(folder, partitions=1) as at,
        client_of(at.running.connection_string, headers={HEADER: wait_ms}) as client,
    ):
        await at.events.create_item(event("p1", 1))
        reader = Reader(client.get_database_client(DATABASE).get_container_client("events"))
        assert await reader.read() == ["p1:1"]
        yield at, reader


async def test_a_wait_ends_when_something_was_written(tmp_path: Path) -> None:
    async with reading(tmp_path, wait_ms=LONG_MS) as (at, reader):
        waiting = await reader.waiting()

        await at.events.create_item(event("p1", 2))

        async with asyncio.timeout(5):
            assert await waiting == ["p1:2"]


async def test_what_is_written_in_the_same_moment_comes_in_the_same_page(tmp_path: Path) -> None:
    async with reading(tmp_path, wait_ms=LONG_MS) as (at, reader):
        waiting = await reader.waiting()

        await asyncio.gather(*(at.events.create_item(event("p1", version)) for version in (2, 3, 4)))

        assert sorted(await waiting) == ["p1:2", "p1:3", "p1:4"]


async def test_a_write_elsewhere_ends_no_wait(tmp_path: Path) -> None:
    async with reading(tmp_path, wait_ms=LONG_MS) as (at, reader):
        waiting = await reader.waiting()

        await at.indexed.create_item({"id": "p1", "paymentId": "p1"})
        await asyncio.sleep(0.2)

        assert not waiting.done()
        await at.events.create_item(event("p1", 2))
        assert await waiting == ["p1:2"]


async def test_a_wait_without_news_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async with reading(tmp_path, wait_ms="400") as (_, reader):
        waiting = await reader.waiting()

        async with asyncio.timeout(5):
            assert await waiting == []


async def test_a_stop_waits_for_nobody_who_waits(tmp_path: Path) -> None:
    running = await start(data=tmp_path, topology=TOPOLOGY, partitions=1)
    async with client_of(running.connection_string, headers={HEADER: LONG_MS}) as client:
        events = client.get_database_client(DATABASE).get_container_client("events")
        await events.create_item(event("p1", 1))
        reader = Reader(events)
        assert await reader.read() == ["p1:1"]
        waiting = await reader.waiting()

        async with asyncio.timeout(1.5):
            await running.close()

        assert await waiting == []


@pytest.mark.parametrize("wait_ms", ["", "0", "soon", "-5"])
async def test_who_does_not_ask_to_wait_is_answered_at_once(tmp_path: Path, wait_ms: str) -> None:
    async with reading(tmp_path, wait_ms=wait_ms) as (_, reader), asyncio.timeout(5):
        assert await reader.read() == []


def test_the_local_host_asks_in_the_words_that_are_understood() -> None:
    assert WAIT[0] == HEADER
    assert int(WAIT[1]) > 0
