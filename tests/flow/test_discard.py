"""An operator ends what cannot be saved: the provider is asked first, and what it has done is recorded first."""

from pathlib import Path

from shared.domain.letters import LetterStatus
from shared.verbs.recovery.discard import Discard
from tests import places
from tests.facts import COMPLETED
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
        letter = await world.only_letter()
        assert letter.status == "discarded"
        assert letter.history[-1].note.startswith("the customer has gone; ended as failed")
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
        assert outcome.why == "settle had been done: recorded"
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_while_the_provider_does_not_answer_nothing_is_done(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_down")
        await world.run()
        gateway.answers_when_asked(503)

        outcome = await discarded(world)

        assert not outcome.discarded
        assert await world.events(payment_id) == ["initiated"]
        assert (await world.only_letter(status=LetterStatus.OPEN)).status == "open"


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
        world.clock.advance_s(3601)
        world.rewind("publish")
        await world.run()

        outcome = await world.discard(letter.letter_id)

        assert outcome.discarded
        assert outcome.why == "the payment is completed and does not wait for create"
        assert await world.events(payment_id) == COMPLETED


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
        await world.discard(letter.letter_id)

        again = await world.discard(letter.letter_id)

        assert (again.discarded, again.why) == (True, "it was discarded before")
        assert await world.events(payment_id) == ["initiated", "failed"]
