"""The sample subscriber, as its README says to run it: each payment is counted once, whatever comes twice."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.processes import Child, Command
from local.supervisor import ROOT, Platform
from tests.e2e.conftest import running_shop
from tests.e2e.fault_injection import publish_all_again
from tests.shop import Shop
from tests.topologies import SHORTEST_LOCK, declared
from tests.waiting import until

APP = ROOT / "examples" / "subscriber"
SUBSCRIPTIONS = [{"topic": topic, "name": "daily-totals"} for topic in ("payment-settled", "payment-refunded")]
PAYMENTS = 20


def as_the_readme_says(folder: Path) -> Path:
    """The product's topology with the two subscriptions. It takes a repeat again after a second, and gives back soon
    what one who was killed had locked.
    """
    said = (APP / "README.md").read_text().split("```json\n")[1].split("```")[0]
    topology = declared()
    topology["serviceBus"].update(json.loads(f"{{{said}}}"))
    assert topology["serviceBus"]["externalSubscriptions"] == SUBSCRIPTIONS
    for each in topology["serviceBus"]["externalSubscriptions"]:
        each["lockDuration"] = SHORTEST_LOCK
    for topic in topology["serviceBus"]["topics"]:
        if topic["duplicateDetectionWindow"]:
            topic["duplicateDetectionWindow"] = "PT1S"
        for each in topic["subscriptions"]:
            each["lockDuration"] = SHORTEST_LOCK
    path = folder / "topology.json"
    path.write_text(json.dumps(topology))
    return path


class Subscriber:
    """The example as a process, over the host that a reader would start."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        bus = {"ServiceBusConnection": platform.settings()["ServiceBusConnection"]}
        totals = {"TOTALS_FILE": str(folder / "totals.sqlite"), "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
        host = [sys.executable, "-m", "local", "host", "--app", str(APP), "--port", "0"]
        self._command = Command("subscriber", host, ROOT, {**os.environ, **bus, **totals}, folder / "subscriber.log")
        self.url = ""
        self.child: Child

    async def start(self) -> None:
        self.child = await Child.start(self._command)
        self.url = f"http://127.0.0.1:{await self.child.ready(60)}/api/totals"


@asynccontextmanager
async def running_subscriber(platform: Platform, folder: Path) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(platform, folder)
    await subscriber.start()
    try:
        yield subscriber
    finally:
        await subscriber.child.kill()


async def totals(shop: Shop, subscriber: Subscriber) -> dict[str, Any]:
    """Summed over the days: a test may begin before midnight."""
    async with shop.http.get(subscriber.url) as answer:
        rows = (await answer.json())["totals"]
    return {name: sum(row[name] for row in rows) for name in ("payments", "settled_minor", "refunded_minor")}


@pytest.mark.timeout(120)
async def test_twenty_payments_are_counted_once_while_feed_and_broker_deliver_twice(tmp_path: Path) -> None:
    topology = as_the_readme_says(tmp_path)
    async with (
        running_shop(data=tmp_path / "data", topology=topology) as (platform, shop),
        running_subscriber(platform, tmp_path) as subscriber,
    ):
        for topic in ("payment-settled", "payment-refunded"):
            await shop.http.post(
                f"{platform.admin_url}/faults", json={"kind": "deliver_twice", "topic": topic, "count": 5}
            )
        payment_ids = await shop.order_many(PAYMENTS)
        await shop.finished_many(payment_ids)
        for payment_id in payment_ids[:4]:
            refund = await shop.refund(payment_id, key="half", amount_minor=500)
            assert refund.status == 202
            await shop.refunded(payment_id)

        await subscriber.child.kill()
        await platform.kill("host")
        await publish_all_again(platform)
        await platform.start("host")
        await subscriber.start()

        async def all_was_published_again() -> bool:
            async with shop.http.get(f"{platform.admin_url}/entities") as answer:
                entities = await answer.json()
            there = [entities[each["topic"]]["subscriptions"][each["name"]] for each in SUBSCRIPTIONS]
            repeats = entities["payment-settled"]["accepted"] >= 2 * PAYMENTS
            return repeats and not any(each["active"] or each["locked"] for each in there)

        await until(all_was_published_again, limit_s=60, every_s=0.1)
        expected = {"payments": PAYMENTS, "settled_minor": PAYMENTS * 1250, "refunded_minor": 4 * 500}
        assert await totals(shop, subscriber) == expected


def test_the_example_uses_nothing_of_the_project() -> None:
    for file in APP.glob("*.py"):
        text = file.read_text()
        assert not [name for name in ("shared", "functions", "local", "ops") if f"from {name}" in text]
