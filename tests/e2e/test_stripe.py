"""The platform with the second adapter, before the imitation of Stripe's API: what merchants see is the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from local.supervisor import Platform
from tests import hosts
from tests.shop import Shop, open_shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMING_OUT = ("pm_card_createTimesOut", "pm_card_captureTimesOut")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with hosts.running(
        data=tmp_path_factory.mktemp("platform"), provider="stripe", environment={"PROVIDER_TIMEOUT_S": "0.7"}
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(platform: Platform) -> AsyncIterator[Shop]:
    async with open_shop(platform) as opened:
        yield opened


async def paid(shop: Shop, payment_method: str, **order: Any) -> dict[str, Any]:
    """The payment, once it has ended."""
    answered = await shop.post(payment_method=payment_method, **order)
    assert answered.status == 202, answered.body
    return await shop.finished(answered.body["payment_id"])


async def intents_of(shop: Shop, payment_id: str) -> list[dict[str, Any]]:
    """What the provider has of a payment."""
    async with shop.http.get(f"{shop.provider_url}/v1/payment_intents", params={"limit": "100"}) as response:
        listed = (await response.json())["data"]
    return [each for each in listed if each["metadata"]["payment_id"] == payment_id]


async def test_money_is_taken_once_and_given_back_in_part(shop: Shop) -> None:
    payment = await paid(shop, "pm_card_visa")
    assert payment["status"] == "completed"
    (intent,) = await intents_of(shop, payment["payment_id"])
    assert (intent["status"], intent["amount_received"], intent["currency"]) == ("succeeded", 1250, "eur")

    await shop.refund(payment["payment_id"], key="r1", amount_minor=500)

    refunded = await shop.refunded(payment["payment_id"])
    assert (refunded["refunds"][0]["status"], refunded["ledger"]["net_minor"]) == ("refunded", 750)
    async with shop.http.get(f"{shop.provider_url}/v1/refunds", params={"payment_intent": intent["id"]}) as response:
        assert [each["amount"] for each in (await response.json())["data"]] == [500]


@pytest.mark.parametrize(
    ("payment_method", "code"),
    [("pm_card_chargeDeclined", "generic_decline"), ("pm_card_authenticationRequired", "authentication_required")],
)
async def test_a_no_ends_the_payment_with_its_code(shop: Shop, payment_method: str, code: str) -> None:
    payment = await paid(shop, payment_method)

    assert (payment["status"], payment["failed"]["code"]) == ("failed", code)


async def test_what_was_done_without_an_answer_is_done_once(shop: Shop) -> None:
    *payments, last = await asyncio.gather(*(paid(shop, each) for each in (*TIMING_OUT, "pm_card_refundTimesOut")))
    await shop.refund(last["payment_id"], key="r1")
    refunded = await shop.refunded(last["payment_id"])

    assert [(each["status"], each["amount_minor"]) for each in refunded["refunds"]] == [("refunded", 1250)]
    (intent,) = await intents_of(shop, last["payment_id"])
    async with shop.http.get(f"{shop.provider_url}/v1/refunds", params={"payment_intent": intent["id"]}) as response:
        assert [each["amount"] for each in (await response.json())["data"]] == [1250]
    for payment in payments:
        assert payment["status"] == "completed"
        intents = await intents_of(shop, payment["payment_id"])
        assert [(each["status"], each["amount_received"]) for each in intents] == [("succeeded", 1250)]


@pytest.mark.long
async def test_a_cancel_that_is_in_time_takes_nothing(shop: Shop) -> None:
    answered = await shop.post(payment_method="pm_card_createTimesOut")
    payment_id = answered.body["payment_id"]
    assert (await shop.cancel(payment_id)).status == 202

    assert (await shop.finished(payment_id))["status"] == "voided"
    assert {each["status"] for each in await intents_of(shop, payment_id)} <= {"canceled"}


async def test_a_host_that_is_killed_charges_nobody_twice(shop: Shop, platform: Platform) -> None:
    posted = [(await shop.post(payment_method=each)).body["payment_id"] for each in ("pm_card_visa", *TIMING_OUT)]

    await platform.kill("host")
    await platform.start("host")

    for payment_id in posted:
        assert (await shop.finished(payment_id))["status"] == "completed"
        intents = await intents_of(shop, payment_id)
        assert [(each["status"], each["amount_received"]) for each in intents] == [("succeeded", 1250)]


async def test_news_is_refused_by_name(shop: Shop, platform: Platform) -> None:
    async with shop.http.post(f"{platform.url}/api/provider/events", json={"type": "charge.dispute.created"}) as said:
        problem = await said.json()

    assert (said.status, problem["code"]) == (503, "provider_not_known")
    assert "PROVIDER_API=stripe" in problem["detail"]
