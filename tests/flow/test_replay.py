"""An operator starts the step of a dead letter again: by one event in the stream, and only when it is owed."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from shared.codec.messages import Message
from shared.domain.events import PaymentResumed
from shared.domain.letters import LetterRecord, LetterStatus
from shared.steps.letters import shown_as
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.crashes import CrashPlan, Side
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world


async def parked(world: World, payment_method: str = "pm_down") -> tuple[str, LetterRecord]:
    payment_id = await world.accept(payment_method)
    await world.run()
    letter = await world.only_letter()
    assert letter.reason == "retries_exhausted"
    return payment_id, letter


async def with_twin(world: World, letter: LetterRecord) -> LetterRecord:
    """A second letter of the same cause."""
    twin = replace(letter, letter_id="twin", message_id=f"{letter.message_id}:twin", etag=None)
    await world.operate(lambda services: services.letters.add(twin))
    return twin


async def reread(world: World, letter: LetterRecord) -> LetterRecord:
    (found,) = [each for each in await world.letters() if each.letter_id == letter.letter_id]
    return found


async def test_two_replays_while_the_provider_is_down_are_two_new_deaths_and_the_third_completes(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id, _ = await parked(world, "pm_settle_down")

        for _ in range(2):
            await world.replay_all()
            await world.run(for_s=240)
        letters = await world.letters()
        assert [(letter.cause, letter.status.value) for letter in letters] == [
            (f"{payment_id}:2", "taken_up"),
            (f"{payment_id}:4", "taken_up"),
            (f"{payment_id}:6", "open"),
        ]
        assert [letter.message_id for letter in letters] == [
            f"{payment_id}:{version}:settle:3" for version in (2, 4, 6)
        ]
        await world.backends.tell_provider("/repair")
        (verdict,) = await world.replay_all()
        await world.run()

        assert (verdict.verdict, verdict.cause) == (Verdict.REPLAYED, f"{payment_id}:8")
        assert [type(each.event).__name__ for each in (await world.stream(payment_id))[2:8]] == [
            "PaymentParked",
            "PaymentResumed",
        ] * 3
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters(status=LetterStatus.OPEN) == []
        assert world.telemetry.metric("dead_letters.recorded", step="settle", reason="retries_exhausted") == 3
        assert world.telemetry.metric("dead_letters.replayed", step="settle", reason="retries_exhausted") == 3


async def test_the_same_letter_replayed_again_is_nothing_to_do(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()

        again = await world.replay(letter.letter_id)
        await world.run()

        assert (again.verdict, again.why) == (Verdict.NOTHING_TO_DO, "the payment moved on: it is completed")
        assert await world.events(payment_id) == COMPLETED
        assert world.bus.queue(str(places.CREATE)).counts["completed"] == 6, "four attempts, the replay and its copy"
        assert (await reread(world, letter)).status is LetterStatus.CLOSED


async def test_a_letter_says_as_of_which_version_it_was_taken_up(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)

        await world.replay(letter.letter_id)

        taken_up = await reread(world, letter)
        assert taken_up.status is LetterStatus.TAKEN_UP
        assert taken_up.as_of == len(await world.stream(payment_id))


async def test_a_letter_that_others_brought_up_to_date_first_is_left_as_it_is(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, as_it_was = await parked(world)
        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()

        shown = await shown_as(as_it_was, await world.stream(payment_id), services=world.services)

        assert shown == await reread(world, as_it_was)
        assert shown.status is LetterStatus.CLOSED


async def test_a_repeat_of_the_feed_does_not_start_what_waits_for_a_person(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, _ = await parked(world)
        await world.backends.tell_provider("/repair")
        world.clock.advance_s(3601)
        world.rewind("publish")

        await world.run()

        assert await world.events(payment_id) == ["initiated"]
        assert len(world.telemetry.log_lines("advance.waits_for_a_person")) == 1


async def test_a_replay_of_a_payment_that_moved_on_says_so_and_closes_the_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)
        twin = await with_twin(world, letter)
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()
        assert await world.events(payment_id) == COMPLETED

        verdict = await world.replay(twin.letter_id)

        assert (verdict.verdict, verdict.why) == (Verdict.NOTHING_TO_DO, "the payment moved on: it is completed")
        assert (await reread(world, twin)).status is LetterStatus.CLOSED
        assert world.scheduled() == {}


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)

        verdict = await world.replay(letter.letter_id, dry_run=True)
        await world.run()

        assert (verdict.verdict, verdict.why) == (Verdict.REPLAYED, "the payment is initiated and create is left to do")
        assert await reread(world, letter) == letter
        assert await world.events(payment_id) == ["initiated"]


@pytest.mark.parametrize("side", Side)
async def test_a_replay_that_was_cut_off_is_one_resumption_when_it_is_repeated(side: Side, tmp_path: Path) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")
        ahead = ["letters.get", "store.load", "store.append"]
        plan.at, plan.side = len(plan.calls) + ahead.index("store.append"), side

        verdict = await world.replay(letter.letter_id)
        await world.run()

        assert world.crashes == 1
        assert verdict.verdict is (Verdict.REPLAYED if side is Side.BEFORE else Verdict.NOTHING_TO_DO)
        resumed = [each for each in await world.stream(payment_id) if isinstance(each.event, PaymentResumed)]
        assert len(resumed) == 1
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_replay_needs_no_bus_and_its_letter_is_not_lost(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")
        world.bus.faults.order({"kind": "refuse_sends", "topic": places.CREATE.topic, "count": 3})

        verdict = await world.replay(letter.letter_id)

        assert verdict.verdict is Verdict.REPLAYED
        assert world.faults == [], "nothing was sent so far"
        await world.run()
        assert [type(fault).__name__ for fault in world.faults] == ["BusUnavailable"] * 3
        assert await world.events(payment_id) == COMPLETED


async def test_of_two_operators_at_once_one_replays_and_the_other_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")

        verdicts = await asyncio.gather(world.replay(letter.letter_id), world.replay(letter.letter_id))
        await world.run()

        assert sorted(each.verdict for each in verdicts) == [Verdict.NOTHING_TO_DO, Verdict.REPLAYED]
        (late,) = [each for each in verdicts if each.verdict is Verdict.NOTHING_TO_DO]
        assert late.why == f"the step was started again as {payment_id}:3, and is under way"
        assert await world.events(payment_id) == COMPLETED


async def test_a_payment_that_was_parked_and_resumed_once_costs_two_creates_more(tmp_path: Path) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan, projects=False) as world:
        payment_id, letter = await parked(world, "pm_settle_down")
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        calls = Counter(plan.calls)
        assert calls["store.append"] == 4 + 2, "the four of every payment, parked and resumed"
        assert calls["store.load_document"] == 0
        loads = {"retries": 3, "recorder": 2, "replay": 1, "the resumed turn and its copy": 2, "a message with gaps": 1}
        assert calls["store.load"] == sum(loads.values())


async def test_a_replay_reaches_only_the_step_that_failed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, _ = await parked(world, "pm_settle_declined_void_down")
        told = world.bus.queue(str(places.NOTIFY_FAILURE)).counts["delivered"]
        await world.backends.tell_provider("/repair")

        await world.replay_all()
        await world.run()

        assert await world.events(payment_id) == ["initiated", "created", "failed", "voided"]
        assert world.bus.queue(str(places.NOTIFY_FAILURE)).counts["delivered"] == told == 1


async def test_a_spoilt_message_is_made_anew_from_the_store(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        await world.make_unreadable(str(places.CREATE))
        await world.run()
        letter = await world.only_letter()
        assert letter.reason == "unreadable"

        await world.replay(letter.letter_id)
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_letter_that_names_no_payment_cannot_be_replayed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        await world.read_page("publish")
        await world.make_unreadable(str(places.CREATE), message_id="nobody")
        await world.run()
        letter = await world.only_letter()

        verdict = await world.replay(letter.letter_id)

        assert verdict.verdict is Verdict.CANNOT
        assert (await reread(world, letter)).status is LetterStatus.OPEN


async def test_of_two_letters_of_one_cause_the_second_has_nothing_to_do(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id, letter = await parked(world, "pm_settle_down")
        await with_twin(world, letter)
        await world.backends.tell_provider("/repair")

        verdicts = await world.replay_all()
        await world.run()

        assert sorted(verdict.verdict for verdict in verdicts) == [Verdict.NOTHING_TO_DO, Verdict.REPLAYED]
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_what_an_older_cause_left_behind_does_nothing_after_a_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world, "pm_settle_down")
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        left_behind = Message(
            topic=places.SETTLE.topic,
            message_id=f"{payment_id}:2:settle:9",
            body=letter.body,
            subject=letter.subject,
            to=places.SETTLE.subscription,
            properties={"attempt": 1, "quiet": 1},
        )

        await world.services.publisher.publish([left_behind])
        await world.work()

        assert len(world.telemetry.log_lines("advance.superseded")) == 1
        await world.run()
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
