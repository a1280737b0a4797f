"""An operator ends what cannot be saved: the provider is asked first, and what it has done is recorded first."""

from dataclasses import replace
from pathlib import Path

from shared import flow
from shared.domain.events import PaymentResumed
from shared.domain.letters import DeadLetter, LetterStatus
from shared.verbs.recovery.discard import Discard
from tests import places
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.world import World, a_world, a_world_behind_a_gateway


async def discarded(world: World) -> Discard:
    """The one open dead letter is discarded."""
    return await world.discard((await world.only_letter(status=LetterStatus.OPEN)).letter_id)


async def test_a_payment_the_provider_never_saw_fails(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_down")
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "failed"]
        failed = (await world.payment(payment_id)).failed
        assert failed is not None
        assert (failed.reason, failed.code) == ("discarded", "discarded_by_operator")
        assert (await world.only_letter()).status is LetterStatus.CLOSED
        (resumed,) = [each.event for each in await world.stream(payment_id) if isinstance(each.event, PaymentResumed)]
        assert (resumed.to, resumed.who, resumed.why) == ("end", "operator", "the customer has gone")
        assert (await world.backends.charge(payment_id))["requests"] == 4, "none after the four attempts"
        assert world.telemetry.metric("dead_letters.discarded", step="create", reason="retries_exhausted") == 1


async def test_a_payment_that_was_authorised_unheard_fails_and_is_voided(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "failed", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0
        assert (await world.backends.charge(payment_id))["voided"]


async def test_a_payment_that_was_authorised_and_not_captured_fails_and_is_voided(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0


async def test_a_payment_that_was_charged_unheard_is_not_ended_but_goes_on(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_while_the_provider_does_not_answer_nothing_is_ended_and_the_end_is_parked(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_down")
        await world.run()
        gateway.answers_when_asked(503, times=4)

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded, "it stands in the stream, and is tried like any step"
        assert await world.events(payment_id) == ["initiated"]
        letter = await world.only_letter(status=LetterStatus.OPEN)
        assert (letter.cause, letter.reason) == (outcome.cause, "retries_exhausted")
        assert world.telemetry.metric("step.retries", step="create", reason="not_answered") == 3

        await discarded(world)
        await world.run()
        assert await world.events(payment_id) == ["initiated", "failed"]


async def test_a_paid_payment_whose_notification_died_completes_as_undelivered(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.next_until(lambda: world.is_waiting(str(places.NOTIFY)))
        await world.make_unreadable(str(places.NOTIFY))
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == COMPLETED
        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "undelivered"


async def test_a_void_that_is_given_up_leaves_the_payment_failed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_declined_void_down")
        await world.run()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "created", "failed"]


async def test_a_payment_that_moved_on_is_left_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_down")
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()

        outcome = await world.discard(letter.letter_id)

        assert outcome.discarded
        assert outcome.why == "nothing is left to do about it"
        assert await world.events(payment_id) == COMPLETED


async def test_a_list_that_still_shows_a_letter_as_open_is_put_right_by_the_attempt_to_discard_it(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_down")
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()
        await world.services.letters.save(replace(await world.only_letter(), status=LetterStatus.OPEN))

        outcome = await world.discard(letter.letter_id)

        assert outcome.why == "nothing is left to do about it"
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_a_void_that_was_done_unheard_is_recorded_when_it_is_given_up(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_declined_void_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()

        await discarded(world)
        await world.run()

        assert await world.types(payment_id) == [
            "initiated",
            "created",
            "failed",
            "parked",
            "resumed",
            "voided",
        ]


async def test_an_undelivered_notification_is_given_up_by_name(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.run()
        letter = await world.only_letter()
        assert letter.reason == "notification_undelivered"
        wish = {"reason": "given up", "dry_run": True}
        would = await Edge(world).send("discard_dead_letter", wish, letter_id=letter.letter_id)
        assert "would be given up" in would.body["why"]
        assert "provider" not in would.body["why"], "it has nothing to say to this"

        assert "is being given up" in (await discarded(world)).why
        await world.run()

        assert (await world.types(payment_id))[-3:] == ["parked", "resumed", "seen_to"]
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_a_stream_that_cannot_be_read_is_never_given_up(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        events = world.backends.container(flow.EVENTS)
        document = await events.read_item(f"{payment_id}:2", partition_key=payment_id)
        await events.upsert_item({**document, "schemaVersion": 2})

        outcome = await discarded(world)

        assert not outcome.discarded
        assert outcome.why.startswith("the stream cannot be read")
        edge, letter = Edge(world), await world.only_letter()
        assert (await edge.ask("get_dead_letter", letter_id=letter.letter_id)).body["id"] == letter.letter_id
        assert (await edge.ask("list_payments", params={"payment_id": payment_id})).body["payments"][0]["owes"]
        assert (await world.only_letter()).status is LetterStatus.OPEN
        await events.upsert_item(document)
        assert (await discarded(world)).discarded


async def test_a_letter_of_the_feed_ends_no_payment_that_is_doing_well(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_fails_twice")
        await world.read_page("publish")
        stub = DeadLetter(
            message_id=f"{payment_id}:1",
            body="{}",
            subject="payment.initiated",
            reason="unmappable",
            description="an older release could not read it",
            source=flow.EVENTS,
        )
        await world.services.dead_letters.park(stub)
        await world.work()

        outcome = await discarded(world)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == COMPLETED
        assert await world.types(payment_id) == await world.events(payment_id)


async def test_a_letter_that_names_no_payment_is_closed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        await world.read_page("publish")
        await world.make_unreadable(str(places.CREATE), message_id="nobody")
        await world.run()

        outcome = await discarded(world)

        assert outcome.discarded
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_discarding_twice_is_discarding_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_down")
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        first = await world.discard(letter.letter_id)

        again = await world.discard(letter.letter_id)
        await world.run()
        after = await world.discard(letter.letter_id)

        assert (again.discarded, again.why) == (False, f"it is being ended already, by {first.cause}")
        assert (after.discarded, after.why) == (True, "nothing is left to do about it")
        assert await world.types(payment_id) == ["initiated", "parked", "resumed", "failed"]
