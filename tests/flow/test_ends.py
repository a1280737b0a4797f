"""An operator gives up while the other side answers, or after it had done more than anybody heard: nothing is lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared import flow
from shared.codec.documents import to_document
from shared.codec.letters import letter_to_json
from shared.codec.messages import Message
from shared.domain.events import PaymentCreated, PaymentResumed
from shared.domain.letters import LetterStatus
from shared.errors import StoreBusy, StoreRefuses
from shared.services import Services
from shared.verbs.recovery.discard import discard
from tests import places
from tests.builders import a_payment
from tests.crashes import CrashPlan, Side
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world, a_world_behind_a_gateway
from tests.flow.test_deployments import HISTORY, as_an_earlier_release_left_it


@dataclass
class Acting:
    """A port that first lets something else happen before a call of one method, or right after it."""

    port: Any
    method: str
    before: Callable[..., Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        if name != self.method:
            return found

        async def acting(*args: Any, **named: Any) -> Any:
            if self.before:
                await self.before(*args)
            answer = await found(*args, **named)
            if self.after:
                await self.after()
            return answer

        return acting


async def ended(world: World) -> None:
    """An operator discards the first letter."""
    letter = (await world.letters())[0]
    await discard(letter.letter_id, by="ann", reason="the customer has gone", services=world.services)


async def test_an_authorisation_that_arrives_while_the_payment_is_being_ended_is_voided(tmp_path: Path) -> None:
    worlds: list[World] = []

    async def once() -> None:
        if worlds:
            await ended(worlds.pop())

    def alter(services: Services) -> Services:
        return replace(services, provider=cast("Any", Acting(services.provider, "create", after=once)))

    async with a_world(tmp_path, alter=alter) as world:
        payment_id = await world.accept("pm_down")
        await world.run()
        await world.backends.tell_provider("/repair")
        await world.replay((await world.only_letter()).letter_id)
        worlds.append(world)

        await world.run()

        assert await world.events(payment_id) == ["initiated", "failed", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0


async def test_a_yes_that_was_carried_and_meets_the_end_is_ended(tmp_path: Path) -> None:
    worlds: list[World] = []
    tries: list[None] = []

    async def twice(events: Any) -> None:
        if not worlds or not isinstance(events[0].event, PaymentCreated):
            return
        tries.append(None)
        if len(tries) == 1:
            raise StoreBusy("so that a copy carries the yes")
        if len(tries) == 2:
            await ended(worlds[0])

    def alter(services: Services) -> Services:
        return replace(services, store=cast("Any", Acting(services.store, "append", before=twice)))

    async with a_world(tmp_path, alter=alter) as world:
        payment_id = await world.accept("pm_down")
        await world.run()
        await world.backends.tell_provider("/repair")
        await world.replay((await world.only_letter()).letter_id)
        worlds.append(world)

        await world.run()

        assert await world.events(payment_id) == ["initiated", "failed", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0


async def test_what_the_provider_refuses_as_our_fault_is_ended_by_a_discard(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.run()
        letter = await world.only_letter(reason="our_fault")

        await world.discard(letter.letter_id)
        await world.run()

        assert await world.types(payment_id) == ["initiated", "parked", "resumed", "failed"]
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_the_books_are_asked_about_an_end_only_when_nobody_else_can_be_sending(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.run()
        asks = (await world.backends.charge(payment_id)).get("asks", 0)

        await world.discard((await world.only_letter(reason="our_fault")).letter_id)
        await world.run()

        asked = (await world.backends.charge(payment_id))["asks"] - asks
        assert asked == 3, "by id, and when quiet by id and by reference"


async def test_a_void_that_finds_the_money_taken_keeps_the_evidence(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        gateway.answers(503, body={"code": "unavailable"}, times=4)
        await world.discard((await world.only_letter()).letter_id)
        await world.run()
        await world.backends.tell_provider("/repair")
        await world.backends.capture(await world.payment(payment_id), request_id="by-hand")

        await world.replay((await world.only_letter(step="void")).letter_id)
        await world.run()

        assert (await world.types(payment_id))[-1] == "captured_late"
        letter = await world.only_letter(status=LetterStatus.OPEN)
        assert (letter.reason, letter.severity) == ("captured_late", "high")

        await world.discard(letter.letter_id)

        *_, before, seen_to = await world.stream(payment_id)
        assert seen_to.traceparent == before.traceparent, "what a person did follows what was found out"


async def test_a_capture_nobody_heard_is_not_given_up_unasked_after_an_upgrade(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_times_out_once")
        gateway.answers_when_asked(503, times=3)
        await world.run()
        await as_an_earlier_release_left_it(world, await world.only_letter(), status="discarded", history=HISTORY)
        world.clock.advance_s(20_000)

        await world.sweep()
        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


async def test_a_yes_that_an_earlier_release_heard_is_not_forgotten_with_its_discard(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter()
        message = {**letter_to_json(letter)["message"], "answered": True}
        discarded: dict[str, object] = {"message": message, "status": "discarded", "history": HISTORY}
        await as_an_earlier_release_left_it(world, letter, **discarded)
        world.clock.advance_s(20_000)

        await world.sweep()

        resumed = (await world.stream(payment_id))[-1].event
        assert isinstance(resumed, PaymentResumed)
        assert (resumed.to, resumed.heard) == ("end", True)


@pytest.mark.parametrize("status", ["replayed", "resolved"])
async def test_a_new_death_is_not_hidden_in_a_letter_that_an_earlier_release_had_closed(
    tmp_path: Path, status: str
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.run()
        await as_an_earlier_release_left_it(world, await world.only_letter(), status=status)
        world.clock.advance_s(3700)
        world.rewind("publish")

        await world.run()

        assert (await world.types(payment_id))[-1] == "parked"
        assert len(await world.letters(status=LetterStatus.OPEN)) == 1


# -- the letter itself


@pytest.mark.parametrize("side", Side)
async def test_a_worker_that_dies_beside_parking_an_undelivered_notification_leaves_its_letter(
    side: Side, tmp_path: Path
) -> None:
    plan = CrashPlan(named="dead_letters.park", side=side)
    async with a_world(tmp_path, crash_plan=plan) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        await world.run()

        assert world.crashes == 1
        assert (await world.only_letter()).reason == "notification_undelivered"
        assert (await world.types(payment_id))[-1] == "parked"


async def test_a_letter_is_kept_although_the_payments_store_refuses(tmp_path: Path) -> None:
    shut: list[None] = []

    async def refuse(*_: Any) -> None:
        if shut:
            raise StoreRefuses("403")

    def alter(services: Services) -> Services:
        return replace(services, store=cast("Any", Acting(services.store, "load", before=refuse)))

    async with a_world(tmp_path, alter=alter) as world:
        await world.accept("pm_invalid")
        await world.next_until(lambda: world.is_waiting(str(places.RECORD)))
        shut.append(None)

        await world.run(for_s=3600)

        assert (await world.only_letter()).status is LetterStatus.OPEN
        assert len(world.telemetry.log_lines("recover.dead_letter_recorded")) == 1


async def test_another_death_under_a_foreign_id_that_was_seen_before_is_another_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for body in ("the first", "another, weeks later"):
            foreign = Message(topic=places.CREATE.topic, message_id="order-7", body=body, subject="x", to="create")
            await world.services.publisher.publish([foreign])
            await world.run()
            for letter in await world.letters(status=LetterStatus.OPEN):
                if body == "the first":
                    await world.discard(letter.letter_id)
            world.clock.advance_s(7200)

        assert (await world.only_letter(status=LetterStatus.OPEN)).body == "another, weeks later"


async def test_a_foreign_message_parks_no_payment_that_is_doing_well(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_fails_twice")
        await world.read_page("publish")
        foreign = Message(
            topic=places.CREATE.topic, message_id=f"{payment_id}:1:foreign", body="hello", subject="x", to="create"
        )
        await world.services.publisher.publish([foreign])

        await world.run()

        assert await world.types(payment_id) == COMPLETED


# -- streams and documents that make no payment


async def test_a_stream_that_makes_no_payment_stops_neither_lists_nor_the_recorder(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        story = a_payment().created().settled().charged_twice("settle", "cap_2")
        await world.backends.container(flow.EVENTS).create_item(to_document(story.stored[3]))  # without what was before

        sound = await world.accept("pm_ok")
        await world.run(for_s=600)

        assert world.faults == []
        row = await world.services.overview.find(sound)
        assert row is not None
        assert row.status == "completed"
        (letter,) = await world.letters()
        assert (letter.reason, letter.status) == ("charged_twice", LetterStatus.OPEN)
        assert not (await world.discard(letter.letter_id)).discarded, "nobody can read what was done"


@pytest.mark.parametrize("name", ["..", "."])
async def test_a_document_whose_payment_id_is_no_name_stops_nobody(tmp_path: Path, name: str) -> None:
    async with a_world(tmp_path) as world:
        odd = {"id": f"{name}:1", "paymentId": name, "type": "junk"}
        await world.backends.container(flow.EVENTS).create_item(odd)
        sound = await world.accept("pm_ok")

        await world.run(for_s=600)

        assert world.faults == []
        row = await world.services.overview.find(sound)
        assert row is not None
        assert row.status == "completed"


async def test_a_letter_of_the_feed_is_closed_by_a_person_whatever_its_document_is(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        name = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
        await world.backends.container(flow.EVENTS).create_item({"id": f"{name}:1", "paymentId": name, "type": "junk"})
        await world.run(for_s=600)

        outcome = await world.discard((await world.only_letter()).letter_id)

        assert outcome.discarded
        letter = await world.only_letter()
        assert letter.status is LetterStatus.CLOSED
        again = await world.replay(letter.letter_id)
        assert (again.verdict.value, again.why) == ("nothing_to_do", "the dead letter is closed")
