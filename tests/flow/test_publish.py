"""publish: a bad document never stops the feed, a broker that is away loses nothing, what was parked can be mended."""

from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.documents import to_document
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.stream import StoredEvent
from shared.errors import StoreRefuses
from shared.services import Services
from shared.verbs.publish import publish
from shared.verbs.recovery.replay import Verdict, replay
from tests import places
from tests.builders import a_payment
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world


def a_document(payment_id: str, **changes: Any) -> dict[str, Any]:
    (stored,) = a_payment(payment_id=payment_id).stored
    return {**to_document(stored), **changes}


async def store(world: World, document: dict[str, Any]) -> None:
    await world.backends.container(flow.EVENTS).upsert_item(document)


async def test_a_document_that_cannot_be_mapped_is_parked_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await store(world, a_document("bad-1", type="payment.invented"))
        await store(world, a_document("bad-2", schemaVersion=99))
        await store(world, a_document("bad-3", payment="what?"))
        payment_id = await world.accept()

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        letters = await world.letters(reason="unmappable")
        assert {letter.event_id for letter in letters} == {"bad-1:1", "bad-2:1", "bad-3:1"}
        assert {(letter.step, letter.source) for letter in letters} == {("publish", "events")}
        assert world.faults == []


async def test_an_event_that_the_broker_will_never_take_is_parked_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (stored,) = a_payment(payment_id="large-1", reference="x" * 300_000).stored
        await store(world, to_document(stored))
        payment_id = await world.accept()

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        letter = await world.only_letter(reason="refused_by_broker")
        assert (letter.event_id, letter.step) == ("large-1:1", "publish")


async def test_a_parked_document_is_read_again_when_its_letter_is_replayed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = "0d9f3a3e-0000-4f6e-9f3e-0123456789ab"
        await store(world, a_document(payment_id, schemaVersion=99))
        await world.run()
        letter = await world.only_letter(reason="unmappable")

        still = await replayed(world, letter)
        await store(world, a_document(payment_id))  # as a new version of the code would read it
        mended = await replayed(world, letter)
        await world.run()

        assert (still, mended) == (Verdict.CANNOT, Verdict.REPLAYED)
        assert "created" in await world.events(payment_id)


async def test_a_document_that_cannot_be_read_now_is_not_taken_for_one_that_is_gone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = "0d9f3a3e-0000-4f6e-9f3e-0123456789ab"
        await store(world, a_document(payment_id, schemaVersion=99))
        await world.run()
        letter = await world.only_letter(reason="unmappable")
        await world.backends.break_store(403, operation="read", container=flow.EVENTS)

        with pytest.raises(StoreRefuses):
            await replayed(world, letter)

        assert (await world.only_letter()).status is LetterStatus.OPEN


async def replayed(world: World, letter: LetterRecord) -> Verdict:
    verdict = await replay(letter.letter_id, by="test", dry_run=False, services=world.services)
    assert verdict is not None
    return verdict.verdict


async def test_while_the_broker_is_away_the_batch_is_kept_and_then_sent_whole(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_ids = [await world.accept() for _ in range(3)]
        world.bus.is_down = True
        await world.work()
        stuck = [await world.events(payment_id) for payment_id in payment_ids]
        world.bus.is_down = False

        await world.run()

        assert stuck == [["initiated"]] * 3
        assert {type(fault).__name__ for fault in world.faults} == {"BusUnavailable"}
        for payment_id in payment_ids:
            assert await world.events(payment_id) == COMPLETED
            assert await world.charges(payment_id) == 1
        assert await world.letters() == []


async def test_a_batch_that_comes_again_is_published_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        documents = [to_document(stored) for stored in await world.stream(payment_id)]

        for _ in range(3):
            await publish(documents, services=world.services)
        await world.run()

        assert await world.charges(payment_id) == 1
        assert world.telemetry.metric("step.retries") == 0


async def test_every_topic_is_tried_before_one_that_is_away_stops_the_batch(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        stream = a_payment(payment_id="two-topics").created().stored
        world.bus.faults.order({"kind": "refuse_sends", "topic": places.CREATE.topic, "count": 100})

        raised = await fault_of(world.services, stream)

        assert raised == "BusUnavailable"
        assert [message.message_id for message in world.bus.sent] == ["two-topics:2"]


async def fault_of(services: Services, stream: tuple[StoredEvent, ...]) -> str:
    try:
        await publish([to_document(stored) for stored in stream], services=services)
    except Exception as fault:  # noqa: BLE001 - its kind is what the test is about
        return type(fault).__name__
    return "nothing"
