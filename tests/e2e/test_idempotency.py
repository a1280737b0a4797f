"""Many requests at once under one key are one payment, and all are answered alike."""

import asyncio

import pytest

from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 50


async def test_of_fifty_posts_at_once_under_one_key_one_is_the_first_and_all_say_the_same(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.post(key="the-same", reference="one") for _ in range(AT_ONCE)))

    assert {answer.status for answer in answers} == {202}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert all(answer.body == answers[0].body for answer in answers)
    repeats = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert (repeats.count("true"), repeats.count(None)) == (AT_ONCE - 1, 1)
    payment_id = answers[0].body["payment_id"]
    await shop.finished(payment_id)
    assert (await shop.charges())[payment_id]["times_charged"] == 1


async def test_of_fifty_refunds_at_once_under_one_key_one_is_made(shop: Shop) -> None:
    payment_id = (await shop.post()).body["payment_id"]
    await shop.finished(payment_id)

    answers = await asyncio.gather(*(shop.refund(payment_id, key="r", amount_minor=100) for _ in range(AT_ONCE)))

    assert {answer.status for answer in answers} == {202}
    assert all(answer.body == answers[0].body for answer in answers)
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count(None) == 1
    payment = await shop.refunded(payment_id)
    assert payment["ledger"]["refunded_minor"] == 100
    assert list((await shop.charges())[payment_id]["times_refunded"].values()) == [1]
