"""An operator sends a dead letter once more: under a new run, to the step that failed, and only when that is owed."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.letters import LetterRecord, LetterStatus
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


async def reread(world: World, letter: LetterRecord) -> LetterRecord:
    (found,) = [each for each in await world.letters() if each.letter_id == letter.letter_id]
    return found


async def test_two_replays_while_the_provider_is_down_are_two_new_deaths_and_the_third_completes(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id, first = await parked(world, "pm_settle_down")

        for _ in range(2):
            await world.replay_all()
            await world.run(for_s=60)
        letters = await world.letters()
        assert [(letter.run, letter.status.value) for letter in letters] == [
            ("0", "replayed"),
            ("r1", "replayed"),
            ("r2", "open"),
        ]
        assert [letter.message_id for letter in letters] == [
            f"{payment_id}:2:settle:{run}:3" for run in ("0", "r1", "r2")
        ]
        assert (letters[-1].recorded_at - first.recorded_at).total_seconds() < 60
        await world.backends.tell_provider("/repair")
        (verdict,) = await world.replay_all()
        await world.run()

        assert (verdict.verdict, verdict.run) == (Verdict.REPLAYED, "r3")
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters(status="open") == []
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

        assert (again.verdict, again.why) == (Verdict.NOTHING_TO_DO, "it was replayed as r1")
        assert await world.events(payment_id) == COMPLETED
        assert world.bus.queue(str(places.CREATE)).counts["completed"] == 5, "four attempts and one replay"


async def test_a_replay_of_a_payment_that_moved_on_says_so_and_closes_the_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")
        world.clock.advance_s(3601)
        world.rewind("publish")
        await world.run()
        assert await world.events(payment_id) == COMPLETED

        verdict = await world.replay(letter.letter_id)

        assert (verdict.verdict, verdict.why) == (Verdict.NOTHING_TO_DO, "the payment moved on: it is completed")
        assert (await reread(world, letter)).status is LetterStatus.RESOLVED
        assert world.scheduled() == {}


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, letter = await parked(world)

        verdict = await world.replay(letter.letter_id, dry_run=True)
        await world.run()

        assert (verdict.verdict, verdict.why) == (Verdict.REPLAYED, "the payment is initiated and owes create")
        assert await reread(world, letter) == letter
        assert await world.events(payment_id) == ["initiated"]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("call", ["letters.save", "scheduler.schedule"])
async def test_a_replay_that_was_cut_off_is_repeated_under_the_same_run(call: str, side: Side, tmp_path: Path) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan) as world:
        payment_id, letter = await parked(world)
        await world.backends.tell_provider("/repair")
        before = len(world.bus.sent)
        ahead = [
            "letters.get",
            "store.load",
            "letters.find",
            "letters.save",
            "store.load_document",
            "scheduler.schedule",
        ]
        plan.at, plan.side = len(plan.calls) + ahead.index(call), side

        verdict = await world.replay(letter.letter_id)
        await world.run()

        assert (world.crashes, verdict.run) == (1, "r1")
        sent = {str(message.message_id) for message in world.bus.sent[before:] if message.to}
        assert sent == {f"{payment_id}:1:create:r1:0"}
        assert (await reread(world, letter)).replays == ("r1",)
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


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


async def test_of_two_letters_of_one_step_the_second_waits_for_the_run_of_the_first(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id, letter = await parked(world, "pm_settle_down")
        twin = replace(letter, letter_id="twin", message_id=f"{letter.message_id}:twin", etag=None)
        await world.operate(lambda services: services.letters.add(twin))
        await world.backends.tell_provider("/repair")

        verdicts = await world.replay_all()
        await world.run()

        assert sorted(verdict.verdict for verdict in verdicts) == [Verdict.NOTHING_TO_DO, Verdict.REPLAYED]
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters(status="open") == []
