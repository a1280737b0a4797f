"""What the other side, an operator or an old document may do at the worst moment: no second charge, nobody held up."""

from pathlib import Path

import pytest

from shared import flow
from shared.codec.messages import Message
from shared.domain.letters import LetterStatus
from tests import places
from tests.facts import COMPLETED
from tests.flow.kit.world import a_world, a_world_behind_a_gateway


@pytest.mark.parametrize("status", [404, 200, 204])
async def test_a_gateways_own_answer_to_a_question_is_no_never_seen(tmp_path: Path, status: int) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await world.accept("pm_settle_times_out_once")
        gateway.answers_when_asked(status)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_discard_that_hears_a_gateway_instead_of_the_provider_asks_again(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        gateway.answers_when_asked(200)

        await world.discard(letter.letter_id)
        await world.work()
        assert "failed" not in await world.events(payment_id)

        await world.run()
        assert await world.events(payment_id) == COMPLETED, "the money was taken, so it goes on"


async def test_a_payment_that_is_being_replayed_and_is_then_discarded_ends_one_way_and_not_both(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)

        outcome = await world.discard(letter.letter_id)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0
        assert len(world.telemetry.log_lines("advance.superseded")) == 1, "the replay came too late"


async def test_an_authorised_payment_is_ended_and_announced_in_one_append(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()
        letter = await world.only_letter(status=LetterStatus.OPEN)

        outcome = await world.discard(letter.letter_id)
        await world.run()

        assert outcome.discarded
        assert await world.events(payment_id) == ["initiated", "failed", "created", "failed", "voided"]
        assert (await world.backends.charge(payment_id))["voided"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *[(status, {}) for status in (200, 204, 302, 307, 400, 402, 404, 405, 409, 413, 421, 431)],
        (402, {"code": "\ud800"}),
        (201, {"provider_payment_id": "pp_x", "status": "pending"}),
        (201, {"provider_payment_id": "pp_x", "status": "authorised", "amount_minor": 1, "currency": "EUR"}),
    ],
    ids=str,
)
async def test_an_answer_that_is_not_in_the_providers_words_is_looked_into_and_stops_nobody(
    tmp_path: Path, status: int, body: dict[str, object]
) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(status, body=body)
        payment_id = await world.accept()

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="create", reason="outcome_unknown") == 1
        assert world.faults == []


async def test_a_stream_that_cannot_be_read_keeps_no_other_from_the_sweep(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        spoilt, healthy = await world.accept(), await world.accept()
        while len(await world.letters()) == 0 and not await world.lose_message(str(places.CREATE)):
            assert await world.next()
        while not await world.lose_message(str(places.CREATE)):
            assert await world.next()
        await world.run()
        events = world.backends.container(flow.EVENTS)
        document = await events.read_item(f"{spoilt}:1", partition_key=spoilt)
        await events.upsert_item({**document, "schemaVersion": 2})
        world.clock.advance_s(40_000)

        await world.sweep()
        await world.run()

        assert await world.events(healthy) == COMPLETED


@pytest.mark.parametrize(
    "body", ['{"id": 5, "time": "0001-01-01T00:00:00+01:00", "data": {}}', "[" * 100_000, '{"id": "a"}', "null"]
)
async def test_a_message_of_any_shape_is_parked_at_once(tmp_path: Path, body: str) -> None:
    async with a_world(tmp_path) as world:
        odd = Message(topic=places.CREATE.topic, message_id="odd:1", body=body, subject="odd")
        await world.services.publisher.publish([odd])

        await world.run()

        letter = await world.only_letter()
        assert (letter.reason, letter.delivery_count) == ("unreadable", 1)
        assert world.faults == []
