"""Many payments at once: every one completes and is charged once, whatever is killed in the meantime."""

import asyncio
from pathlib import Path

import pytest

from local.supervisor import Platform
from tests.e2e.conftest import running_shop
from tests.e2e.diagnostics import topics
from tests.facts import COMPLETED, facts_in
from tests.shop import Shop
from tests.topologies import SHORTEST_LOCK, changed_topology
from tests.waiting import until

EVENT_TOPICS = ("payment-initiated", "payment-created", "payment-settled", "payment-completed")


async def all_is_well(shop: Shop, payment_ids: list[str]) -> None:
    """Completed, charged once, and every stream has each fact once and no gap in its versions."""
    payments = await shop.finished_many(payment_ids)
    assert {payment["status"] for payment in payments} == {"completed"}
    charges = await shop.charges()
    assert len(set(payment_ids)) == len(payment_ids)
    assert {charges[payment_id]["times_charged"] for payment_id in payment_ids} == {1}
    for payment_id in payment_ids:
        events = await shop.events(payment_id)
        assert facts_in(event["type"] for event in events) == COMPLETED
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))


FEW, MANY = 40, 200
LONG = pytest.mark.long


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=LONG)])
@pytest.mark.parametrize(
    "forgets",
    [pytest.param(False, id="remembering provider", marks=LONG), pytest.param(True, id="forgetful provider")],
)
async def test_all_complete_and_each_event_goes_to_its_topic_once(tmp_path: Path, count: int, *, forgets: bool) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        await shop.tell_provider("/mode", forget_request_ids=forgets)

        payment_ids = await shop.order_many(count)
        await all_is_well(shop, payment_ids)

        assert await accepted(shop, platform, at_least=count) == dict.fromkeys(EVENT_TOPICS, count)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=LONG)])
@pytest.mark.parametrize(
    "victim", ["host", *(pytest.param(name, marks=LONG) for name in ("servicebus", "cosmos", "provider"))]
)
async def test_all_complete_although_a_part_is_killed_in_the_middle(tmp_path: Path, victim: str, count: int) -> None:
    topology = changed_topology(tmp_path, lock_duration=SHORTEST_LOCK)
    async with running_shop(data=tmp_path, topology=topology) as (platform, shop):
        ordering = asyncio.create_task(shop.order_many(count))
        await some_are_settled(shop, at_least=20)

        await platform.kill(victim)
        await platform.start(victim)

        await all_is_well(shop, await ordering)


async def accepted(shop: Shop, platform: Platform, *, at_least: int) -> dict[str, int]:
    """What each topic of events took, once each took so many: the last one is sent after its payment completed."""
    counts: dict[str, int] = {}

    async def are_there() -> bool:
        entities = await topics(shop.http, platform)
        counts.update({name: entities[name]["accepted"] for name in EVENT_TOPICS})
        return min(counts.values()) >= at_least

    await until(are_there, limit_s=None, every_s=0.05)
    return counts


async def some_are_settled(shop: Shop, *, at_least: int) -> None:
    """Wait until the provider has charged some, so that the kill comes in the middle."""

    async def are() -> bool:
        settled: int = sum(charge["times_charged"] for charge in (await shop.charges()).values())
        return settled >= at_least

    await until(are, limit_s=None, every_s=0.05)


async def test_what_was_accepted_while_the_broker_was_away_is_published_when_it_returns(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        await all_is_well(shop, await shop.order_many(5, prefix="before"))
        ordering = asyncio.create_task(shop.order_many(40, prefix="during"))
        await some_are_settled(shop, at_least=8)
        await platform.kill("servicebus")
        payment_ids = await ordering
        payment_ids += await shop.order_many(10, prefix="after")

        await platform.start("servicebus")

        await all_is_well(shop, payment_ids)


async def test_a_payment_that_was_accepted_before_any_lease_existed_is_published(tmp_path: Path) -> None:
    without_feed = {"AzureWebJobs.publish_events.Disabled": "true", "AzureWebJobs.project_payments.Disabled": "true"}
    async with running_shop(data=tmp_path, environment=without_feed) as (_, shop):
        accepted = await shop.order("early")
    async with running_shop(data=tmp_path) as (_, shop):
        payment = await shop.finished(accepted)

        assert payment["status"] == "completed"
