"""The product's measure of the outbox, on leases as the .NET change feed processor of the Functions host keeps them."""

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.cosmos import feeds
from shared.adapters.cosmos.outbox import CosmosOutbox
from shared.errors import StoreRefuses
from shared.ports.outbox import Look
from tests.local.cosmos_support import Account, account, event

PREFIX = "publish"
PROCESSOR = f"{PREFIX}127.0.0.1_AAAAAQ==_AAAAAYAAAAE="


def lease_of_the_dotnet_processor(part: str, continuation: str | None, *, owner: str | None = "host") -> dict[str, Any]:
    return {
        "id": f"{PROCESSOR}..{part}",
        "version": 0,
        "LeaseToken": part,
        "FeedRange": {"Range": {"min": "", "max": "2000"} if part == "0" else {"min": "2000", "max": "FF"}},
        "Owner": owner,
        "ContinuationToken": continuation,
        "properties": {},
        "timestamp": "2026-11-25T17:50:23.736236Z",
        "Mode": "Incremental Feed",
    }


async def keep(at: Account, positions: Mapping[str, str | None], *, owner: str | None = "host") -> None:
    await at.leases.upsert_item({"id": f"{PROCESSOR}.info"})
    for part, continuation in positions.items():
        await at.leases.upsert_item(lease_of_the_dotnet_processor(part, continuation, owner=owner))


async def unread(at: Account) -> dict[str, int]:
    outbox = CosmosOutbox(at.events, at.leases, lease_prefixes=[PREFIX])
    return {each.part: each.changes for each in (await outbox.unread())[PREFIX]}


async def write(at: Account, *payments: str) -> None:
    for payment in payments:
        await at.events.create_item(event(payment, 1))


async def test_before_the_first_checkpoint_everything_is_unread(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))

        await keep(at, {"0": None, "1": None})

        assert sum((await unread(at)).values()) == 9


async def test_what_was_written_since_the_position_is_unread_and_nothing_else(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))
        await keep(at, {"0": None, "1": None})
        read = {part: f'"{changes}"' for part, changes in (await unread(at)).items()}

        await keep(at, read)
        assert await unread(at) == {"0": 0, "1": 0}

        await write(at, "q1", "q2", "q3")
        assert sum((await unread(at)).values()) == 3


async def test_leases_that_a_stopped_host_gave_back_still_tell_how_far_it_came(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, "p1")
        await keep(at, {"0": None, "1": None}, owner=None)

        assert sum((await unread(at)).values()) == 1


async def test_leases_of_another_function_are_not_the_publishers(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, "p1")
        other = lease_of_the_dotnet_processor("0", None)
        await at.leases.upsert_item(other | {"id": "project" + other["id"]})

        assert await unread(at) == {}


async def test_of_two_hosts_that_took_turns_the_one_that_came_furthest_counts(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))
        await keep(at, {"0": None, "1": None})
        newest = await unread(at)
        ranges = [each["Range"] async for each in at.events.read_feed_ranges()]
        for part, bounds in zip(("0", "1"), ranges, strict=True):
            token = f"{bounds['min']}-{bounds['max']}"
            read = {"LeaseToken": token, "ContinuationToken": f'"{newest[part]}"'}
            await at.leases.upsert_item({"id": f"{PROCESSOR}.local..{token}", **read})

        assert await unread(at) == {"0": 0, "1": 0}

        await write(at, "q1")
        assert sum((await unread(at)).values()) == 1


async def test_leases_of_a_container_of_this_name_before_hide_nothing(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))
        await keep(at, {"0": None, "1": None})
        for part in ("0", "1"):
            before = lease_of_the_dotnet_processor(part, '"5000"')
            await at.leases.upsert_item(before | {"id": f"{PREFIX}127.0.0.1_AAAAAQ==_AAAAAYAAAAk=..{part}"})

        assert sum((await unread(at)).values()) == 9


async def test_a_part_without_a_lease_was_not_read_once_the_reader_has_any(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))
        await keep(at, {"0": None, "1": None})
        first, second = (await unread(at)).values()
        await at.leases.delete_item(f"{PROCESSOR}..1", partition_key=f"{PROCESSOR}..1")

        assert await unread(at) == {"0": first, "1": second}


