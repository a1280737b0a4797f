"""A topic at its quota, as one becomes whose subscription nobody drains: every payment goes on, and nothing is lost."""

from pathlib import Path

from local.supervisor import Platform
from ops.paths import LETTERS
from tests.e2e.conftest import running_shop
from tests.e2e.diagnostics import topics
from tests.e2e.test_many_payments import all_is_well
from tests.e2e.test_odd_documents import open_letters
from tests.shop import Shop
from tests.waiting import until

COUNT = 10
FULL = {
    "kind": "refuse_sends",
    "topic": "payment-completed",
    "count": 1_000_000,
    "error": "amqp:resource-limit-exceeded",
}


async def test_payments_complete_while_one_topic_refuses_and_its_events_are_sent_later(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path, environment={"TOPIC_PATIENCE_S": "1"}) as (platform, shop):
        async with shop.http.post(f"{platform.admin_url}/faults", json=FULL) as answered:
            assert answered.status < 300
        await all_is_well(shop, await shop.order_many(COUNT, prefix="first"))
        await all_is_well(shop, await shop.order_many(COUNT, prefix="later"))
        letters = await open_letters(shop, number=2 * COUNT)

        async with shop.http.delete(f"{platform.admin_url}/faults") as answered:
            assert answered.status < 300
        await replay(shop, [letter["id"] for letter in letters])

        assert {letter["reason"] for letter in letters} == {"topic_refuses"}
        await until(lambda: are_accepted(shop, platform, at_least=2 * COUNT), every_s=0.1)


async def replay(shop: Shop, letter_ids: list[str]) -> None:
    for letter_id in letter_ids:
        async with shop.http.post(f"{shop.url}{LETTERS}/{letter_id}/replay", json={}) as answered:
            assert answered.status == 200, await answered.text()


async def are_accepted(shop: Shop, platform: Platform, *, at_least: int) -> bool:
    return bool((await topics(shop.http, platform))["payment-completed"]["accepted"] >= at_least)
