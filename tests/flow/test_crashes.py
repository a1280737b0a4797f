"""A worker crashes before every call through a port and every step of its host, and after all of them; it is replaced.

The calls are not listed here. A first run of each scenario counts them; then there is one run for each point at which a
crash makes a difference. A call that is added tomorrow is covered without a change to this file.

In one go it is every fourth point, beginning at a random one; the long form goes through them all.
"""

import random
from collections.abc import Sequence
from itertools import batched
from pathlib import Path

import pytest

from tests.crashes import CrashPlan, Side
from tests.flow.kit.backends import running_backends
from tests.flow.kit.scenarios import SCENARIOS, End, end_of
from tests.flow.kit.worker import retries
from tests.flow.kit.world import a_world_on

FOUR_ATTEMPTS = retries(attempts=4)
"""One more than the scenarios need. A worker that dies costs one: whoever comes after it has to wait until it is quiet.
"""
PROJECTED = {"paid", "lost_and_swept"}
"""The scenarios in which the read model is kept: it is one and the same in all."""
RUNS_ON_ONE = 10
"""Runs on the same backends: what earlier runs left in the store makes its queries slower."""


@pytest.mark.parametrize("step", [pytest.param(4, id="some"), pytest.param(1, id="each", marks=pytest.mark.long)])
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_worker_that_dies_beside_any_call_changes_nothing_about_the_end(
    name: str, side: Side, step: int, tmp_path: Path
) -> None:
    whole = CrashPlan()
    expected = await _run(name, tmp_path / "whole", [whole])
    points = [at for at, beside in whole.points if beside is side]
    plans = [CrashPlan(at=at, side=side) for at in points[random.randrange(step) :: step]]

    ends = await _run_all(name, tmp_path, plans)

    assert expected[0].charged <= 1
    assert expected[0].waiting == 0
    assert [_where(plan, whole) for plan, end in zip(plans, ends, strict=True) if end != expected[0]] == []
    assert [plan.calls[: plan.at] for plan in plans] == [whole.calls[: plan.at] for plan in plans]
    assert all(plan.has_crashed for plan in plans)


async def test_after_a_call_and_before_the_next_of_the_same_act_a_crash_is_the_same(tmp_path: Path) -> None:
    whole = CrashPlan()
    await _run("invalid", tmp_path / "whole", [whole])
    left_out = [at for at in range(len(whole.calls)) if (at, Side.AFTER) not in whole.points]
    after = [CrashPlan(at=at, side=Side.AFTER) for at in left_out]
    before = [CrashPlan(at=at + 1, side=Side.BEFORE) for at in left_out]

    ends = await _run_all("invalid", tmp_path / "after", after)

    assert len(left_out) > 5
    assert ends == await _run_all("invalid", tmp_path / "before", before)
    went_on = [one.calls[at + 1 :] for one, at in zip(after, left_out, strict=True)]
    assert went_on == [one.calls[at + 2 :] for one, at in zip(before, left_out, strict=True)]


async def _run_all(name: str, data: Path, plans: Sequence[CrashPlan]) -> list[End]:
    ends = []
    for number, some in enumerate(batched(plans, RUNS_ON_ONE, strict=False)):
        ends += await _run(name, data / str(number), some)
    return ends


async def _run(name: str, data: Path, plans: Sequence[CrashPlan]) -> list[End]:
    """The scenario, once for each plan. The provider forgets request ids, so that a second charge is seen."""
    ends = []
    async with running_backends(data) as backends:
        await backends.tell_provider("/mode", forget_request_ids=True)
        for plan in plans:
            projects = name in PROJECTED
            async with a_world_on(backends, crash_plan=plan, projects=projects, **FOUR_ATTEMPTS) as world:
                payment_id = await SCENARIOS[name](world)
                ends.append(await end_of(world, payment_id))
    return ends


def _where(plan: CrashPlan, whole: CrashPlan) -> str:
    assert plan.at is not None
    return f"{plan.side} call {plan.at}, {whole.calls[plan.at]}"
