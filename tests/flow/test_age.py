"""How old a message, a request id or a payment may be, and what is done with one that is older."""

from dataclasses import replace
from pathlib import Path

from shared.adapters.servicebus.wire import delivery_of
from shared.codec.properties import ATTEMPT
from shared.domain.payment import Step
from shared.verbs.advance import advance
from tests import places
from tests.facts import COMPLETED, STEPS
from tests.flow.kit.world import World, a_world

HOUR_S = 3600


async def asks_and_requests(world: World, payment_id: str) -> tuple[int, int]:
    charge = await world.backends.charge(payment_id)
    return int(charge.get("asks", 0)), int(charge.get("requests", 0))


async def test_a_first_delivery_that_is_not_fresh_any_more_is_asked_about_and_then_sent(tmp_path: Path) -> None:
    async with a_world(tmp_path, fresh_s=3000) as world:
        payment_id = await world.accept("pm_ok")
        world.clock.advance_s(3000)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await asks_and_requests(world, payment_id) == (3, 2), "by id, and when quiet by id and by reference"


async def test_a_first_delivery_that_is_just_fresh_is_taken_at_its_word(tmp_path: Path) -> None:
    async with a_world(tmp_path, fresh_s=3000) as world:
        payment_id = await world.accept("pm_ok")
        world.clock.advance_s(2999)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await asks_and_requests(world, payment_id) == (0, 2)


async def test_what_says_that_it_was_tried_before_is_asked_about_even_under_the_id_of_a_first_message(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        taken = await world.bus.take(world.bus.queue(str(places.CREATE)))
        assert taken is not None
        first = delivery_of(taken.message, queue=str(places.CREATE))

        tried = replace(first, properties={**first.properties, ATTEMPT: 1})
        await advance(tried, step=Step.CREATE, services=world.services)

        assert await asks_and_requests(world, payment_id) == (1, 0), "nothing is sent before it is quiet"
        assert world.scheduled() == {f"{payment_id}:1:create:2": 60.0}


async def test_a_repeat_of_the_feed_beyond_the_topics_window_is_seen_as_old_and_does_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await world.accept("pm_ok")
        await world.run()
        world.clock.advance_s(HOUR_S + 1)

        world.rewind("publish")
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        looked = [vars(line)["step"] for line in world.telemetry.log_lines("advance.already_done")]
        assert sorted(step for step in looked if step in STEPS) == ["create", "notify", "settle"]


async def test_a_repeat_of_the_feed_within_the_window_is_dropped_by_the_topics(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        world.clock.advance_s(HOUR_S - 1)

        world.rewind("publish")
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert world.telemetry.log_lines("advance.already_done") == []
        dropped = sum(topic.counts["duplicates"] for topic in world.bus.broker.topics.values())
        assert dropped == len(await world.stream(payment_id))


async def test_a_request_id_that_the_provider_may_have_forgotten_is_asked_about_by_reference(tmp_path: Path) -> None:
    async with a_world(tmp_path, request_id_valid_h=2) as world:
        await world.backends.tell_provider("/mode", remember_requests_s=2 * HOUR_S)
        payment_id = await world.accept("pm_settle_times_out_once")
        await world.work()
        world.clock.advance_s(2 * HOUR_S + 1)

        await world.bus.run_due()
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await asks_and_requests(world, payment_id) == (1, 2)


async def test_what_neither_id_nor_reference_can_prove_is_parked_and_never_sent(tmp_path: Path) -> None:
    async with a_world(tmp_path, request_id_valid_h=2) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.work()
        await world.backends.tell_provider("/repair")
        requests = (await asks_and_requests(world, payment_id))[1]
        world.clock.advance_s(2 * HOUR_S + 1)

        await world.bus.run_due()
        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("settle", "outcome_unprovable", "high")
        assert await world.events(payment_id) == ["initiated", "created"]
        assert (await asks_and_requests(world, payment_id))[1] == requests
        assert await world.charges(payment_id) == 0
        (line,) = world.telemetry.log_lines("recover.dead_letter_recorded")
        assert line.levelname == "CRITICAL"


async def test_a_payment_that_has_expired_is_asked_about_and_fails(tmp_path: Path) -> None:
    async with a_world(tmp_path, payment_expires_after_h=1) as world:
        payment_id = await world.accept("pm_ok")
        world.clock.advance_s(HOUR_S)

        await world.run()

        assert await world.events(payment_id) == ["initiated", "failed"]
        failed = (await world.payment(payment_id)).failed
        assert failed is not None
        assert (failed.reason, failed.code, failed.failed_step) == ("expired", "payment_expired", "create")
        assert await asks_and_requests(world, payment_id) == (3, 0), "by id, and when quiet by id and by reference"
        assert await world.letters() == []


async def test_a_payment_that_expired_after_it_was_created_unheard_goes_on(tmp_path: Path) -> None:
    async with a_world(tmp_path, payment_expires_after_h=1) as world:
        payment_id = await world.accept("pm_times_out_once")
        await world.work()
        world.clock.advance_s(HOUR_S)

        await world.bus.run_due()
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
