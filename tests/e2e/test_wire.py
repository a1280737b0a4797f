"""What a payment costs, counted on the wire."""

from pathlib import Path

import pytest

from local.supervisor import Platform
from tests.e2e.conftest import running_shop
from tests.e2e.diagnostics import requests_to, topics
from tests.shop import Shop
from tests.waiting import until

EVENT_TOPICS = ("payment-initiated", "payment-created", "payment-settled", "payment-completed")
READS = ("read", "query", "batch", "upsert", "replace", "delete")
RU_PER_PAYMENT = 28


async def test_a_payment_is_four_creates_and_no_reads_and_four_sends(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        payment_id = await shop.order("only")
        await completed_without_asking_the_store(shop, payment_id)
        await all_published(shop, platform, count=1)

        events = await requests_to("events", shop.http, platform)

        assert events["create"]["count"] == 4
        assert {operation: events[operation]["count"] for operation in READS if operation in events} == {}
        assert events["create"]["ru"] + 4 <= RU_PER_PAYMENT  # and a read of four documents by the feed
        entities = await topics(shop.http, platform)
        assert {name: entities[name]["sends"] for name in EVENT_TOPICS} == dict.fromkeys(EVENT_TOPICS, 1)
        charge = (await shop.charges())[payment_id]
        assert (charge["requests"], charge["asks"]) == (2, 0)


async def completed_without_asking_the_store(shop: Shop, payment_id: str) -> None:
    """The GET would be a query that the test counts; the provider and the topics tell as well."""

    async def is_charged() -> bool:
        return (await shop.charges()).get(payment_id, {}).get("times_charged") == 1

    await until(is_charged, limit_s=None, every_s=0.05)


async def all_published(shop: Shop, platform: Platform, *, count: int) -> None:
    async def are() -> bool:
        return bool((await topics(shop.http, platform))["payment-completed"]["accepted"] >= count)

    await until(are, limit_s=None, every_s=0.05)


@pytest.mark.long
async def test_a_backlog_is_published_with_one_send_for_each_topic_and_batch(tmp_path: Path) -> None:
    without_steps = {"AzureWebJobs.publish_events.Disabled": "true"}
    async with running_shop(data=tmp_path, environment=without_steps) as (_, shop):
        payment_ids = await shop.order_many(50)
    async with running_shop(data=tmp_path) as (platform, shop):
        await shop.finished_many(payment_ids)

        initiated = (await topics(shop.http, platform))["payment-initiated"]

        assert initiated["accepted"] == 50
        assert initiated["sends"] <= 4  # two physical partitions; a page may end where a transaction does
