"""One payment, end to end, through the real runtime, over real sockets, as a merchant's developer meets it."""

import asyncio
import statistics
import uuid
from collections.abc import Callable
from datetime import datetime

import pytest

from local.supervisor import Platform
from tests.e2e.diagnostics import requests_to
from tests.facts import COMPLETED, facts_in
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_payment_is_accepted_at_once_and_completed_soon_after(shop: Shop) -> None:
    answered = await shop.post()

    assert answered.status == 202
    assert answered.headers["Location"] == f"/api/payments/{answered.body['payment_id']}"
    assert answered.body["status"] == "initiated"
    payment = await shop.finished(answered.body["payment_id"])
    assert payment["status"] == "completed"
    assert payment["completed"]["notification"] == "not_wanted"


async def test_while_nothing_happens_the_feeds_are_hardly_asked(shop: Shop, platform: Platform) -> None:
    await shop.finished((await shop.post()).body["payment_id"])
    await asyncio.sleep(1)
    before = (await requests_to("events", shop.http, platform))["feed"]["count"]

    await asyncio.sleep(3)

    after = (await requests_to("events", shop.http, platform))["feed"]["count"]
    assert after - before <= 8, "two functions read two ranges each, and each read waits five seconds"


async def test_the_payment_can_be_read_right_after_it_was_accepted(shop: Shop) -> None:
    answered = await shop.post()

    found = await shop.get(answered.headers["Location"])

    assert found.status == 200
    assert found.body["payment_id"] == answered.body["payment_id"]


async def test_its_timeline_is_complete_and_in_order(shop: Shop) -> None:
    payment_id = (await shop.post(description="Two books", metadata={"cart": "7"})).body["payment_id"]
    payment = await shop.finished(payment_id)

    events = await shop.events(payment_id)

    assert facts_in(event["type"] for event in events) == COMPLETED
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    times = [datetime.fromisoformat(event["occurred_at"]) for event in events]
    assert times == sorted(times)
    assert (payment["description"], payment["metadata"]) == ("Two books", {"cart": "7"})


async def test_how_long_a_payment_takes_when_nothing_else_is_going_on(
    shop: Shop, record_property: Callable[[str, object], None]
) -> None:
    took_ms = []
    for _ in range(9):
        payment = await shop.finished((await shop.post()).body["payment_id"])
        began, ended = payment["initiated_at"], payment["completed"]["at"]
        took_ms.append((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds() * 1000)

    record_property("time to completed", f"median {statistics.median(took_ms):.0f} ms of {len(took_ms)} payments")
    assert payment["status"] == "completed"


async def test_a_declined_payment_fails_with_the_providers_code(shop: Shop) -> None:
    payment = await shop.finished((await shop.post(payment_method="pm_declined")).body["payment_id"])

    assert payment["status"] == "failed"
    assert (payment["failed"]["reason"], payment["failed"]["code"]) == ("declined", "card_declined")
    assert (await shop.charges())[payment["payment_id"]]["times_charged"] == 0


async def test_a_capture_that_is_declined_is_voided(shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_settle_declined")).body["payment_id"]

    payment = await shop.finished(payment_id, at=["voided"])

    assert payment["failed"]["failed_step"] == "settle"
    charge = (await shop.charges())[payment_id]
    assert (charge["times_charged"], charge["voided"]) == (0, True)


@pytest.mark.parametrize("token", ["pm_fails_twice", "pm_times_out_once", "pm_settle_times_out_once", "pm_slow"])
async def test_a_provider_in_trouble_delays_a_payment_and_charges_it_once(shop: Shop, token: str) -> None:
    payment_id = (await shop.post(payment_method=token)).body["payment_id"]

    payment = await shop.finished(payment_id)

    assert payment["status"] == "completed"
    assert (await shop.charges())[payment_id]["times_charged"] == 1


@pytest.mark.parametrize("path", ["/merchant/ok", "/merchant/fails-twice"])
async def test_the_merchant_is_told_once_it_listens(shop: Shop, path: str) -> None:
    payment_id = (await shop.post(notification_url=f"{shop.provider_url}{path}")).body["payment_id"]

    payment = await shop.finished(payment_id)

    assert payment["completed"]["notification"] == "delivered"


async def test_a_merchant_that_is_down_does_not_hold_up_a_paid_payment_for_ever(shop: Shop) -> None:
    payment_id = (await shop.post(notification_url=f"{shop.provider_url}/merchant/down")).body["payment_id"]

    payment = await shop.finished(payment_id)

    assert (payment["status"], payment["completed"]["notification"]) == ("completed", "undelivered")


async def test_the_same_key_at_once_is_one_payment_one_charge_and_one_answer(shop: Shop) -> None:
    key = str(uuid.uuid4())

    answers = await asyncio.gather(*(shop.post(key=key, reference="same") for _ in range(20)))

    assert {answer.status for answer in answers} == {202}
    assert all(answer.body == answers[0].body for answer in answers)
    payment = await shop.finished(answers[0].body["payment_id"])
    assert (await shop.charges())[payment["payment_id"]]["times_charged"] == 1
    assert (await shop.post(key=key, reference="same")).body == answers[0].body


async def test_another_request_under_a_used_key_is_refused_and_changes_nothing(shop: Shop) -> None:
    key = str(uuid.uuid4())
    first = await shop.post(key=key)

    other = await shop.post(key=key, amount_minor=9999)

    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    payment = await shop.finished(first.body["payment_id"])
    assert payment["amount_minor"] == 1250


async def test_without_a_key_each_post_is_a_payment(shop: Shop) -> None:
    one, other = await shop.post(), await shop.post()

    assert one.body["payment_id"] != other.body["payment_id"]
