"""A merchant gives money back over HTTP, on the whole platform: once for each key, and never more than was taken."""

import asyncio

import pytest

from tests.facts import COMPLETED, facts_in
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def paid(shop: Shop, payment_method: str = "pm_ok") -> str:
    payment_id = str((await shop.post(payment_method=payment_method)).body["payment_id"])
    await shop.finished(payment_id)
    return payment_id


async def test_money_is_given_back_and_the_payment_says_so(shop: Shop) -> None:
    payment_id = await paid(shop)

    answered = await shop.refund(payment_id, key="r1", amount_minor=500, reason="damaged")

    assert (answered.status, answered.headers["Location"]) == (202, f"/api/payments/{payment_id}")
    payment = await shop.refunded(payment_id)
    (refund,) = payment["refunds"]
    assert (refund["refund_id"], refund["status"]) == (answered.body["refund_id"], "refunded")
    assert payment["ledger"] == {
        "authorised_minor": 1250,
        "captured_minor": 1250,
        "refunded_minor": 500,
        "refunding_minor": 0,
        "disputed_minor": 0,
        "net_minor": 750,
    }
    types = facts_in(event["type"] for event in await shop.events(payment_id))
    assert types == [*COMPLETED, "refund_requested", "refunded"]
    assert (await shop.charges())[payment_id]["refunded_minor"] == 500


async def test_a_refund_that_times_out_once_is_made_once(shop: Shop) -> None:
    payment_id = await paid(shop, "pm_refund_times_out_once")

    await shop.refund(payment_id, key="r1")

    payment = await shop.refunded(payment_id)
    assert [refund["status"] for refund in payment["refunds"]] == ["refunded"]
    charge = (await shop.charges())[payment_id]
    assert (list(charge["times_refunded"].values()), charge["refunded_minor"]) == ([1], 1250)


async def test_of_many_at_once_no_more_is_given_back_than_was_taken(shop: Shop) -> None:
    payment_id = await paid(shop)

    async def one(number: int) -> tuple[int, str | None]:
        answered = await shop.refund(payment_id, key=f"k{number}", amount_minor=400)
        while answered.status == 503:  # others wrote to the payment all the time
            answered = await shop.refund(payment_id, key=f"k{number}", amount_minor=400)
        return answered.status, answered.body.get("code")

    answers = await asyncio.gather(*(one(number) for number in range(8)))

    assert sorted(answers, key=str) == [(202, None)] * 3 + [(409, "refund_exceeds_payment")] * 5
    payment = await shop.refunded(payment_id)
    assert payment["ledger"]["refunded_minor"] == 1200
    assert (await shop.charges())[payment_id]["refunded_minor"] == 1200


async def test_a_repeat_is_the_same_refund_and_is_marked(shop: Shop) -> None:
    payment_id = await paid(shop)

    answers = [await shop.refund(payment_id, key="once", amount_minor=100) for _ in range(3)]

    assert [answered.status for answered in answers] == [202] * 3
    assert [answered.headers.get("Idempotent-Replayed") for answered in answers] == [None, "true", "true"]
    assert answers[0].body == answers[1].body == answers[2].body
    assert len((await shop.refunded(payment_id))["refunds"]) == 1
