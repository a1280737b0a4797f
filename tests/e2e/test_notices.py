"""What became of a payment is told to its merchant, on the whole platform: each final state, once as he can see."""

from typing import Any

import pytest

from tests.hosts import patient
from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def paid(shop: Shop, *, endpoint: str) -> str:
    url = f"{shop.provider_url}/merchant/{endpoint}"
    payment_id = str((await shop.post(notification_url=url)).body["payment_id"])
    await shop.finished(payment_id)
    return payment_id


async def told(shop: Shop, payment_id: str) -> dict[str, tuple[str, int]]:
    """By the id without the payment's: the event, and how often the merchant said yes to it."""
    async with shop.http.get(f"{shop.provider_url}/merchant/notifications") as response:
        listed: list[dict[str, Any]] = (await response.json())["notifications"]
    return {
        each["request_id"].removeprefix(f"{payment_id}:"): (each["type"].split(".")[2], each["times_accepted"])
        for each in listed
        if each["payment_id"] == payment_id
    }


async def all_is_told(shop: Shop, payment_id: str, *types: str) -> None:
    """Wait until these events are told, and nothing is left to be told."""

    async def is_so() -> bool:
        payment = (await shop.get(f"/api/payments/{payment_id}")).body
        known = sorted(name for name, accepted in (await told(shop, payment_id)).values() if accepted)
        return known == sorted(types) and "untold" not in payment

    await until(is_so, limit_s=patient(30))


async def in_the_stream(shop: Shop, payment_id: str) -> set[str]:
    """The ids of which the stream says that the merchant knows."""
    events = await shop.events(payment_id)
    said = [each["data"]["event_id"] for each in events if each["type"] == "payment.merchant_told"]
    assert len({*said}) == len(said)
    return {*said}


async def test_a_refund_and_a_dispute_are_told_once_each_to_a_merchant_that_fails_twice(shop: Shop) -> None:
    payment_id = await paid(shop, endpoint="fails-twice")

    await shop.refund(payment_id, key="part", amount_minor=500)
    dispute = await shop.tell_provider("/disputes", payment_reference=payment_id, amount_minor=300)
    await shop.disputed(payment_id, "open")
    await shop.tell_provider(f"/disputes/{dispute['dispute_id']}/win")

    await all_is_told(shop, payment_id, "settled", "refunded", "dispute_opened", "dispute_won")
    known = await told(shop, payment_id)
    assert known.pop("notify") == ("settled", 1)
    events = {str(each["version"]): each["type"] for each in await shop.events(payment_id)}
    assert {version: f"payment.{name}" for version, (name, _) in known.items()} == {
        version: events[version] for version in known
    }
    assert {accepted for _, accepted in known.values()} == {1}
    assert await in_the_stream(shop, payment_id) == {f"{payment_id}:{version}" for version in known}


async def test_a_cancelled_payment_is_told_as_failed_and_as_voided(shop: Shop) -> None:
    url = f"{shop.provider_url}/merchant/ok"
    answered = await shop.post(payment_method="pm_settle_down", notification_url=url)
    payment_id = str(answered.body["payment_id"])
    await shop.finished(payment_id, at=("created",))

    await shop.cancel(payment_id)

    await all_is_told(shop, payment_id, "failed", "voided")
    known = await told(shop, payment_id)
    assert known.pop("notify_failure") == ("failed", 1)
    ((version, voided),) = known.items()
    assert voided == ("voided", 1)
    assert await in_the_stream(shop, payment_id) == {f"{payment_id}:{version}"}


async def test_what_a_merchant_who_is_down_was_not_told_waits_for_an_operator_and_is_told_then(shop: Shop) -> None:
    payment_id = await paid(shop, endpoint="down")
    await shop.refund(payment_id, key="all")
    letter = await parked(shop, payment_id)
    payment = (await shop.get(f"/api/payments/{payment_id}")).body
    (untold,) = payment["untold"]
    assert payment["status"] == "completed"
    assert untold["type"] == "payment.refunded"
    assert {
        "step": f"notify:{untold['event_id']}",
        "state": "parked",
        "reason": "notification_undelivered",
    }.items() <= (next(each for each in payment["waiting"] if each["step"].startswith("notify:")).items())

    await shop.tell_provider("/merchant/repair")
    async with shop.http.post(f"{shop.url}/api/ops/dead-letters/{letter['id']}/replay", json={}) as response:
        assert (await response.json())["verdict"] == "replayed"

    await all_is_told(shop, payment_id, "refunded")
    assert await in_the_stream(shop, payment_id) == {untold["event_id"]}
    await shop.tell_provider("/merchant/break")


async def parked(shop: Shop, payment_id: str) -> dict[str, Any]:
    """The letter of the notice, once it is there."""
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        listed = await shop.get(f"/api/ops/dead-letters?payment_id={payment_id}&step=notice")
        found[:] = listed.body["dead_letters"] if listed.status == 200 else []
        payment = (await shop.get(f"/api/payments/{payment_id}")).body
        return bool(found) and any(each["step"].startswith("notify:") for each in payment.get("waiting", ()))

    await until(is_there, limit_s=patient(60))
    return found[0]
