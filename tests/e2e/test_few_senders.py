"""One sender for all topics, the least that there can be: every payment ends as it should, however it ends."""

import json
from pathlib import Path
from typing import Any

from local.supervisor import TOPOLOGY, Platform
from tests.e2e.conftest import running_shop
from tests.e2e.diagnostics import topics
from tests.e2e.test_many_payments import all_is_well
from tests.shop import Shop
from tests.waiting import until

LANES = 2
"""Connections of our host for each subscription; others have fewer."""
ONE_SENDER = 1
BESIDE = 2
"""One for a ping, one for a drain."""

SENT = {
    "payment-initiated": 5,
    "payment-created": 5,
    "payment-settled": 3,
    "payment-completed": 3,
    "payment-failed": 2,
    "payment-voided": 2,
}
"""By three payments that complete and two whose capture is declined."""


def subscriptions() -> int:
    declared: dict[str, Any] = json.loads(TOPOLOGY.read_text())["serviceBus"]
    return sum(len(topic["subscriptions"]) for topic in declared["topics"])


async def test_all_payments_end_with_one_sender_and_each_event_is_sent_once(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path, environment={"SERVICEBUS_SENDERS": str(ONE_SENDER)}) as (platform, shop):
        completed = await shop.order_many(3, prefix="good")
        failed = await shop.order_many(2, prefix="bad", payment_method="pm_settle_declined")

        await all_is_well(shop, completed)
        for payment_id in failed:
            await shop.finished(payment_id, at=["voided"])

        await until(lambda: has_sent(shop, platform, SENT), every_s=0.1)
        async with shop.http.get(f"{platform.admin_url}/connections") as answered:
            most = (await answered.json())["most"]
        assert most <= LANES * subscriptions() + ONE_SENDER + BESIDE


async def has_sent(shop: Shop, platform: Platform, wanted: dict[str, int]) -> bool:
    """Whether each topic has accepted so many, and no other has any."""
    counted = await topics(shop.http, platform)
    return {name: each["accepted"] for name, each in counted.items() if each["accepted"]} == wanted
