"""A cardholder's bank takes money back, and the provider tells of it: on the whole platform, each dispute once."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import Platform
from tests.e2e.conftest import running_shop
from tests.facts import COMPLETED, facts_in
from tests.hosts import patient
from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def paid(shop: Shop, payment_method: str = "pm_ok") -> str:
    payment_id = str((await shop.post(payment_method=payment_method)).body["payment_id"])
    await shop.finished(payment_id)
    return payment_id


async def facts(shop: Shop, payment_id: str) -> list[str]:
    return facts_in(event["type"] for event in await shop.events(payment_id))


async def heard(shop: Shop, payment_id: str) -> list[dict[str, Any]]:
    """What the provider has told, once it owes us nothing more."""
    told: list[dict[str, Any]] = []

    async def is_heard() -> bool:
        told[:] = await shop.news(payment_id)
        return bool(told) and not any(event["is_owed"] for event in told)

    await until(is_heard, limit_s=patient(30))
    return told


async def test_a_dispute_is_seen_on_the_payment_and_in_its_ledger(shop: Shop) -> None:
    payment_id = await paid(shop)

    opened = await shop.tell_provider("/disputes", payment_reference=payment_id, amount_minor=500, reason="fraudulent")

    payment = await shop.disputed(payment_id, "open")
    (dispute,) = payment["disputes"]
    assert (dispute["dispute_id"], dispute["amount_minor"]) == (opened["dispute_id"], 500)
    assert dispute["code"] == "fraudulent"
    assert datetime.fromisoformat(dispute["opened_at"]) == datetime.fromisoformat(opened["opened_at"])
    assert (payment["status"], payment.get("waiting")) == ("completed", None)
    assert (payment["ledger"]["disputed_minor"], payment["ledger"]["net_minor"]) == (500, 750)
    assert await facts(shop, payment_id) == [*COMPLETED, "dispute_opened"]
    (event,) = await heard(shop, payment_id)
    assert (event["last_status"], event["attempts"]) == (200, 1)


@pytest.mark.parametrize(
    ("payment_method", "status", "net"), [("pm_dispute_won", "won", 1250), ("pm_dispute_lost", "lost", 0)]
)
async def test_a_dispute_is_decided(shop: Shop, payment_method: str, status: str, net: int) -> None:
    payment_id = await paid(shop, payment_method)

    payment = await shop.disputed(payment_id, status)

    assert payment["ledger"]["net_minor"] == net
    assert payment["disputes"][0]["decided"].keys() == {"at", "decided_at"}
    seen = await facts(shop, payment_id)
    assert [each for each in seen if each.startswith("dispute")] == ["dispute_opened", f"dispute_{status}"]


async def test_news_that_comes_many_times_and_in_any_order_is_one_story(shop: Shop) -> None:
    payment_id = await paid(shop)
    dispute_id = (await shop.tell_provider("/disputes", payment_reference=payment_id))["dispute_id"]
    await shop.tell_provider(f"/disputes/{dispute_id}/win")
    await shop.tell_provider(f"/disputes/{dispute_id}/lose")
    told = await heard(shop, payment_id)

    for _ in range(4):
        again = [*reversed(told), *told]
        await asyncio.gather(*(shop.tell_provider(f"/events/{event['event_id']}/resend") for event in again))
        assert len(await heard(shop, payment_id)) == 3

    payment = await shop.disputed(payment_id, "lost")
    assert payment["ledger"]["disputed_minor"] == 1250
    story = [each for each in await facts(shop, payment_id) if each.startswith("dispute")]
    assert story in (
        ["dispute_opened", "dispute_lost"],
        ["dispute_opened", "dispute_won", "dispute_lost"],
    ), "what was decided before we asked is not known to us"


async def test_what_a_bank_has_taken_back_is_not_refunded(shop: Shop) -> None:
    payment_id = await paid(shop)
    opened = await shop.tell_provider("/disputes", payment_reference=payment_id, amount_minor=1000)
    await shop.disputed(payment_id, "open")

    refused = await shop.refund(payment_id, key="all-of-it", amount_minor=1250)
    part = await shop.refund(payment_id, key="the-rest")

    assert (refused.status, refused.body["code"]) == (409, "refund_exceeds_payment")
    assert (part.status, part.body["amount_minor"]) == (202, 250)
    payment = await shop.refunded(payment_id, at=("refunded",))
    assert payment["ledger"]["net_minor"] == 0
    await shop.tell_provider(f"/disputes/{opened['dispute_id']}/win")
    assert (await shop.disputed(payment_id, "won"))["ledger"]["net_minor"] == 1000
    assert (await shop.refund(payment_id, key="now")).body["amount_minor"] == 1000


async def test_a_refund_and_a_dispute_that_cross_end_with_the_providers_no(shop: Shop) -> None:
    """The refund is accepted before the dispute is known here; the provider has nothing left to give back."""
    payment_id = await paid(shop)
    await shop.tell_provider("/faults", rate_5xx=1.0, seed=1)
    try:
        accepted = await shop.refund(payment_id, key="first")
        await shop.tell_provider("/disputes", payment_reference=payment_id)
    finally:
        async with shop.http.delete(f"{shop.provider_url}/faults") as response:
            assert response.status == 204

    payment = await shop.refunded(payment_id)

    assert accepted.status == 202
    assert [(each["status"], each["failed"]["code"]) for each in payment["refunds"]] == [("failed", "payment_disputed")]
    payment = await shop.disputed(payment_id, "open")
    assert payment["ledger"]["net_minor"] == 0


async def test_while_the_provider_does_not_answer_questions_its_news_waits(shop: Shop) -> None:
    payment_id = await paid(shop)
    await shop.tell_provider("/faults", rate_5xx=1.0, seed=1)
    try:
        await shop.tell_provider("/disputes", payment_reference=payment_id)
        await until(lambda: _was_told_in_vain(shop, payment_id), limit_s=patient(30))
        assert await facts(shop, payment_id) == COMPLETED
    finally:
        async with shop.http.delete(f"{shop.provider_url}/faults") as response:
            assert response.status == 204

    await shop.disputed(payment_id, "open")

    (event,) = await heard(shop, payment_id)
    assert event["last_status"] == 200
    assert event["attempts"] > 1


async def _was_told_in_vain(shop: Shop, payment_id: str) -> bool:
    told = await shop.news(payment_id)
    return any(event["last_status"] == 503 for event in told)


async def test_nothing_is_lost_while_the_app_the_store_or_the_provider_dies(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        payment_ids = [await paid(shop) for _ in range(3)]
        for payment_id, dies in zip(payment_ids, ("host", "cosmos", "provider"), strict=True):
            await _dies_around_a_dispute(platform, shop, payment_id=payment_id, dies=dies)

        for payment_id in payment_ids:
            payment = await shop.disputed(payment_id, "open")
            assert payment["ledger"]["disputed_minor"] == 1250
            await heard(shop, payment_id)
            assert (await facts(shop, payment_id)).count("dispute_opened") == 1


async def _dies_around_a_dispute(platform: Platform, shop: Shop, *, payment_id: str, dies: str) -> None:
    if dies != "provider":
        await platform.kill(dies)
    await shop.tell_provider("/disputes", payment_reference=payment_id)
    if dies == "provider":
        await platform.kill(dies)
    await platform.start(dies)
