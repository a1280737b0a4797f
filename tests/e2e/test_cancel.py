"""A merchant cancels over HTTP, on the whole platform: before the money is taken, at the same time, and too late."""

import asyncio

import pytest

from tests.facts import facts_in
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_payment_that_waits_for_its_settlement_is_cancelled(shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_settle_down")).body["payment_id"]
    await shop.finished(payment_id, at=["created"])

    answered = await shop.cancel(payment_id)

    assert answered.status == 202
    assert answered.headers["Location"] == f"/api/payments/{payment_id}"
    payment = await shop.finished(payment_id)
    assert (payment["status"], payment["failed"]["reason"]) == ("voided", "cancelled")
    types = facts_in(event["type"] for event in await shop.events(payment_id))
    assert types == ["initiated", "created", "cancel_requested", "voided", "failed"]
    charge = (await shop.charges())[payment_id]
    assert (charge["times_charged"], charge["status"]) == (0, "voided")
    assert (await shop.cancel(payment_id)).status == 200


async def test_whenever_it_is_cancelled_a_payment_is_either_paid_or_released(shop: Shop) -> None:
    async def one(number: int) -> tuple[str, int]:
        payment_id = await shop.order(f"cancel-{number}", payment_method="pm_ok")
        await asyncio.sleep(0.01 * number)
        answered = await shop.cancel(payment_id)
        assert answered.status in (202, 409), answered
        payment = await shop.finished(payment_id)
        charge = (await shop.charges())[payment_id]
        assert (charge["status"], payment["status"]) in {("voided", "voided"), ("captured", "completed")}
        return payment["status"], charge["times_charged"]

    ends = await asyncio.gather(*(one(number) for number in range(20)))

    assert {*ends} <= {("voided", 0), ("completed", 1)}


async def test_what_is_paid_is_not_cancelled(shop: Shop) -> None:
    payment_id = (await shop.post()).body["payment_id"]
    await shop.finished(payment_id)

    answered = await shop.cancel(payment_id)

    assert (answered.status, answered.body["code"]) == (409, "already_settled")
