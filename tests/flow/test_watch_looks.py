"""What a look at the flow costs, when one is made at all, and what becomes of one that fails."""

import asyncio
from pathlib import Path

from shared import flow
from tests.flow.kit.edge import Edge
from tests.flow.kit.rows import all_is_read, all_requests, requests
from tests.flow.kit.world import World, a_world
from tests.flow.test_watch import after_a_while, minutes, seen


async def test_while_nothing_moves_a_look_is_one_read_of_the_feed_and_one_of_its_leases(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await all_is_read(world)
        tag = (await seen(edge)).headers["ETag"]
        for container in (flow.EVENTS, flow.LEASES, flow.PAYMENTS, flow.DEAD_LETTERS):
            await requests(world.backends, container)
        statuses = []
        for _ in range(4):
            world.clock.advance_s(2)
            statuses.append((await seen(edge, if_none_match=tag)).status)
        asked = await _asked(world)

        assert statuses == [304, 304, 304, 304]
        assert {name: count for name, (count, _) in asked.items()} == {
            f"{flow.EVENTS} feed": 4,
            f"{flow.LEASES} query": 4,
        }
        world.clock.advance_s(2)
        assert (await seen(edge, if_none_match=tag)).status == 304, "and what waits was counted again"
        assert set(await _asked(world)) == {
            f"{flow.EVENTS} feed",
            f"{flow.LEASES} query",
            f"{flow.PAYMENTS} query",
            f"{flow.DEAD_LETTERS} query",
        }


async def _asked(world: World) -> dict[str, tuple[int, float]]:
    """By container and operation, since the last look."""
    return {
        f"{container} {operation}": tally
        for container, operations in (await all_requests(world.backends)).items()
        for operation, tally in operations.items()
    }


async def test_what_has_moved_is_news(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        tag = (await seen(edge)).headers["ETag"]
        await world.accept("pm_ok")
        world.clock.advance_s(2)

        moved = await seen(edge, if_none_match=tag)

        assert moved.status == 200
        assert moved.headers["ETag"] != tag


async def test_many_who_ask_within_two_seconds_look_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await asyncio.gather(*(seen(edge) for _ in range(5)))
        asked = await requests(world.backends, flow.LEASES)
        world.clock.advance_s(1.9)
        await seen(edge)

        assert asked["query"][0] == 1
        assert "query" not in await requests(world.backends, flow.LEASES)


async def test_a_store_that_is_away_for_a_while_leaves_no_hole(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await seen(edge)
        await world.accept("pm_ok")
        await world.backends.break_store(403, operation="feed")
        world.clock.advance_s(2)
        refused = await edge.ask("watch_flow")
        world.clock.advance_s(2)
        await world.backends.mend_store()
        await world.backends.break_store(403, operation="query")
        busy = await edge.ask("watch_flow")
        await world.backends.mend_store()
        again = await after_a_while(world, edge)

        assert (refused.status, busy.status) == (503, 503)
        assert minutes(again) == {"payment-initiated": 1}


async def test_whoever_looks_again_after_a_long_time_sees_the_last_ten_minutes(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await world.accept("pm_ok")
        before = await after_a_while(world, edge)
        world.clock.advance_s(7200)
        await world.accept("pm_ok")

        again = (await seen(edge)).body

        assert minutes(before) == minutes(again) == {"payment-initiated": 1}
        assert again["since"] > before["as_of"]
