"""What waits is measured from outside: a publisher that stands still shows, whether it is alive or not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.values import time_to_json
from shared.errors import StoreBusy
from shared.ports.outbox import Outbox
from shared.services import Services
from tests.flow.kit.world import World, a_world

LEASE = "127.0.0.1_AAAAAQ==_AAAAAYAAAAE=..0"


PROJECT = flow.PROJECT_LEASE_PREFIX


async def publisher_came_to(world: World, number: int, *, reader: str = flow.PUBLISH_LEASE_PREFIX) -> None:
    """The reader's lease, as the change feed processor of the Functions host writes it."""
    came_to = {"LeaseToken": "0", "ContinuationToken": f'"{number}"', "Owner": "a-host", "version": 0}
    await world.backends.container(flow.LEASES).upsert_item({"id": reader + LEASE, **came_to})


async def lag_s(world: World, *, gauge: str = "outbox.lag_s") -> float:
    await world.tick("measure_backlog")
    return world.telemetry.metric(gauge)


class ForgetfulOutbox:
    """The store takes no writes beside the leases: the readers' checkpoints fail then too."""

    def __init__(self, inner: Outbox) -> None:
        self._inner = inner
        self.remembered, self.unread, self.look = inner.remembered, inner.unread, inner.look
        self.is_away = True

    async def remember(self, seen: Mapping[str, Any]) -> None:
        if self.is_away:
            raise StoreBusy("keep this measurement: the store refused, nothing was written: retry")
        await self._inner.remember(seen)


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


async def test_a_read_model_that_stands_still_has_a_lag_of_its_own(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await publisher_came_to(world, 1)
        await publisher_came_to(world, 0, reader=PROJECT)
        await world.accept("pm_ok")
        lags = [await lag_s(world, gauge="projection.lag_s")]
        world.clock.advance_s(60)

        lags.append(await lag_s(world, gauge="projection.lag_s"))
        await publisher_came_to(world, 1, reader=PROJECT)
        lags.append(await lag_s(world, gauge="projection.lag_s"))

        assert lags == [0, 60, 0]
        assert world.telemetry.metric("outbox.lag_s") == 0


async def whole_as_of_s(world: World) -> float | None:
    """What is noted after a measurement, in seconds before now."""
    await world.tick("measure_backlog")
    noted = await world.services.overview.whole_as_of()
    return None if noted is None else (world.clock.now() - noted).total_seconds()


async def test_the_rows_are_whole_up_to_the_last_time_when_all_of_that_time_was_read(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        found = [await whole_as_of_s(world)]
        await publisher_came_to(world, 0, reader=PROJECT)
        found.append(await whole_as_of_s(world))
        await publisher_came_to(world, 1, reader=PROJECT)
        found.append(await whole_as_of_s(world))
        for _ in range(2):
            world.clock.advance_s(60)
            await world.accept("pm_ok")
            found.append(await whole_as_of_s(world))

        assert found == [None, None, 0, 60, 120], "without a lease, before the first row, then in the middle"


async def test_a_reader_that_is_never_quite_done_is_not_taken_for_one_that_stands_still(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        found = []
        for number in range(4):
            await world.accept("pm_ok")
            await publisher_came_to(world, number, reader=PROJECT)
            found.append(await whole_as_of_s(world))
            world.clock.advance_s(60)

        assert found == [None, 60, 60, 60], "each round it had read what the one before had seen"


async def test_however_long_it_stands_still_what_is_remembered_stays_small(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await publisher_came_to(world, 0, reader=PROJECT)
        await world.accept("pm_ok")
        began = world.clock.now()
        for _ in range(150):
            await world.tick("measure_backlog")
            world.clock.advance_s(60)
        kept = len((await world.services.outbox.remembered())["marks"])
        await publisher_came_to(world, 1, reader=PROJECT)

        assert await whole_as_of_s(world) == 0
        assert kept <= 61
        assert (world.clock.now() - began).total_seconds() == 9000


async def test_while_nothing_can_be_kept_no_lag_of_zero_is_told(tmp_path: Path) -> None:
    """The publisher cannot keep its position then either, so it stands still; the alert on silence tells."""
    forgetful: list[ForgetfulOutbox] = []

    def forget(services: Services) -> Services:
        forgetful.append(ForgetfulOutbox(services.outbox))
        return replace(services, outbox=forgetful[-1])

    async with a_world(tmp_path, alter=forget) as world:
        await publisher_came_to(world, 0)
        await world.accept("pm_down")
        await world.run()
        for _ in range(2):
            with pytest.raises(StoreBusy):
                await world.tick("measure_backlog")
            world.clock.advance_s(60)
        told = world.telemetry.log_lines("publish.outbox_lag"), world.telemetry.metric("dead_letters.open")
        ticks = world.telemetry.metric("timer.ticks", timer="measure_backlog")
        forgetful[-1].is_away = False
        await world.tick("measure_backlog")

        assert told == ([], 0)
        assert (ticks, world.telemetry.metric("timer.ticks", timer="measure_backlog")) == (0, 1)
        assert world.telemetry.metric("dead_letters.open", step="create") == 1


async def test_open_dead_letters_are_measured_by_step_reason_and_severity(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for method in ("pm_down", "pm_settle_down", "pm_settle_down", "pm_invalid"):
            await world.accept(method)
        await world.run()

        await world.tick("measure_backlog")

        gauge = "dead_letters.open"
        assert world.telemetry.metric(gauge, step="create", reason="retries_exhausted") == 1
        assert world.telemetry.metric(gauge, step="settle", reason="retries_exhausted") == 2
        assert world.telemetry.metric(gauge, step="create", reason="our_fault", severity="normal") == 1


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
        letters = [["create", "of an earlier release"], ["create", "retries_exhausted", "normal"]]
        seen = {"parts": parts, "letters": letters}
        memory = {"id": "regis-pay.backlog", "seen": json.dumps(seen)}
        await world.backends.container(flow.LEASES).upsert_item(memory)

        lag = await lag_s(world)

        assert lag == 90
        assert world.telemetry.metric("dead_letters.open", step="create", reason="retries_exhausted") == 0
        kinds = world.telemetry.told_of("dead_letters.open")
        assert kinds == [{"step": "create", "reason": "retries_exhausted", "severity": "normal"}]
