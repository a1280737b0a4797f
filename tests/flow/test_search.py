"""A merchant lists payments: theirs, newest first, page by page, and is told how old the list may be."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.codec.values import time_to_json
from shared.verbs.accept import By, Initiate, accept
from shared.verbs.search import LOOKS
from tests.builders import NOON, a_payment
from tests.flow.kit.doors import LOCAL
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.rows import all_is_read, project_payment, project_stories, requests
from tests.flow.kit.world import World, a_world

SEARCH = "search_payments"


@asynccontextmanager
async def a_shop(tmp_path: Path, **options: Any) -> AsyncIterator[tuple[World, Edge]]:
    """A world whose read model was filled once, when there was nothing."""
    async with a_world(tmp_path, **options) as world:
        await all_is_read(world)
        yield world, Edge(world)


def of_merchant(world: World, merchant_id: str) -> Edge:
    return Edge(world, doors=replace(LOCAL, merchant_id=merchant_id))


async def listed(edge: Edge, **params: str) -> list[str]:
    """The ids on one page."""
    answered = await edge.ask(SEARCH, params=params)
    assert answered.status == 200, answered
    return [payment["payment_id"] for payment in answered.body["payments"]]


async def pages(edge: Edge, **params: str) -> list[list[str]]:
    """The ids of every page to the end."""
    found: list[list[str]] = []
    page: Mapping[str, str] = {}
    while True:
        answered = await edge.ask(SEARCH, params={**params, **page})
        assert answered.status == 200, answered
        found.append([payment["payment_id"] for payment in answered.body["payments"]])
        if answered.body["next_page"] is None:
            return found
        page = {"page": answered.body["next_page"]}


def refusal(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.body["code"]


async def test_a_list_shows_each_payment_as_a_get_shows_it(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        ids = []
        for method in ("pm_ok", "pm_declined", "pm_settle_down"):
            ids.append(await world.accept(method))
            world.clock.advance_s(1)
        await world.run()
        await all_is_read(world)

        answered = await edge.ask(SEARCH)

        shown = answered.body["payments"]
        assert [payment["payment_id"] for payment in shown] == ids[::-1]
        assert [payment["status"] for payment in shown] == ["created", "failed", "completed"]
        for payment in shown:
            whole = (await edge.ask("get_payment", payment_id=payment["payment_id"])).body
            assert payment == {name: whole[name] for name in payment}
        assert (answered.body["next_page"], answered.body["lag_s"]) == (None, 0)
        assert answered.body["as_of"] == time_to_json(world.clock.now())
        assert answered.headers["Cache-Control"] == "no-store"


async def test_a_list_shows_nothing_but_what_is_public(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        await project_payment(world)

        answered = await edge.ask(SEARCH)

        (payment,) = answered.body["payments"]
        names = {"payment_id", "version", "status", "amount_minor", "currency", "reference", "initiated_at"}
        assert {*payment} == names
        assert {*answered.body} == {"payments", "next_page", "as_of", "lag_s"}


async def test_payments_of_two_merchants_never_mix(tmp_path: Path) -> None:
    """They are told apart by the merchant in their events, whoever projects them."""
    async with a_shop(tmp_path) as (world, edge):
        mine = await world.accept("pm_ok")
        theirs = await _accepted_for(world, "merchant-2")
        await world.run()
        await all_is_read(world)

        assert await listed(edge) == [mine]
        assert await listed(of_merchant(world, "merchant-2")) == [theirs]
        assert await listed(of_merchant(world, "merchant-3")) == []


async def _accepted_for(world: World, merchant_id: str) -> str:
    command = Initiate(
        amount=a_payment().payment.amount,
        payment_method="pm_ok",
        reference="order-1",
        description=None,
        metadata={},
        notification_url=None,
    )
    by = By(merchant_id=merchant_id, idempotency_key=None, traceparent=None)
    accepted: Any = await accept(command, by=by, services=world.services)
    return str(accepted.stored.payment.payment_id)


async def test_pages_go_through_all_months_and_show_each_payment_once(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        months = [datetime(2025, month, day, tzinfo=UTC) for month in (12, 11, 8) for day in (28, 3)]
        ids = [await project_payment(world, at=at) for at in months]
        same = sorted([await project_payment(world) for _ in range(3)], reverse=True)

        assert await pages(edge, limit="2") == [same[:2], [same[2], ids[0]], ids[1:3], ids[3:5], ids[5:]]
        assert await pages(edge, limit="3") == [same, ids[:3], ids[3:]], "the last page is full, and there is no other"
        assert await pages(edge) == [same + ids]


async def test_what_comes_in_between_two_pages_neither_repeats_nor_hides_what_was_there(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        ids = [await project_payment(world, at=NOON - timedelta(hours=number)) for number in range(9)]
        seen: list[str] = []
        page: Mapping[str, str] = {}
        for number in range(5):
            answered = await edge.ask(SEARCH, params={"limit": "2", **page})
            seen += [payment["payment_id"] for payment in answered.body["payments"]]
            page = {"page": answered.body["next_page"]}
            await project_payment(world, at=NOON + timedelta(minutes=number))
            moved = a_payment(payment_id=ids[number], occurred_at=NOON - timedelta(hours=number)).created()
            await project_stories(world, moved.stored)

        assert seen == ids


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"status": "settled"}, ["c", "b"]),
        ({"status": "voided"}, []),
        ({"reference": "order-2"}, ["d", "c"]),
        ({"reference": "order"}, []),
        ({"status": "settled", "reference": "order-2"}, ["c"]),
        ({"initiated_from": "2026-01-02T12:02:00.123456Z"}, ["d", "c"]),
        ({"initiated_before": "2026-01-02T12:02:00.123456Z"}, ["b", "a"]),
        (
            {"initiated_from": "2026-01-02T13:01:00.123456+01:00", "initiated_before": "2026-01-02T12:03:00Z"},
            ["c", "b"],
        ),
        ({"initiated_from": "2026-01-02T12:01:00.123457Z", "status": "settled"}, ["c"]),
        ({"initiated_from": "2027-01-01T00:00:00Z"}, []),
        ({"initiated_before": "2025-01-01T00:00:00Z"}, []),
        ({"initiated_before": "9999-12-31T23:59:59-12:00", "status": "settled"}, ["c", "b"]),
        ({"initiated_from": "0001-01-01T00:00:00+12:00", "reference": "order-2"}, ["d", "c"]),
    ],
)
async def test_payments_are_found_by_status_reference_and_time(
    tmp_path: Path, params: dict[str, str], expected: list[str]
) -> None:
    """a to d, a minute apart."""
    async with a_shop(tmp_path) as (world, edge):
        for number, (name, reference, is_settled) in enumerate(
            [("a", "order-1", False), ("b", "order-1", True), ("c", "order-2", True), ("d", "order-2", False)]
        ):
            payment_id = f"00000000-0000-4000-8000-00000000000{name}"
            story = a_payment(payment_id=payment_id, reference=reference, occurred_at=NOON + timedelta(minutes=number))
            await project_stories(world, (story.created().settled() if is_settled else story).stored)

        assert [each[-1] for each in await listed(edge, **params)] == expected
        assert [one[-1] for (one,) in filter(None, await pages(edge, limit="1", **params))] == expected


async def test_a_page_looks_only_into_months_that_hold_payments(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        first = await project_payment(world, at=datetime(2016, 1, 1, tzinfo=UTC))
        last = await project_payment(world)
        await listed(edge)
        await requests(world.backends)

        found = await listed(edge)

        asked = await requests(world.backends)
        assert found == [last, first]
        assert {name: count for name, (count, _) in asked.items()} == {"query": 3}, "the months, then two of them"


@pytest.mark.parametrize("status", ["failed", "initiated"])
async def test_a_page_looks_into_so_many_months_and_no_more(tmp_path: Path, status: str) -> None:
    """A rare status in years of payments takes several pages, some of which may be short or empty."""
    async with a_shop(tmp_path) as (world, edge):
        times = [datetime(2022 + number // 12, number % 12 + 1, 5, tzinfo=UTC) for number in range(40)]
        ids = [await project_payment(world, at=at) for at in times]
        await listed(edge)
        await requests(world.backends)

        found = await pages(edge, status=status)

        asked = await requests(world.backends)
        assert [payment_id for page in found for payment_id in page] == (ids[::-1] if status == "initiated" else [])
        assert len(found) == 4
        assert len(found[0]) == (LOOKS if status == "initiated" else 0)
        assert asked["query"][0] <= len(found) * (LOOKS + 1)


async def test_a_cursor_is_good_for_the_list_that_gave_it_and_for_no_other(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        for merchant_id in ("merchant-1", "merchant-2"):
            for _ in range(3):
                await project_payment(world, merchant_id=merchant_id)
        cursor = (await edge.ask(SEARCH, params={"limit": "1"})).body["next_page"]

        elsewhere = of_merchant(world, "merchant-2")
        others = [
            await elsewhere.ask(SEARCH, params={"page": cursor}),
            await edge.ask(SEARCH, params={"page": cursor, "status": "initiated"}),
            await edge.ask(SEARCH, params={"page": cursor, "reference": "order-1"}),
            await edge.ask(SEARCH, params={"page": cursor, "initiated_from": "2026-01-01T00:00:00Z"}),
            await edge.ask(SEARCH, params={"page": cursor, "initiated_before": "2027-01-01T00:00:00Z"}),
            await edge.ask("list_payments", params={"page": cursor}),
            await edge.ask(SEARCH, params={"page": "made-up"}),
        ]

        assert [refusal(answered) for answered in others] == [(422, "page_unknown")] * len(others)
        assert len(await listed(edge, page=cursor, limit="2")) == 2, "how many are on a page may change"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"limit": "0"}, "out_of_range"),
        ({"limit": "201"}, "out_of_range"),
        ({"limit": "ten"}, "wrong_type"),
        ({"status": "unknown"}, "unknown_value"),
        ({"status": "Settled"}, "unknown_value"),
        ({"reference": ""}, "too_short"),
        ({"reference": "r" * 65}, "too_long"),
        ({"reference": "\ud800"}, "control_character"),
        ({"initiated_from": "2026-01-02T12:00:00"}, "malformed"),
        ({"initiated_from": "yesterday"}, "malformed"),
        ({"page": ""}, "too_short"),
        ({"page": "p" * 513}, "too_long"),
        ({"state": "settled"}, "unknown_field"),
        ({"merchant_id": "merchant-2"}, "unknown_field"),
    ],
)
async def test_a_question_that_makes_no_sense_is_named(tmp_path: Path, params: dict[str, str], code: str) -> None:
    async with a_shop(tmp_path) as (_, edge):
        refused = await edge.ask(SEARCH, params=params)

        assert refusal(refused) == (422, "request_invalid")
        assert [(fault["field"], fault["code"]) for fault in refused.body["errors"]] == [(*params, code)]


async def test_a_range_that_ends_before_it_begins_holds_nothing(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        await project_payment(world, at=NOON)
        later, moment = "2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z"

        assert await listed(edge, initiated_from=moment, initiated_before=later) != []
        assert await listed(edge, initiated_from=later, initiated_before=moment) == []
        assert await listed(edge, initiated_from=moment, initiated_before=moment) == []


async def test_the_key_of_the_function_is_no_filter(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (_, edge):
        assert await listed(edge, code="the-key-of-the-host") == []


async def test_every_other_fault_of_the_store_is_told_as_for_any_get(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as (world, edge):
        await listed(edge)
        await world.backends.break_store(429, operation="query", retry_after_ms=1, count=10_000)
        refused = await edge.ask(SEARCH)
        await world.backends.mend_store()

        assert refusal(refused) == (429, "store_throttles")
        assert await listed(edge) == []
