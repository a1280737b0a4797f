"""What waits is measured from outside: a publisher that stands still shows, whether it is alive or not."""

import json
from datetime import timedelta
from pathlib import Path

from shared import flow
from shared.codec.values import time_to_json
from tests.flow.kit.world import World, a_world

LEASE = "publish127.0.0.1_AAAAAQ==_AAAAAYAAAAE=..0"


async def publisher_came_to(world: World, number: int) -> None:
    """The publisher's lease, as the change feed processor of the Functions host writes it."""
    lease = {"id": LEASE, "LeaseToken": "0", "ContinuationToken": f'"{number}"', "Owner": "a-host", "version": 0}
    await world.backends.container(flow.LEASES).upsert_item(lease)


async def lag_s(world: World) -> float:
    await world.tick("measure_backlog")
    return world.telemetry.metric("outbox.lag_s")


async def test_a_publisher_that_keeps_up_has_no_lag(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        await publisher_came_to(world, len(await world.stream(payment_id)))

        assert await lag_s(world) == 0
        world.clock.advance_s(600)
        assert await lag_s(world) == 0


async def test_a_publisher_that_stands_still_has_a_lag_that_grows_until_it_moves(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await publisher_came_to(world, 0)
        await world.accept("pm_ok")
        lags = [await lag_s(world)]

        for _ in range(2):
            world.clock.advance_s(60)
            await world.restart()
            lags.append(await lag_s(world))
        await publisher_came_to(world, 1)
        lags.append(await lag_s(world))

        assert lags == [0, 60, 120, 0]
        line = world.telemetry.log_lines("publish.outbox_lag")[-2]
        assert (line.lag_s, line.changes) == (120, 1)  # type: ignore[attr-defined] # fields of our log lines


async def test_a_publisher_that_is_slow_but_moves_has_no_growing_lag(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for _ in range(3):
            await world.accept("pm_ok")
        lags = []

        for number in range(3):
            await publisher_came_to(world, number)
            lags.append(await lag_s(world))
            world.clock.advance_s(60)

        assert lags == [0, 0, 0]


async def test_open_dead_letters_are_measured_by_step_and_reason(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for method in ("pm_down", "pm_settle_down", "pm_settle_down", "pm_invalid"):
            await world.accept(method)
        await world.run()

        await world.tick("measure_backlog")

        gauge = "dead_letters.open"
        assert world.telemetry.metric(gauge, step="create", reason="retries_exhausted") == 1
        assert world.telemetry.metric(gauge, step="settle", reason="retries_exhausted") == 2
        assert world.telemetry.metric(gauge, step="create", reason="our_fault") == 1


async def test_when_the_last_dead_letter_is_closed_the_gauge_falls_to_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_down")
        await world.run()
        await world.tick("measure_backlog")
        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()

        await world.tick("measure_backlog")

        assert world.telemetry.metric("dead_letters.open", step="create", reason="retries_exhausted") == 0


async def test_what_the_last_round_remembered_is_read_from_where_every_release_writes_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await publisher_came_to(world, 1)
        await world.accept("pm_down")
        await world.run()
        await world.tick("measure_backlog")
        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()
        since = world.clock.now() - timedelta(seconds=90)
        parts = {"0": {"position": '"1"', "since": time_to_json(since)}}
        seen = {"parts": parts, "letters": [["create", "retries_exhausted"]]}
        memory = {"id": "regis-pay.backlog", "seen": json.dumps(seen)}
        await world.backends.container(flow.LEASES).upsert_item(memory)

        lag = await lag_s(world)

        assert lag == 90
        assert world.telemetry.metric("dead_letters.open", step="create", reason="retries_exhausted") == 0
