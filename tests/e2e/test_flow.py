"""What operators see of the flow on the whole platform, through the host and over the wire."""

import asyncio
from typing import Any

import pytest

from local.supervisor import Platform
from tests import hosts
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(hosts.patient(90.0))]

TICK_S = 2.1
"""A process looks once in two seconds."""


async def seen(shop: Shop) -> dict[str, Any]:
    answered = await shop.get("/api/ops/flow")
    assert answered.status == 200, answered.body
    return answered.body


def went(flow: dict[str, Any]) -> dict[str, int]:
    """Events of the last ten minutes, by topic."""
    return {topic["topic"]: sum(topic["curve"]) for topic in flow["topics"] if sum(topic["curve"])}


def step(flow: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in flow["steps"] if each["step"] == name]
    return dict(found)


async def test_payments_are_seen_to_go_on_to_wait_and_to_be_parked_and_replayed(shop: Shop) -> None:
    before = went(await seen(shop))
    done = (await shop.post(key="done")).body["payment_id"]
    stuck = (await shop.post(key="stuck", payment_method="pm_settle_down")).body["payment_id"]
    await shop.finished(done)

    async def is_parked() -> bool:
        flow = await seen(shop)
        assert flow["feeds"]["publish"]["lag_s"] < 30
        return bool(step(flow, "settle")["parked"]["normal"]) and not step(flow, "settle")["owed"]

    await until(is_parked, limit_s=None, every_s=TICK_S)
    parked = await seen(shop)
    summary = (await shop.get("/api/ops/dead-letters/summary")).body
    waiting = (await shop.get("/api/ops/payments?waiting=parked&amount_minor=1250")).body["payments"]

    assert {topic: n - before.get(topic, 0) for topic, n in went(parked).items()} == {
        "payment-initiated": 2,
        "payment-created": 2,
        "payment-settled": 1,
        "payment-completed": 1,
    }
    assert (step(parked, "settle")["owed"], parked["letters"]["open"]) == (0, 1)
    assert [(each["step"], each["letters"]) for each in summary["groups"]] == [("settle", 1)]
    assert [row["id"] for row in waiting] == [stuck]


async def test_whoever_has_seen_it_is_sent_nothing_again(platform: Platform, shop: Shop) -> None:
    """Each request of a browser that asks again and again, as the host hands it on."""
    del platform
    url = f"{shop.url}/api/ops/flow"
    async with shop.http.get(url) as first:
        tag = first.headers["ETag"]
    statuses = []
    for _ in range(5):
        async with shop.http.get(url, headers={"If-None-Match": tag}) as again:
            statuses.append(again.status)
            tag = again.headers["ETag"]
            assert again.headers["Cache-Control"] == "private, no-cache"
            assert (await again.read() == b"") == (again.status == 304)
        await asyncio.sleep(0.5)

    assert tag.startswith('W/"')
    assert 304 in statuses
    assert set(statuses) <= {200, 304}


async def test_an_operator_is_known_and_the_attempt_of_each_event_is_told(shop: Shop) -> None:
    payment_id = (await shop.post(key="again", payment_method="pm_fails_twice")).body["payment_id"]
    await shop.finished(payment_id)

    me = (await shop.get("/api/ops/me")).body
    events = (await shop.get(f"/api/ops/payments/{payment_id}/events")).body["events"]

    assert (me["name"], me["may"]["resend"], me["trace_url"]) == ("developer", True, None)
    assert [each.get("attempt") for each in events] == [None, 3, 3, 1]
    assert len({each["trace_id"] for each in events}) == 1
