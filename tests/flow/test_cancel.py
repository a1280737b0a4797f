"""A merchant cancels: the payment ends without money taken, or goes on because the provider had taken it before."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared.domain.decisions import Refused
from shared.domain.events import PaymentSettled
from shared.domain.letters import LetterStatus
from shared.domain.payment import Payment, Status, Step
from shared.ports.provider import Answer, Call, Done
from shared.services import Services
from shared.verbs.cancel import cancel
from tests import places
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.failing_ports import busy_in_append
from tests.flow.kit.world import World, a_world

CANCELLED = ["initiated", "created", "cancel_requested", "voided", "failed"]
NOBODY = "00000000-0000-4000-8000-000000000000"


async def has(world: World, payment_id: str, fact: str) -> bool:
    return fact in await world.events(payment_id)


async def authorised(world: World, payment_method: str, *, notify: str | None = None) -> str:
    """A payment whose authorisation is recorded, and nothing of what follows."""
    payment_id = await world.accept(payment_method, notify=notify)
    await world.next_until(lambda: has(world, payment_id, "created"))
    return payment_id


async def test_a_payment_that_cannot_be_settled_is_cancelled_and_its_reservation_released(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down", notify="ok")
        await world.work()

        answer = await world.cancel(payment_id)
        await world.run()

        assert isinstance(answer, Payment)
        assert answer.cancel_requested is not None
        assert await world.events(payment_id) == CANCELLED
        payment = await world.payment(payment_id)
        assert payment.failed is not None
        assert (payment.status, payment.failed.reason, payment.failed.failed_step) == (
            Status.VOIDED,
            "cancelled",
            "cancel",
        )
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["voided"]) == (0, True)
        told = await world.backends.notifications(payment_id)
        assert {each["type"]: each["times_accepted"] for each in told} == {
            "regispay.payment.voided.v1": 1,
            "regispay.payment.failed.v1": 1,
        }
        assert payment.owed == ()
        assert await world.letters() == []


async def test_the_void_of_a_cancelled_payment_is_asked_for_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.work()
        before = (await world.backends.charge(payment_id))["requests"]

        await world.cancel(payment_id)
        await world.work()

        charge = await world.backends.charge(payment_id)
        assert (charge["requests"] - before, charge["asks"]) == (1, 0)
        assert await world.events(payment_id) == CANCELLED


async def test_a_payment_is_cancelled_that_the_provider_has_never_heard_of(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_down")
        await world.work()

        await world.cancel(payment_id)
        await world.run()

        assert await world.events(payment_id) == ["initiated", "cancel_requested", "failed"]
        payment = await world.payment(payment_id)
        assert payment.failed is not None
        assert (payment.failed.reason, payment.failed.failed_step, payment.owed) == ("cancelled", "create", ())
        assert (await world.backends.charge(payment_id)).get("status") is None


async def test_an_authorisation_that_comes_after_the_request_is_released(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        await world.cancel(payment_id)
        await world.run()

        assert await world.events(payment_id) == [
            "initiated",
            "cancel_requested",
            "created",
            "cancel_requested",
            "voided",
            "failed",
        ]
        assert (await world.backends.charge(payment_id))["status"] == "voided"
        assert await world.charges(payment_id) == 0
        assert await world.letters() == []


async def test_money_that_was_taken_before_stays_taken_and_the_payment_completes(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_times_out_once", notify="ok")
        await world.work()
        assert await world.charges(payment_id) == 1
        assert not await has(world, payment_id, "settled")

        await world.cancel(payment_id)
        await world.run()

        assert await world.events(payment_id) == ["initiated", "created", "cancel_requested", "settled", "completed"]
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []


@pytest.mark.parametrize("payment_method", ["pm_settle_down_void_times_out_once", "pm_settle_down_void_fails_twice"])
async def test_a_void_without_an_answer_is_asked_about_and_done_once(payment_method: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept(payment_method)
        await world.work()

        await world.cancel(payment_id)
        await world.run()

        assert await world.events(payment_id) == CANCELLED
        assert world.telemetry.metric("step.retries", step="cancel") > 0
        assert await world.letters() == []


async def test_a_capture_that_comes_after_the_void_is_refused_and_needs_nobody(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await authorised(world, "pm_ok")
        await world.cancel(payment_id)
        await world.read_page("publish")
        assert await world.deliver_one(str(places.CANCEL), Step.CANCEL)

        assert await world.deliver_one(str(places.SETTLE), Step.SETTLE)
        await world.run()

        assert await world.events(payment_id) == CANCELLED
        assert await world.charges(payment_id) == 0
        assert await world.letters() == []


async def test_a_capture_that_comes_before_the_void_decides(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await authorised(world, "pm_ok")
        await world.cancel(payment_id)
        await world.read_page("publish")
        assert await world.deliver_one(str(places.SETTLE), Step.SETTLE)

        await world.run()

        assert await world.events(payment_id) == ["initiated", "created", "cancel_requested", "settled", "completed"]
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []


async def test_a_parked_settlement_can_be_cancelled_and_its_letter_is_closed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter()
        assert (letter.step, letter.status) == ("settle", LetterStatus.OPEN)

        await world.cancel(payment_id)
        await world.run()

        assert await world.events(payment_id) == CANCELLED
        assert (await world.only_letter()).status is LetterStatus.CLOSED
        assert (await world.payment(payment_id)).waiting == ()


async def with_a_parked_cancel(world: World) -> str:
    """A payment that is authorised, at a provider that can do nothing more."""
    await world.backends.tell_provider("/repair")
    payment_id = await authorised(world, "pm_down")
    await world.backends.tell_provider("/break")
    await world.cancel(payment_id)
    await world.run()
    letter = await world.only_letter(status=LetterStatus.OPEN)
    assert (letter.step, letter.reason) == ("cancel", "retries_exhausted")
    return payment_id


async def test_a_cancel_that_finds_no_end_waits_for_a_person_and_is_done_by_a_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await with_a_parked_cancel(world)
        assert (await world.payment(payment_id)).waiting == ("cancel",)

        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()

        assert await world.events(payment_id) == CANCELLED
        assert await world.letters(status=LetterStatus.OPEN) == []


async def test_a_cancel_that_is_given_up_ends_the_payment_and_leaves_the_void_to_do(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await with_a_parked_cancel(world)

        await world.discard((await world.only_letter(status=LetterStatus.OPEN)).letter_id)
        await world.run()

        assert await world.events(payment_id) == ["initiated", "created", "cancel_requested", "failed"]
        payment = await world.payment(payment_id)
        assert payment.failed is not None
        assert (payment.failed.reason, payment.owed) == ("discarded", (Step.VOID,))
        assert [letter.step for letter in await world.letters(status=LetterStatus.OPEN)] == ["void"]


@pytest.mark.parametrize("times", [1, 30])
async def test_a_capture_that_the_cancel_hears_of_is_never_forgotten(times: int, tmp_path: Path) -> None:
    """A copy carries it, or at last the loudest letter, which is recorded when the store is back."""
    async with a_world(tmp_path, alter=busy_in_append(PaymentSettled, times=times)) as world:
        payment_id = await world.accept("pm_settle_times_out_once")
        await world.work()

        await world.cancel(payment_id)
        await world.run(for_s=40_000)

        assert (await world.events(payment_id))[-2:] == ["settled", "completed"]
        assert await world.charges(payment_id) == 1
        for letter in await world.letters():
            assert (letter.reason, letter.severity, letter.status) == (
                "charged_not_recorded",
                "high",
                LetterStatus.CLOSED,
            )


async def test_a_void_that_is_done_although_the_money_was_taken_can_be_seen_to(tmp_path: Path) -> None:
    class Odd:
        """It says yes to a void whatever was captured."""

        def __init__(self, provider: Any) -> None:
            self._provider = provider

        def __getattr__(self, name: str) -> Any:
            return getattr(self._provider, name)

        async def void(self, payment: Payment, call: Call) -> Answer:
            del payment, call
            return Done("vo_odd")

    def odd(services: Services) -> Services:
        return replace(services, provider=cast("Any", Odd(services.provider)))

    async with a_world(tmp_path, alter=odd) as world:
        payment_id = await authorised(world, "pm_ok")
        await world.cancel(payment_id)
        await world.read_page("publish")
        assert await world.deliver_one(str(places.SETTLE), Step.SETTLE)
        await world.run()
        letter = await world.only_letter()
        assert (letter.reason, letter.severity) == ("charged_twice", "high")

        await world.discard(letter.letter_id)
        await world.run()

        assert (await world.only_letter()).status is LetterStatus.CLOSED
        assert (await world.payment(payment_id)).waiting == ()


async def test_a_payment_that_the_provider_calls_wrong_is_cancelled_all_the_same(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.cancel(payment_id)

        await world.run()

        assert await world.events(payment_id) == ["initiated", "cancel_requested", "failed"]
        failed = (await world.payment(payment_id)).failed
        assert failed is not None
        assert failed.reason == "cancelled"
        assert await world.letters() == []


async def test_a_cancel_that_nobody_works_on_is_swept(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        await world.cancel(payment_id)
        await world.read_page("publish")
        assert await world.lose_message(str(places.CANCEL))
        await world.run()

        world.clock.advance_s(40_000)
        assert await world.sweep() == 1
        await world.run()

        assert await world.events(payment_id) == CANCELLED


async def test_a_repeated_request_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.work()

        first, second = await world.cancel(payment_id), await world.cancel(payment_id)
        await world.run()
        third = await world.cancel(payment_id)

        assert first == second
        assert isinstance(third, Payment)
        assert third.status is Status.VOIDED
        assert await world.events(payment_id) == CANCELLED


@pytest.mark.parametrize(("payment_method", "reason"), [("pm_ok", "already_settled"), ("pm_declined", "payment_ended")])
async def test_what_is_paid_or_has_failed_cannot_be_cancelled(payment_method: str, reason: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept(payment_method)
        await world.run()
        before = await world.types(payment_id)

        assert await world.cancel(payment_id) == Refused(reason)
        assert await world.types(payment_id) == before


async def test_only_the_own_merchant_cancels(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        answers = [
            await cancel(which, merchant_id=who, traceparent=None, services=world.services)
            for which, who in ((payment_id, "somebody-else"), (NOBODY, "merchant-1"))
        ]
        await world.run()

        assert answers == [None, None]
        assert await world.events(payment_id) == COMPLETED


async def test_what_the_api_answers_to_a_cancel(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, payment_id = Edge(world), await world.accept("pm_settle_down")
        await world.work()

        first = await edge.ask("request_cancel", payment_id=payment_id.upper())
        await world.run()
        later = await edge.ask("request_cancel", payment_id=payment_id)

        assert (first.status, first.headers["Location"]) == (202, f"/api/payments/{payment_id}")
        assert first.body["cancel_requested"].keys() == {"at"}
        assert (later.status, later.body["status"], later.body["failed"]["reason"]) == (200, "voided", "cancelled")


async def test_what_the_api_answers_to_a_cancel_that_cannot_be(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, payment_id = Edge(world), await world.accept("pm_ok")
        await world.run()

        answers = [
            await edge.ask("request_cancel", payment_id=payment_id),
            await edge.ask("request_cancel", payment_id=NOBODY),
            await edge.ask("request_cancel", payment_id="no-uuid"),
            await edge.send("request_cancel", {"reason": "because"}, payment_id=payment_id),
        ]

        assert [(each.status, each.body["code"]) for each in answers] == [
            (409, "already_settled"),
            (404, "payment_not_found"),
            (404, "payment_not_found"),
            (400, "body_unexpected"),
        ]
