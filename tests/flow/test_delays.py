"""When attempts come: by schedule, never by waiting. Time is the test's, so the waits are exact."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.services import Services
from tests.flow.kit.world import World, a_world, a_world_behind_a_gateway

SIX: dict[str, Any] = {"retry_create_attempts": 6, "retry_create_base_s": 5, "retry_create_cap_s": 30}


def with_jitter(*draws: float) -> Callable[[Services], Services]:
    left = list(draws)
    return lambda services: replace(services, jitter=lambda: left.pop(0))


async def waits(world: World) -> list[float]:
    """Seconds from each attempt to the next, as the broker was told them."""
    seen: list[float] = []
    await world.work()
    while world.scheduled():
        (wait,) = world.scheduled().values()
        seen.append(wait)
        world.clock.advance_s(wait)
        await world.bus.run_due()
        await world.work()
    return seen


async def test_the_waits_grow_to_the_cap_and_there_are_as_many_as_attempts_less_one(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIX) as world:
        await world.accept("pm_down")

        assert await waits(world) == [5, 10, 20, 30, 30]


async def test_full_jitter_draws_each_wait_from_nothing_to_the_longest(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=with_jitter(0.5, 0.0, 1.0, 0.1, 0.9), **SIX) as world:
        await world.accept("pm_down")

        # where nothing is drawn, the provider's own Retry-After of a second is what is left
        assert await waits(world) == [2.5, 1, 20, 3, 27]


@pytest.mark.parametrize(("told", "wait"), [("20", 20), ("9999", 30), ("1", 5), ("Wed, 21 Oct 2026 07:28:00 GMT", 5)])
async def test_retry_after_is_the_least_wait_up_to_the_cap(told: str, wait: float, tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, **SIX) as (world, gateway):
        gateway.answers(429, body={"code": "slow_down"}, headers={"Retry-After": told})
        payment_id = await world.accept("pm_ok")

        assert await waits(world) == [wait]
        assert await world.charges(payment_id) == 1


async def test_nothing_sleeps_in_a_function_and_no_lock_is_held_while_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float, result: object = None) -> object:
        slept.append(delay)
        return await real(0, result)

    async with a_world(tmp_path) as world:
        monkeypatch.setattr(asyncio, "sleep", sleep)
        await world.accept("pm_down", notify="down")
        await world.work()

        assert [delay for delay in slept if delay > 0] == []
        assert len(world.scheduled()) == 1
        assert all(not s.queue.locked for topic in world.bus.broker.topics.values() for s in topic.subscriptions)


async def test_the_schedules_horizon_holds_every_wait_that_can_be_drawn(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIX) as world:
        await world.accept("pm_down")

        total = sum(await waits(world))

        assert total <= world.services.limits.retries.create.horizon_s()