async def test_a_part_that_holds_nothing_is_read_although_its_reader_has_no_position(tmp_path: Path) -> None:
    """A processor notes a position after documents only, and what else the service does moves the number too."""
    async with account(tmp_path) as at:
        await write(at, "p1")
        await at.events.delete_item("p1:1", partition_key="p1")
        await keep(at, {"0": None, "1": None})

        assert await unread(at) == {"0": 0, "1": 0}


# --- a look: what is new, and how far the readers are, by the same requests


def outbox_of(at: Account) -> CosmosOutbox:
    return CosmosOutbox(at.events, at.leases, lease_prefixes=[PREFIX])


def ids(look: Look) -> list[str]:
    return sorted(str(document["paymentId"]) for document in look.documents)


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=10)


async def test_each_look_goes_on_where_the_one_before_ended_in_every_part(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        names = [f"p{number}" for number in range(9)]
        await write(at, *names)
        outbox = outbox_of(at)
        first = await outbox.look(None, since=long_ago(), limit=100)
        await write(at, "late-1", "late-2", "late-3")
        second = await outbox.look(first.position, since=long_ago(), limit=100)
        third = await outbox.look(second.position, since=long_ago(), limit=100)

        assert (ids(first), ids(second), ids(third)) == (sorted(names), ["late-1", "late-2", "late-3"], [])
        assert first.is_whole
        assert second.is_whole
        assert third.is_whole
        assert len(first.position) == 2, "the events lie in both parts"


async def test_what_is_stored_while_the_first_look_lasts_is_seen_once(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, "early")
        outbox, read = outbox_of(at), feeds.from_time

        async def slowly(*args: Any, **named: Any) -> feeds.Read:
            await write(at, f"late-{len(wrote)}")
            wrote.append(1)
            return await read(*args, **named)

        wrote: list[int] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(feeds, "from_time", slowly)
            first = await outbox.look(None, since=long_ago(), limit=100)
        second = await outbox.look(first.position, since=long_ago(), limit=100)

        assert sorted([*ids(first), *ids(second)]) == ["early", "late-0", "late-1"]


async def test_what_was_stored_before_is_not_in_the_first_look(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, "early")

        look = await outbox_of(at).look(None, since=datetime.now(UTC) + timedelta(seconds=5), limit=100)

        assert ids(look) == []


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_look_that_finds_more_than_it_may_says_so(tmp_path: Path, *, is_first: bool) -> None:
    async with account(tmp_path) as at:
        outbox = outbox_of(at)
        begun = await outbox.look(None, since=long_ago(), limit=100)
        await write(at, *(f"p{number}" for number in range(30)))

        look = await outbox.look(None if is_first else begun.position, since=long_ago(), limit=5)

        assert not look.is_whole
        assert 0 < len(look.documents) < 30


async def test_more_than_a_page_is_one_look(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        outbox = outbox_of(at)
        begun = await outbox.look(None, since=long_ago(), limit=1000)
        await asyncio.gather(*(write(at, f"p{number}") for number in range(2 * feeds.PAGE + 50)))

        look = await outbox.look(begun.position, since=long_ago(), limit=1000)

        assert len(set(ids(look))) == 2 * feeds.PAGE + 50
        assert look.is_whole


async def test_a_look_sees_how_far_the_readers_are_as_a_measure_does(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await write(at, *(f"p{number}" for number in range(9)))
        await keep(at, {"0": None, "1": None})
        outbox = outbox_of(at)

        first = await outbox.look(None, since=long_ago(), limit=100)
        read = {each.part: f'"{each.changes}"' for each in first.unread[PREFIX]}
        await keep(at, read)
        await write(at, "late")
        second = await outbox.look(first.position, since=long_ago(), limit=100)

        assert sum(each.changes for each in first.unread[PREFIX]) == 9
        assert second.unread == await outbox.unread()
        assert sum(each.changes for each in second.unread[PREFIX]) == 1


async def test_a_position_in_a_container_that_was_made_anew_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as one:
        look = await outbox_of(one).look(None, since=long_ago(), limit=100)
        stale = {name: _of_another_container(position) for name, position in look.position.items()}

        with pytest.raises(StoreRefuses):
            await outbox_of(one).look(stale, since=long_ago(), limit=100)


def _of_another_container(position: str) -> str:
    said = json.loads(base64.b64decode(position))
    return base64.b64encode(json.dumps({**said, "containerRid": "AnotherRid="}).encode()).decode()
