"""What somebody writes into `events` by hand is held for a person to look at, and delays no payment."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from ops.paths import LETTERS
from shared import flow
from shared.adapters.cosmos.client import open_client
from tests.e2e.conftest import running_shop
from tests.e2e.test_many_payments import all_is_well
from tests.hosts import IS_FOREIGN, patient
from tests.odd_documents import PLACEHOLDER, TOO_DEEP, odd_documents, with_placeholders
from tests.shop import Shop
from tests.waiting import until

WITHOUT_FEED = {"AzureWebJobs.publish_events.Disabled": "true", "AzureWebJobs.project_payments.Disabled": "true"}


async def test_odd_documents_delay_no_payment_and_each_is_held_by_an_open_letter(tmp_path: Path) -> None:
    documents = documents_for_this_host()
    async with (
        running_shop(data=tmp_path, environment=WITHOUT_FEED) as (platform, _),
        open_client(platform.cosmos_connection, proxies=False) as client,
    ):
        events = client.get_database_client(flow.DATABASE).get_container_client(flow.EVENTS)
        for document in documents:
            await events.create_item(document)
    if not IS_FOREIGN:
        break_surrogate_pairs(tmp_path)

    async with running_shop(data=tmp_path, others_send=True) as (_, shop):
        async with asyncio.timeout(patient(60)):
            await all_is_well(shop, await shop.order_many(20))
            letters = await open_letters(shop, number=len(documents))

    found = Counter((letter["step"], letter["reason"]) for letter in letters)
    # the host makes a time of "a time before all time" that there is, so only the step that reads the stream sees it
    assert found == {("publish", "unmappable"): len(documents) - 1, ("create", "unreadable"): 1}


def documents_for_this_host() -> list[dict[str, Any]]:
    """Microsoft's stands still before one of them, and makes other text of half a surrogate pair."""
    if IS_FOREIGN:
        return [document for oddity, document in odd_documents().items() if oddity != TOO_DEEP]
    return [*odd_documents().values(), *with_placeholders().values()]


def break_surrogate_pairs(data: Path) -> None:
    """In the store's file: over the wire the local store takes none."""
    (file,) = data.rglob("cosmos*.sqlite")
    with sqlite3.connect(file) as store:
        changed = store.execute(
            "UPDATE items SET body = replace(body, ?, ?) WHERE instr(body, ?)", (PLACEHOLDER, r"\ud800", PLACEHOLDER)
        )
        assert changed.rowcount == len(with_placeholders())
    store.close()


async def open_letters(shop: Shop, *, number: int) -> list[dict[str, str]]:
    """The open letters, once there are so many."""
    found: list[dict[str, str]] = []

    async def are() -> bool:
        answered = await shop.get(f"{LETTERS}?status=open&limit=100")
        found[:] = answered.body["dead_letters"]
        return len(found) >= number

    await until(are, limit_s=None, every_s=0.1)
    return found
