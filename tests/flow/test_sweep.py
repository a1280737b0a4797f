"""The sweep starts what stands still: the safety net for what nobody has thought of, and never a second charge."""

from pathlib import Path

import pytest

from shared import flow
from shared.codec.documents import to_document
from shared.domain.letters import LetterStatus
from shared.domain.payment import Step
from shared.verbs.recovery.replay import replay
from tests import places
from tests.crashes import CrashPlan, Side
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world

LONG_S = 10_000
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


async def test_the_timer_starts_what_stands_still(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await lost(world, str(places.CREATE))
        world.clock.advance_s(LONG_S)

        await world.tick("sweep_payments")
        await world.run()

        assert await world.events(payment_id) == COMPLETED


async def test_a_payment_that_cannot_be_read_is_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        odd, other = await lost(world, str(places.CREATE)), await lost(world, str(places.CREATE))
        (first,) = await world.stream(odd)
        await world.backends.container(flow.EVENTS).upsert_item({**to_document(first), "schemaVersion": 99})
        world.clock.advance_s(LONG_S)

        found = await world.sweep()
        await world.run()

        assert found == 1
        assert await world.events(other) == COMPLETED
        assert world.telemetry.metric("payments.not_swept", reason="unreadable") == 1
        (line,) = world.telemetry.log_lines("sweep.failed")
        assert (line.levelname, line.payment_id) == ("ERROR", odd)  # type: ignore[attr-defined] # a field of our lines


async def test_a_payment_that_may_still_be_retried_is_left_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await lost(world, str(places.SETTLE))
        horizon = world.services.limits.horizon(Step.SETTLE)
        moved_at = (await world.stream(payment_id))[-1].event.occurred_at
        assert horizon >= world.services.limits.fresh + world.services.limits.turn_limit
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
        payment_id = await world.accept("pm_settle_declined_void_down")
        await world.run()
        letter = await world.only_letter()
        await world.discard(letter.letter_id)
        await world.run()
        assert (await world.types(payment_id))[-1] == "seen_to"
        world.clock.advance_s(LONG_S)

        assert await world.sweep() == 0


async def test_each_sweep_waits_twice_as_long_as_the_one_before_and_at_last_a_person_is_called(tmp_path: Path) -> None:
    async with a_world(tmp_path, sweep_limit=2) as world:
        payment_id = await lost(world, str(places.SETTLE))
        horizon = world.services.limits.horizon(Step.SETTLE)
        waits = []

        for _ in range(2):
            began = world.clock.now()
            while not await world.sweep():
                world.clock.advance_s(60)
            waits.append(world.clock.now() - began)
            assert await lose_next(world, str(places.SETTLE))
        world.clock.advance_s(5 * horizon.total_seconds())
        assert await world.sweep() == 0
        await world.run()

        assert 1.9 < waits[1] / waits[0] < 2.1
        assert await world.types(payment_id) == ["initiated", "created", "resumed", "resumed", "parked"]
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.status.value) == ("settle", "stands_still", "open")
        await world.replay(letter.letter_id)
        await world.run()
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def lose_next(world: World, place: str) -> bool:
    while not await world.lose_message(place):
        assert await world.next()
    return True


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("call", ["store.append", "overview.put"])
async def test_a_sweep_that_dies_anywhere_resumes_once(call: str, side: Side, tmp_path: Path) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await lost(world, str(places.SETTLE))
        world.clock.advance_s(LONG_S)
        plan.calls.clear()
        plan.named, plan.side = call, side

        await world.sweep()
        await world.run()

        assert world.crashes == 1
        assert (await world.types(payment_id)).count("resumed") == 1
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_merchant_who_was_not_told_of_a_failure_is_told_by_the_sweep(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_declined", notify="ok")
        assert await lose_next(world, str(places.NOTIFY_FAILURE))
        await world.run()
        assert await world.backends.notifications(payment_id) == []
        world.clock.advance_s(400_000)

        found = await world.sweep()
        await world.run()

        assert found == 1
        assert await world.types(payment_id) == ["initiated", "failed", "resumed", "failure_told"]
        (told,) = await world.backends.notifications(payment_id)
        assert told["times_accepted"] == 1
        world.clock.advance_s(400_000)
        assert await world.sweep() == 0


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
