"""SIGTERM, as a platform stops an instance: what is under way is finished or cut, and each payment is charged once."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.conftest import running_shop
from tests.facts import COMPLETED, facts_in
from tests.shop import Shop
from tests.topologies import SHORTEST_LOCK, changed_topology
from tests.waiting import until

COUNT = 60
OUTLASTS_A_STOP = {"PROVIDER_TIMEOUT_S": "25", "TURN_LIMIT_S": "30", "NEVER_SEEN_AFTER_S": "1"}
"""The host lets work go on for ten seconds."""


async def asked_for(shop: Shop, *, at_least: int) -> None:
    """Wait until so many calls have reached the provider."""

    async def are() -> bool:
        return len(await shop.charges()) >= at_least

    await until(are, limit_s=None, every_s=0.05)


async def all_are_charged_once(shop: Shop, payment_ids: list[str]) -> None:
    payments = await shop.finished_many(payment_ids)
    assert {payment["status"] for payment in payments} == {"completed"}
    charges = await shop.charges()
    assert {charges[payment_id]["times_charged"] for payment_id in payment_ids} == {1}
    for payment_id in payment_ids:
        assert facts_in(event["type"] for event in await shop.events(payment_id)) == COMPLETED


async def test_all_complete_although_the_host_is_told_to_stop_in_the_middle(tmp_path: Path) -> None:
    topology = changed_topology(tmp_path, lock_duration=SHORTEST_LOCK)
    async with running_shop(data=tmp_path, topology=topology) as (platform, shop):
        ordering = asyncio.create_task(shop.order_many(COUNT, payment_method="pm_slow"))
        await asked_for(shop, at_least=10)

        await platform.stop("host")
        await platform.start("host")

        await all_are_charged_once(shop, await ordering)


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_a_turn_that_the_stop_cuts_is_asked_about_and_not_sent_again(tmp_path: Path) -> None:
    topology = changed_topology(tmp_path, lock_duration=SHORTEST_LOCK)
    async with running_shop(data=tmp_path, topology=topology, environment=OUTLASTS_A_STOP) as (platform, shop):
        payment_ids = await shop.order_many(5, payment_method="pm_times_out_once")
        await asked_for(shop, at_least=5)

        await platform.stop("host")
        await platform.start("host")

        await all_are_charged_once(shop, payment_ids)
