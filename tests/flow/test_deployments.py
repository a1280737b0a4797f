"""A release and the one before it at work on the same payments: what the earlier one cannot read it leaves alone.

The earlier release is this one without some types of event, as the codec knows them.
"""

from pathlib import Path

import pytest

from shared import flow
from shared.codec.facts import FORM_NAMED
from shared.domain.events import PaymentResumed
from shared.domain.letters import LetterRecord, LetterStatus, earlier_letter_id_of
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.crashes import CrashPlan, Side
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world

NEW = ("payment.parked", "payment.resumed", "payment.seen_to", "payment.failure_told")


async def an_earlier_release(patch: pytest.MonkeyPatch, world: World) -> None:
    for name in NEW:
        patch.delitem(FORM_NAMED, name)
    await world.restart()


async def test_what_an_earlier_release_cannot_read_it_neither_skips_nor_closes_nor_ends(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter()
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        with pytest.MonkeyPatch.context() as patch:
            await an_earlier_release(patch, world)
            await world.run()

            assert len(world.bus.sent) < 20, "publisher and recorder do not feed each other"
            stubs = await world.letters(step=flow.PUBLISH)
            assert [stub.reason for stub in stubs] == ["unmappable"]
            replayed = await world.replay(letter.letter_id)
            discarded = await world.discard(letter.letter_id)
            world.clock.advance_s(20_000)
            swept = await world.sweep()
            other = await world.accept("pm_ok")
            await world.run()

            assert (replayed.verdict, discarded.discarded, swept) == (Verdict.CANNOT, False, 0)
            assert (await world.payment(other)).completed
            assert {each.status for each in await world.letters() if each.letter_id != letter.letter_id} == {
                LetterStatus.OPEN
            }
        await world.restart()
        await world.replay_all(step=flow.PUBLISH)
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_a_message_that_an_earlier_release_cannot_place_is_an_open_letter_of_high_severity(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        first = await world.only_letter()
        await world.backends.tell_provider("/repair")
        await world.replay(first.letter_id)
        await world.read_page("publish")
        with pytest.MonkeyPatch.context() as patch:
            await an_earlier_release(patch, world)
            await world.run()
            letter = await world.only_letter(step="settle", status=LetterStatus.OPEN)
            assert (letter.reason, letter.severity) == ("unreadable", "high")
            assert not (await world.discard(letter.letter_id)).discarded
        await world.restart()

        verdict = await world.replay(letter.letter_id)
        await world.run()

        assert verdict.verdict is Verdict.REPLAYED
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def as_an_earlier_release_left_it(world: World, letter: LetterRecord, **changes: object) -> None:
    """The letter as a release wrote it that wrote nothing of it into the stream, and the stream without the note."""
    box = world.backends.container(flow.DEAD_LETTERS)
    document = await box.read_item(letter.letter_id, partition_key=letter.letter_id)
    for name in ("as_of", "cause"):
        document.pop(name)
    earlier_id = earlier_letter_id_of(source=letter.source, message_id=letter.message_id)
    document["message"]["run"] = "0"
    await box.upsert_item({**document, "id": earlier_id, "replays": [], **changes})
    await box.delete_item(letter.letter_id, partition_key=letter.letter_id)
    stream = await world.stream(letter.payment_id or "")
    events = world.backends.container(flow.EVENTS)
    await events.delete_item(stream[-1].event_id, partition_key=letter.payment_id)


HISTORY = [{"at": "2026-01-02T12:00:00.000000Z", "action": "discarded", "by": "ada", "note": "it will lapse; so be it"}]


async def test_an_open_letter_of_an_earlier_release_is_replayed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        await as_an_earlier_release_left_it(world, await world.only_letter())
        await world.backends.tell_provider("/repair")

        (verdict,) = await world.replay_all()
        await world.run()

        assert verdict.verdict is Verdict.REPLAYED
        assert await world.events(payment_id) == COMPLETED
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_a_payment_with_an_open_letter_of_an_earlier_release_waits_for_a_person(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        await as_an_earlier_release_left_it(world, await world.only_letter())
        world.clock.advance_s(100_000)

        assert await world.sweep() == 0
        await world.run()

        assert await world.types(payment_id) == ["initiated", "created", "parked"]
        assert (await world.only_letter()).status is LetterStatus.OPEN


async def test_what_was_given_up_under_an_earlier_release_stays_given_up(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_declined_void_down")
        await world.run()
        await as_an_earlier_release_left_it(world, await world.only_letter(), status="discarded", history=HISTORY)
        world.clock.advance_s(100_000)

        assert await world.sweep() == 0
        await world.run()

        assert (await world.types(payment_id))[-1] == "seen_to"
        (line,) = [each.event for each in (await world.stream(payment_id))[-1:]]
        assert (line.who, line.why) == ("ada", "it will lapse; so be it")  # type: ignore[union-attr]
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_a_letter_that_was_recorded_before_the_deploy_and_delivered_after_it_is_one_letter(
    tmp_path: Path,
) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan) as world:
        await world.accept("pm_invalid")
        await world.next_until(lambda: world.is_waiting(str(places.RECORD)))
        plan.calls.clear()
        plan.named, plan.side = "host.complete", Side.BEFORE
        await world.next()
        await as_an_earlier_release_left_it(world, await world.only_letter())

        await world.run()

        letter = await world.only_letter()
        assert (letter.as_of, letter.status) == (None, LetterStatus.OPEN)
        (parked,) = [each for each in await world.stream(letter.payment_id or "") if each.payment.troubles]
        assert parked.payment.troubles[0].is_parked


async def test_a_retry_that_an_earlier_release_had_scheduled_is_taken_up(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        taken = await world.bus.take(world.bus.queue(str(places.CREATE)))
        assert taken is not None
        await world.bus.complete(taken)
        await world.send_as_earlier(taken, place=places.CREATE, message_id=f"{payment_id}:1:create:0:1", attempt=1)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert not [each for each in await world.stream(payment_id) if isinstance(each.event, PaymentResumed)]
