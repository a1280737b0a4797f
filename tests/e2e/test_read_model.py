"""The list of payments on the whole platform: whatever the projector went through, it is right in the end."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.processes import ServiceDied
from local.supervisor import Platform
from shared import flow
from shared.adapters.cosmos.client import open_client
from tests.e2e.conftest import running_shop
from tests.e2e.crashing_host import EXIT_CODE
from tests.shop import Shop
from tests.waiting import until

FEW, MANY = 40, 200
LONG = pytest.mark.long
type Payments = list[dict[str, Any]]


async def page_of(shop: Shop, *, limit: int = 200, page: str | None = None, **filters: str) -> dict[str, Any]:
    """One page; waits while the list is being filled."""
    wanted = {"limit": str(limit), **filters, **({"page": page} if page else {})}
    while True:
        async with shop.http.get(f"{shop.url}/api/payments", params=wanted) as response:
            answer: dict[str, Any] = await response.json()
            if response.status == 200:
                return answer
            assert (response.status, answer["code"]) == (503, "list_not_ready"), answer
        await asyncio.sleep(0.2)


async def listed(shop: Shop, *, limit: int = 200, **filters: str) -> Payments:
    """All pages."""
    answer = await page_of(shop, limit=limit, **filters)
    found: Payments = answer["payments"]
    while answer["next_page"]:
        answer = await page_of(shop, limit=limit, page=answer["next_page"], **filters)
        found += answer["payments"]
    return found


async def list_of_now(shop: Shop) -> Payments:
    """Once it has all that is stored when this is called."""
    began = datetime.now(UTC)

    async def is_whole() -> bool:
        return datetime.fromisoformat((await page_of(shop, limit=1))["as_of"]) >= began

    await until(is_whole, limit_s=None, every_s=0.3)
    return await listed(shop)


async def as_each_get_shows(shop: Shop, payment_ids: list[str]) -> Payments:
    """What the list has to be, from the streams."""
    gate = asyncio.Semaphore(8)

    async def one(payment_id: str) -> dict[str, Any]:
        async with gate:
            return dict((await shop.get(f"/api/payments/{payment_id}")).body)

    whole = await asyncio.gather(*(one(payment_id) for payment_id in payment_ids))
    names = ("payment_id", "version", "status", "amount_minor", "currency", "reference", "initiated_at")
    shown = [{name: payment[name] for name in names} for payment in whole]
    return sorted(shown, key=lambda each: (each["initiated_at"], each["payment_id"]), reverse=True)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=LONG)])
async def test_a_projector_that_was_dead_for_many_payments_makes_up_for_it(tmp_path: Path, count: int) -> None:
    async with running_shop(data=tmp_path) as (_, shop):
        ids = await shop.order_many(3, prefix="before")
        await shop.finished_many(ids)
        before = await list_of_now(shop)
        assert before == await as_each_get_shows(shop, ids)
    async with running_shop(data=tmp_path, environment={"AzureWebJobs.project_payments.Disabled": "true"}) as (_, shop):
        ids += await shop.order_many(count, prefix="meanwhile")
        ordered = datetime.now(UTC)
        await shop.finished_many(ids)
        behind = await page_of(shop)
        assert behind["payments"] == before
        assert datetime.fromisoformat(behind["as_of"]) < ordered
    async with running_shop(data=tmp_path) as (_, shop):
        after = await list_of_now(shop)

        assert after == await as_each_get_shows(shop, ids)
        assert len(after) == count + 3
        assert {payment["status"] for payment in after} == {"completed"}


CRASHES = ["after overview.note_month", "before overview.put", "after overview.put"]


async def brought_up_after_each_death(platform: Platform, marks: Path) -> None:
    """Returns when the host has died at every point. It may die before it is ready."""
    death = await platform.first_death()
    while True:
        assert f"{EXIT_CODE}" in str(death)
        lives = len([*marks.iterdir()]) == len(CRASHES)  # noqa: ASYNC240 - a folder of three files
        try:
            await platform.start("host")
            if lives:
                return
            death = await platform.first_death()
        except ServiceDied as died:
            death = died


async def test_a_projector_that_is_killed_between_any_two_writes_goes_on(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    environment = {"CRASH_POINTS": ",".join(CRASHES), "CRASH_MARKS": str(marks)}
    modules = {"host": "tests.e2e.crashing_host"}
    async with running_shop(data=tmp_path / "data", environment=environment, modules=modules) as (platform, shop):
        ordering = asyncio.create_task(shop.order_many(5))
        await brought_up_after_each_death(platform, marks)
        ids = await ordering
        await shop.finished_many(ids)

        assert await list_of_now(shop) == await as_each_get_shows(shop, ids)


async def empty_read_model(platform: Platform) -> None:
    """While the host is dead: the rows and the projector's leases, as docs/operations.md says."""
    async with open_client(platform.cosmos_connection, proxies=False) as client:
        database = client.get_database_client(flow.DATABASE)
        rows, leases = (database.get_container_client(name) for name in (flow.PAYMENTS, flow.LEASES))
        async for row in rows.query_items("SELECT c.id, c.merchant_month FROM c"):
            await rows.delete_item(row["id"], partition_key=row["merchant_month"])
        async for lease in leases.query_items("SELECT c.id FROM c"):
            if lease["id"].startswith(flow.PROJECT_LEASE_PREFIX):
                await leases.delete_item(lease["id"], partition_key=lease["id"])


async def test_a_list_that_is_rebuilt_from_nothing_is_the_same(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        ids = await shop.order_many(FEW)
        ids += [await shop.order(f"declined-{number}", payment_method="pm_declined") for number in range(3)]
        await shop.finished_many(ids)
        before = await list_of_now(shop)
        await platform.kill("host")
        await empty_read_model(platform)

        await platform.start("host")

        after = await list_of_now(shop)
        assert after == before == await as_each_get_shows(shop, ids)
        failed = await listed(shop, status="failed", limit=2)
        assert failed == [payment for payment in before if payment["status"] == "failed"]
        assert len(failed) == 3


async def test_whoever_pages_while_payments_come_in_sees_what_was_there_once(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (_, shop):
        ids = await shop.order_many(FEW)
        await shop.finished_many(ids)
        before = [payment["payment_id"] for payment in await list_of_now(shop)]
        first = await page_of(shop, limit=3)
        ordering = asyncio.create_task(shop.order_many(FEW, prefix="meanwhile"))

        seen, page = [payment["payment_id"] for payment in first["payments"]], first["next_page"]
        while page:
            answer = await page_of(shop, limit=3, page=page)
            seen += [payment["payment_id"] for payment in answer["payments"]]
            page = answer["next_page"]

        assert seen == before
        ids += await ordering
        await shop.finished_many(ids)
        assert {payment["payment_id"] for payment in await list_of_now(shop)} == {*ids}
