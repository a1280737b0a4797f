"""Money is given back: in full or in parts, each part once, and never more than was taken."""

import asyncio
from pathlib import Path

import pytest

from shared.domain.decisions import Refused
from shared.domain.letters import LetterStatus
from shared.domain.payment import NoticeTask, Step
from shared.verbs.refund import GiveBack, RefundAccepted, refund, refund_id_for
from tests import places
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.world import World, a_world

REFUNDED = [*COMPLETED, "refund_requested", "refunded"]
NOBODY = "00000000-0000-4000-8000-000000000000"


async def paid(world: World, payment_method: str = "pm_ok") -> str:
    payment_id = await world.accept(payment_method)
    await world.run()
    assert (await world.events(payment_id))[-1] == "completed"
    return payment_id


async def times_refunded(world: World, payment_id: str) -> list[int]:
    """How often the provider has made each refund."""
    times: dict[str, int] = (await world.backends.charge(payment_id))["times_refunded"]
    return list(times.values())


async def statuses(world: World, payment_id: str) -> list[tuple[int, str]]:
    return [(each.amount_minor, each.status) for each in (await world.payment(payment_id)).refunds]


async def test_all_that_was_taken_is_given_back(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        answer = await world.refund(payment_id)
        await world.run()

        assert isinstance(answer, RefundAccepted)
        assert (answer.requested.amount_minor, answer.is_repeat) == (1250, False)
        assert await world.events(payment_id) == REFUNDED
        assert await statuses(world, payment_id) == [(1250, "refunded")]
        charge = await world.backends.charge(payment_id)
        assert (charge["refunded_minor"], charge["asks"]) == (1250, 0)
        assert await times_refunded(world, payment_id) == [1]
        payment = await world.payment(payment_id)
        assert (payment.owed, payment.refundable_minor) == ((), 0)
        assert await world.letters() == []


async def test_a_refund_goes_out_under_an_id_that_names_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        await world.refund(payment_id, key="k")
        await world.run()

        refund_id = refund_id_for(payment_id, "k")
        url = f"{world.backends.provider_url}/v1/requests/{payment_id}:refund:{refund_id}"
        async with world.backends.http.get(url) as response:
            assert (await response.json())["answer"]["refund_reference"] == refund_id


@pytest.mark.parametrize(("payment_method", "retried"), [("pm_refund_times_out_once", 1), ("pm_refund_fails_twice", 2)])
async def test_a_refund_without_an_answer_is_asked_about_and_made_once(
    payment_method: str, retried: int, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, payment_method)
        await world.backends.tell_provider("/mode", forget_request_ids=True)

        await world.refund(payment_id, 500)
        await world.run()

        assert await world.events(payment_id) == REFUNDED
        assert await times_refunded(world, payment_id) == [1]
        assert world.telemetry.metric("step.retries", step="refund") == retried


async def test_a_declined_refund_frees_its_amount(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_declined")

        await world.refund(payment_id, 1000, key="first")
        reserved = await world.refund(payment_id, 1000, key="second")
        await world.run()
        again = await world.refund(payment_id, 1000, key="third")

        assert reserved == Refused("refund_exceeds_payment")
        assert isinstance(again, RefundAccepted)
        (first, third) = (await world.payment(payment_id)).refunds
        assert first.failed is not None
        assert (first.failed.reason, first.failed.code, third.status) == ("declined", "refund_declined", "pending")


async def test_parts_add_up_to_what_was_taken_and_not_to_more(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        answers = [await world.refund(payment_id, amount, key=f"part-{amount}") for amount in (500, 700, 51, 50)]
        await world.run()

        assert [type(answer) for answer in answers] == [RefundAccepted, RefundAccepted, Refused, RefundAccepted]
        assert await statuses(world, payment_id) == [(500, "refunded"), (700, "refunded"), (50, "refunded")]
        assert (await world.backends.charge(payment_id))["refunded_minor"] == 1250
        assert await world.refund(payment_id, 1, key="more") == Refused("refund_exceeds_payment")


async def test_two_at_once_do_not_reserve_the_same_money(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        answers = await asyncio.gather(*(world.refund(payment_id, 800, key=f"k{number}") for number in range(4)))
        await world.run()

        assert [type(answer) for answer in answers].count(RefundAccepted) == 1
        assert (await world.backends.charge(payment_id))["refunded_minor"] == 800


async def test_a_repeat_under_its_key_changes_nothing_whatever_has_become_of_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        first = await world.refund(payment_id, 500)
        second = await world.refund(payment_id, 500)
        await world.run()
        third = await world.refund(payment_id, 500)
        other = await world.refund(payment_id, 501)

        assert isinstance(first, RefundAccepted)
        for repeat in (second, third):
            assert isinstance(repeat, RefundAccepted)
            assert (repeat.requested, repeat.is_repeat) == (first.requested, True)
        assert other == Refused("idempotency_key_reused")
        assert await times_refunded(world, payment_id) == [1]


async def test_two_refunds_of_one_payment_go_their_own_ways_side_by_side(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_down")
        await world.refund(payment_id, 500, key="first")
        await world.run()
        letter = await world.only_letter()
        first = refund_id_for(payment_id, "first")
        assert (letter.step, letter.refund_id, letter.reason) == ("refund", first, "retries_exhausted")
        (shown,) = (await Edge(world).ask("list_dead_letters")).body["dead_letters"]
        assert (shown["amount_minor"], shown["refund_minor"]) == (1250, 500)
        assert (await world.payment(payment_id)).waiting == (f"refund:{first}",)

        await world.backends.tell_provider("/repair")
        await world.refund(payment_id, 300, key="second")
        await world.run()
        assert await statuses(world, payment_id) == [(500, "pending"), (300, "refunded")]

        await world.replay_all()
        await world.run()

        assert await statuses(world, payment_id) == [(500, "refunded"), (300, "refunded")]
        assert await times_refunded(world, payment_id) == [1, 1]
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_of_two_parked_refunds_each_has_its_own_letter_and_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_down")
        for number, amount in enumerate((500, 300)):
            await world.refund(payment_id, amount, key=f"k{number}")
        await world.run()
        first, second = await world.letters()
        await world.backends.tell_provider("/repair")

        await world.replay(second.letter_id)
        await world.run()

        done = {each.refund_id: each.status for each in (await world.payment(payment_id)).refunds}
        assert done == {first.refund_id: "pending", second.refund_id: "refunded"}
        assert {letter.letter_id: letter.status for letter in await world.letters()} == {
            first.letter_id: LetterStatus.OPEN,
            second.letter_id: LetterStatus.CLOSED,
        }


async def test_a_refund_that_is_given_up_frees_its_amount_and_is_not_made(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_down")
        await world.refund(payment_id)
        await world.run()

        await world.discard((await world.only_letter()).letter_id)
        await world.run()

        (given_up,) = (await world.payment(payment_id)).refunds
        assert given_up.failed is not None
        assert (given_up.failed.reason, given_up.failed.code) == ("discarded", "discarded_by_operator")
        assert (await world.payment(payment_id)).refundable_minor == 1250
        assert await times_refunded(world, payment_id) == []
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_a_refund_that_the_provider_calls_wrong_waits_for_a_person_and_keeps_its_amount(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_invalid")

        await world.refund(payment_id)
        await world.run()

        assert (await world.only_letter()).reason == "our_fault"
        assert (await world.payment(payment_id)).refundable_minor == 0


async def test_a_refund_that_nobody_works_on_is_swept(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)
        await world.refund(payment_id, 500)
        await world.read_page("publish")
        assert await world.lose_message(str(places.REFUND))
        await world.run()

        world.clock.advance_s(40_000)
        assert await world.sweep() == 1
        await world.run()

        assert await statuses(world, payment_id) == [(500, "refunded")]
        assert await times_refunded(world, payment_id) == [1]


async def test_a_refund_that_somebody_else_made_under_our_reference_is_found(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)
        created = (await world.payment(payment_id)).created
        assert created is not None
        path = f"/v1/payments/{created.provider_payment_id}/refunds"
        reference = {"payment_reference": payment_id, "refund_reference": refund_id_for(payment_id, "refund-1")}
        body = {**reference, "amount_minor": 500, "currency": "EUR"}
        async with world.backends.http.post(
            f"{world.backends.provider_url}{path}", json=body, headers={"Idempotency-Key": "not-ours"}
        ) as response:
            theirs = (await response.json())["refund_id"]

        await world.refund(payment_id, 500)
        await world.run()

        (found,) = (await world.payment(payment_id)).refunds
        assert found.refunded is not None
        assert found.refunded.provider_refund_id == theirs


async def test_what_was_not_taken_is_not_given_back(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        waiting, declined = await world.accept("pm_settle_down"), await world.accept("pm_declined")
        await world.run()

        assert await world.refund(waiting) == Refused("not_settled")
        assert await world.refund(declined) == Refused("not_settled")


async def test_what_a_letter_without_a_readable_body_tells_of_a_refund_is_known_by_its_cause(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_fails_twice")
        await world.refund(payment_id, 500)
        await world.work()
        await world.wait()
        await world.make_unreadable(str(places.REFUND))
        await world.run()

        letter = await world.only_letter(reason="unreadable")
        assert letter.refund_id == refund_id_for(payment_id, "refund-1")
        await world.replay_all()
        await world.run()

        assert await statuses(world, payment_id) == [(500, "refunded")]
        assert await times_refunded(world, payment_id) == [1]


async def test_declined_refunds_leave_room_for_others(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world, "pm_refund_declined")
        for number in range(20):
            await world.refund(payment_id, 1, key=f"k{number}")
        await world.run()

        assert isinstance(await world.refund(payment_id, 1, key="another"), RefundAccepted)


async def test_a_payment_has_only_so_many_refunds(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        answers = [await world.refund(payment_id, 1, key=f"k{number}") for number in range(21)]

        assert answers[-1] == Refused("too_many_refunds")
        assert all(isinstance(answer, RefundAccepted) for answer in answers[:-1])


async def test_only_the_own_merchant_gives_money_back(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        answer = await refund(
            GiveBack(amount_minor=None, reason_given=None),
            payment_id=payment_id,
            merchant_id="somebody-else",
            idempotency_key="k",
            traceparent=None,
            services=world.services,
        )

        assert answer is None
        assert await world.events(payment_id) == COMPLETED


async def test_a_payment_whose_merchant_is_still_to_be_told_can_be_refunded(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.work()

        await world.refund(payment_id)
        await world.work()

        assert await world.events(payment_id) == ["initiated", "created", "settled", "refund_requested", "refunded"]
        assert (await world.payment(payment_id)).owed == (Step.NOTIFY, NoticeTask(f"{payment_id}:5"))


KEY = {"Idempotency-Key": "k"}


async def test_what_the_api_answers_to_a_refund_and_its_repeat(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, payment_id = Edge(world), await paid(world)

        first = await edge.send(
            "request_refund", {"amount_minor": 500, "reason": "damaged"}, headers=KEY, payment_id=payment_id
        )
        await world.run()
        second = await edge.send(
            "request_refund", {"amount_minor": 500, "reason": "damaged"}, headers=KEY, payment_id=payment_id
        )
        shown = await edge.ask("get_payment", payment_id=payment_id)

        refund_id = refund_id_for(payment_id, "k")
        assert (first.status, first.headers["Location"]) == (202, f"/api/payments/{payment_id}")
        said = [first.body[name] for name in ("refund_id", "amount_minor", "status")]
        assert said == [refund_id, 500, "pending"]
        assert (second.status, second.body, second.headers["Idempotent-Replayed"]) == (202, first.body, "true")
        assert "Idempotent-Replayed" not in first.headers
        (told,) = shown.body["refunds"]
        assert (told["refund_id"], told["amount_minor"], told["status"]) == (refund_id, 500, "refunded")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({}, {}, 400, "idempotency_key_required"),
        ({}, {"Idempotency-Key": "a,b"}, 400, "idempotency_key_invalid"),
        ({"amount_minor": 1251}, KEY, 409, "refund_exceeds_payment"),
        ({"amount_minor": 0}, KEY, 422, "request_invalid"),
        ({"amount_minor": 1.0}, KEY, 422, "request_invalid"),
        ({"amount": 5}, KEY, 422, "request_invalid"),
        ({"reason": "4111 1111 1111 1111"}, KEY, 422, "request_invalid"),
        (b"", KEY, 400, "body_not_json"),
        ({}, {**KEY, "Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_the_api_answers_to_a_refund_that_cannot_be(
    body: object, headers: dict[str, str], status: int, code: str, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        edge, payment_id = Edge(world), await paid(world)

        answer = await edge.send("request_refund", body, headers=headers, payment_id=payment_id)

        assert (answer.status, answer.body["code"]) == (status, code)
        assert await world.events(payment_id) == COMPLETED


async def test_nobody_gives_back_the_money_of_a_payment_that_is_not_there(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        answer = await Edge(world).send("request_refund", {}, headers=KEY, payment_id=NOBODY)

        assert (answer.status, answer.body["code"]) == (404, "payment_not_found")
