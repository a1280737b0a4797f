"""The sweep starts what stands still: the safety net for what nobody has thought of, and never a second charge."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared import flow
from shared.domain.letters import LetterStatus
from shared.domain.payment import Step
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.replay import replay
from tests import places
from tests.crashes import CrashPlan, Side
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world

LONG_S = 7200
"""Longer than every retry in a world and the sweep's margin."""


async def lost(world: World, place: str) -> str:
    """A payment whose message is gone."""
    payment_id = await world.accept("pm_ok")
    while not await world.lose_message(place):
        assert await world.next()
    await world.run()
    return payment_id


@pytest.mark.parametrize("step", [Step.CREATE, Step.SETTLE, Step.NOTIFY])
async def test_a_payment_whose_message_was_lost_is_found_and_goes_on(step: Step, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await lost(world, str(flow.PLACE_OF[step]))
        world.clock.advance_s(LONG_S)

        found = await world.sweep()
        await world.run()

        assert found == 1
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert world.telemetry.metric("payments.swept", step=step.value) == 1
        (line,) = world.telemetry.log_lines("sweep.swept")
        assert line.levelname == "WARNING"


async def test_a_payment_that_may_still_be_retried_is_left_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await lost(world, str(places.SETTLE))
        limits = world.services.limits
        longest = timedelta(seconds=limits.retries.of(Step.SETTLE).horizon_s()) + limits.sweep_margin
        horizon = max(longest, limits.fresh)
        moved_at = (await world.stream(payment_id))[-1].event.occurred_at
        world.clock.at = moved_at + horizon

        early = await world.sweep()
        world.clock.advance_s(0.001)
        late = await world.sweep()

        assert (early, late) == (0, 1)


async def test_a_payment_with_an_open_dead_letter_waits_for_a_person(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        world.clock.advance_s(LONG_S)

        assert await world.sweep() == 0
        assert await world.events(payment_id) == ["initiated", "created"]


async def test_a_payment_that_was_replayed_is_left_alone_while_the_replay_may_still_be_at_work(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        world.clock.advance_s(LONG_S)
        await world.replay_all()
        await world.work()

        during = await world.sweep()
        await lose_all(world)
        world.clock.advance_s(LONG_S)
        after = await world.sweep()

        assert (during, after) == (0, 1), "two runs at once would both send; a replay that was lost is made up for"
        assert await world.events(payment_id) == ["initiated", "created"]


async def lose_all(world: World) -> None:
    """What was scheduled never comes."""
    for topic in world.bus.broker.topics.values():
        world.bus.broker.cancel(topic, list(topic.scheduled.entries))


async def test_a_void_that_was_given_up_on_purpose_is_not_taken_up_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_settle_declined_void_down")
        await world.run()
        letter = await world.only_letter()
        await world.operate(
            lambda services: discard(letter.letter_id, by="operator", reason="it will lapse", services=services)
        )
        world.clock.advance_s(LONG_S)

        assert await world.sweep() == 0


async def test_each_sweep_is_a_run_of_its_own(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await lost(world, str(places.SETTLE))

        for _ in range(2):
            world.clock.advance_s(LONG_S)
            assert await world.sweep() == 1
            assert await world.lose_message(str(places.SETTLE))
        runs = [str(message.message_id) for message in world.bus.sent if message.to]

        assert runs == [f"{payment_id}:2:settle:s1:0", f"{payment_id}:2:settle:s2:0"]
        assert await world.sweep() == 0, "it was looked at just now"


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("call", ["publisher.publish", "overview.put"])
async def test_a_sweep_that_dies_between_sending_and_counting_does_no_harm(
    call: str, side: Side, tmp_path: Path
) -> None:
    counting = CrashPlan()
    async with a_world(tmp_path / "counting", crash_plan=counting) as world:
        await lost(world, str(places.SETTLE))
        before = len(counting.calls)
        world.clock.advance_s(LONG_S)
        await world.sweep()
        ahead = counting.calls[before:].index(call)
    plan = CrashPlan(at=before + ahead, side=side)
    async with a_world(tmp_path / "dying", crash_plan=plan) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await lost(world, str(places.SETTLE))
        world.clock.advance_s(LONG_S)

        await world.sweep()
        await world.run()

        assert (world.crashes, plan.calls[before + ahead]) == (1, call)
        assert {str(message.message_id) for message in world.bus.sent if message.to} == {f"{payment_id}:2:settle:s1:0"}
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_payment_that_was_replayed_lately_is_left_to_its_retries(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        world.clock.advance_s(LONG_S)
        await world.operate(lambda services: replay(letter.letter_id, by="op", dry_run=False, services=services))

        at_once = await world.sweep()
        world.clock.advance_s(LONG_S)
        later = await world.sweep()

        assert (at_once, later) == (0, 1)
