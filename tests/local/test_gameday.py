"""The game day: what it takes for a finding, what it takes for a sign, what the report shows.

The judge and the watch are asked over an app and a provider that answer what each test wants.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from local.gameday import day, judge
from local.gameday.command import QUICK, WITHOUT_SWEEP, main
from local.gameday.day import Day, Outcome, play
from local.gameday.faults import SCENARIOS, Field
from local.gameday.judge import findings, of_stream
from local.gameday.poison import TOPIC
from local.gameday.report import report
from local.gameday.shop import Shop
from local.gameday.watch import LATE_S, Look, Watch
from local.keeper import CannotBeDone
from local.provider.wire import listening
from local.supervisor import ROOT
from shared import flow

NAMES = ["payment.initiated", "payment.created", "payment.settled", "payment.completed"]
EVENTS = [{"version": n, "type": name} for n, name in enumerate(NAMES, 1)]
CHARGE = {"payment_id": "p1", "times_charged": 1, "amount_minor": 1250, "currency": "EUR"}
NOTICE = {"payment_id": "p1", "times_accepted": 1}
ROW = {"id": "p1", "owes": None, "moved_at": "2026-01-01T00:00:00+00:00"}

LETTERS = {"/api/ops/dead-letters": {"dead_letters": [{"id": "l1"}]}}

type Json = dict[str, Any]


class Played:
    """What app and provider answer, by path: a status code, or a document."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "/api/payments/p1": {"status": "completed"},
            "/api/payments/p1/events": {"events": EVENTS},
            "/api/ops/payments": {"payments": [ROW]},
            "/api/ops/dead-letters": {"dead_letters": []},
            "/api/health/ready": {},
            "/charges": {"charges": [CHARGE]},
            "/merchant/notifications": {"notifications": [NOTICE]},
        }

    async def answer(self, request: web.Request) -> web.Response:
        found = self.answers[request.path]
        return web.Response(status=found) if isinstance(found, int) else web.json_response(found)


@asynccontextmanager
async def played() -> AsyncIterator[tuple[Played, Shop]]:
    world = Played()
    application = web.Application()
    application.router.add_get("/{path:.*}", world.answer)
    async with listening(application, 0) as port, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        yield world, Shop(http, url, url, ordered={"bus-1": "p1"})


@pytest.fixture
def reconciled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Shop) -> list[str]:
        return []

    monkeypatch.setattr(judge, "_reconciled", nothing)


# --- what is a finding


@pytest.mark.usefixtures("reconciled")
async def test_a_payment_that_went_well_is_no_finding() -> None:
    async with played() as (_, shop):
        assert await findings(shop) == []


@pytest.mark.usefixtures("reconciled")
@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/charges", {"charges": [{**CHARGE, "times_charged": 2}]}, "the provider took the money 2 times"),
        ("/charges", {"charges": []}, "the provider took the money 0 times"),
        ("/charges", {"charges": [{**CHARGE, "amount_minor": 1251}]}, "the provider took 1251 EUR, and not 1250 EUR"),
        ("/api/payments/p1", {"status": "settled"}, "it is settled, and was to be completed"),
        ("/api/payments/p1", 404, "GET /api/payments/p1 answered 404"),
        ("/api/payments/p1/events", {"events": EVENTS[:3]}, "payment.completed is there 0 times"),
        ("/merchant/notifications", {"notifications": []}, "its merchant was not told"),
        ("/merchant/notifications", {"notifications": [{**NOTICE, "times_accepted": 0}]}, "its merchant was not told"),
    ],
)
async def test_what_was_lost_or_done_twice_is_found(path: str, answer: Any, words: str) -> None:
    async with played() as (world, shop):
        world.answers[path] = answer

        assert await findings(shop) == [f"bus-1 (p1): {words}"]


@pytest.mark.usefixtures("reconciled")
async def test_an_order_that_became_two_payments_is_found() -> None:
    """Each of them is charged once, completed and told of; the customer has paid twice."""
    async with played() as (world, shop):
        world.answers["/charges"] = {"charges": [CHARGE, {**CHARGE, "payment_id": "p2"}]}

        assert await findings(shop) == ["the provider took money for p2, which nobody has ordered"]


@pytest.mark.usefixtures("reconciled")
async def test_two_orders_that_became_one_payment_are_found() -> None:
    async with played() as (_, shop):
        shop.ordered["bus-2"] = "p1"

        assert await findings(shop) == ["2 orders were answered with the same payment p1"]


@pytest.mark.usefixtures("reconciled")
async def test_a_day_without_orders_is_no_good_day() -> None:
    async with played() as (world, shop):
        shop.ordered.clear()
        world.answers["/charges"] = {"charges": []}

        assert await findings(shop) == ["no order was accepted, so nothing was judged"]


async def test_what_the_operators_command_finds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "ROOT", Path("/"))  # where no `ops` is: it ends with another code than 0
    async with played() as (_, shop):
        (found,) = await findings(shop)

    assert found.startswith("reconcile: ")
    assert "No module named ops" in found


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([*EVENTS, {"version": 6, "type": "payment.resumed"}], []),
        ([*EVENTS, {"version": 5, "type": "payment.settled"}], ["payment.settled is there 2 times"]),
        ([EVENTS[1], EVENTS[0], *EVENTS[2:]], ["its versions are [2, 1, 3, 4]"]),
        ([*EVENTS, {"version": 4, "type": "payment.parked"}], ["its versions are [1, 2, 3, 4, 4]"]),
        ([], ["its versions are []", *(f"{name} is there 0 times" for name in NAMES)]),
    ],
)
def test_a_stream_holds_each_fact_once_and_goes_forward(events: list[Json], words: list[str]) -> None:
    assert of_stream(events) == words


def outcome(*, seen_at_s: float | None = 8.0, well_at_s: float | None = 25.0) -> Outcome:
    scenario = next(each for each in SCENARIOS if each.name == "bus")
    looks = [Look(0.0, 0, [], []), Look(8.0, 3, [], ["payments stand still"]), Look(25.0, 0, [{"id": "l1"}], [])]
    return Outcome(scenario, 3.0, 15.0, seen_at_s, "payments stand still", well_at_s, payments=7, looks=looks)


def test_what_was_seen_and_over_in_time_is_no_finding() -> None:
    assert outcome().findings() == []


@pytest.mark.parametrize(
    ("seen_at_s", "well_at_s", "words"),
    [
        (23.5, 25.0, "bus: seen after 20.5 s, and not within 20 s"),
        (None, 25.0, "bus: seen never, and not within 20 s"),
        (8.0, 105.5, "bus: all was well after 90.5 s, and not within 90 s"),
        (8.0, None, "bus: all was well never, and not within 90 s"),
    ],
)
def test_what_took_too_long_is_a_finding(seen_at_s: float | None, well_at_s: float | None, words: str) -> None:
    assert outcome(seen_at_s=seen_at_s, well_at_s=well_at_s).findings() == [words]


def test_a_fault_that_met_no_payment_and_one_that_could_not_be_made_are_findings() -> None:
    quiet = outcome()
    quiet.payments, quiet.troubles = 0, ["it could not be done: TimeoutError()"]

    assert quiet.findings() == [
        "bus: it could not be done: TimeoutError()",
        "bus: no order was accepted, so nothing was tried",
    ]


@pytest.mark.timeout(60)
async def test_a_fault_that_cannot_be_made_does_not_end_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Field) -> None:
        raise CannotBeDone("servicebus has just died")

    async def orders(self: Shop, _: str) -> None:
        await asyncio.sleep(0.1)
        raise KeyError("payment_id")

    monkeypatch.setattr(day, "BEFORE_S", 0.2)
    monkeypatch.setattr(Shop, "order_all_the_time", orders)
    scenario = replace(SCENARIOS[0], name="bus", hurts=fails, heals=fails, hold_s=0.1)
    async with played() as (_, shop):
        outcome = await play(scenario, field=cast("Field", None), shop=shop)

    assert outcome.troubles == [
        *["it could not be done: CannotBeDone('servicebus has just died')"] * 2,
        "the merchant could not order: KeyError('payment_id')",
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [({}, {}, None), ({}, {"/api/health/ready": 503}, "the app says that it is not ready"), (LETTERS, {}, None)],
)
async def test_a_fault_is_seen_by_what_was_not_to_be_seen_before_it(
    before: Json, after: Json, seen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return

    monkeypatch.setattr(day, "BEFORE_S", 0.2)
    monkeypatch.setattr(Shop, "order_all_the_time", nothing)
    monkeypatch.setattr(Shop, "look_after", nothing)
    async with played() as (world, shop):

        async def hurts(_: Field) -> None:
            world.answers |= after

        world.answers |= before
        scenario = replace(SCENARIOS[0], name="bus", hurts=hurts, heals=nothing, hold_s=0.1, well_within_s=0.1)
        outcome = await play(scenario, field=cast("Field", None), shop=shop)

    assert outcome.first_sign == seen
    assert (outcome.seen_after_s is None) == (seen is None)


# --- what is a sign


class Since:
    """The list of payments, where one has last moved so long ago."""

    def __init__(self, seconds: float, **changes: Any) -> None:
        self.ago, self.changes = timedelta(seconds=seconds), changes

    def listed(self) -> Json:
        return {"payments": [{**ROW, "moved_at": (datetime.now(UTC) - self.ago).isoformat(), **self.changes}]}


@pytest.mark.parametrize(
    ("path", "answer", "signs"),
    [
        ("/api/health/ready", {}, []),
        ("/api/health/ready", 503, ["the app says that it is not ready"]),
        ("/api/ops/payments", 503, ["operators get no answer"]),
        ("/api/ops/dead-letters", 503, ["operators get no answer"]),
        ("/api/ops/dead-letters", {"dead_letters": [{"id": "l1"}]}, ["letters are open"]),
        ("/api/ops/payments", Since(LATE_S + 1, owes="settle"), ["payments stand still"]),
        ("/api/ops/payments", Since(LATE_S - 3, owes="settle"), []),
        ("/api/ops/payments", Since(LATE_S + 1), []),
    ],
)
async def test_a_sign_is_what_an_operator_can_see(path: str, answer: Any, signs: list[str]) -> None:
    async with played() as (world, shop):
        world.answers[path] = answer.listed() if isinstance(answer, Since) else answer

        assert (await Watch(shop, "bus").look()).signs == signs


async def test_an_app_that_is_gone_and_orders_that_are_refused_are_signs() -> None:
    async with played() as (_, shop):
        watch = Watch(shop, "bus")
        shop.refusals += 1
        refused = await watch.look()
        after = await watch.look()
    async with aiohttp.ClientSession() as http:
        gone = await Watch(Shop(http, shop.url, shop.url), "bus").look()

    assert (refused.signs, after.signs) == (["orders are refused"], [])
    assert gone.signs == ["the app does not answer", "operators get no answer"]


async def test_a_payment_that_no_list_shows_yet_is_under_way_and_one_of_another_fault_is_not_counted() -> None:
    async with played() as (world, shop):
        watch = Watch(shop, "bus")
        at_rest = await watch.look()
        shop.ordered |= {"bus-2": "p2", "host-1": "p3"}
        unlisted = await watch.look()
        world.answers["/api/ops/payments"] = {
            "payments": [{**ROW, "owes": "create"}, {**ROW, "id": "p2"}, {**ROW, "id": "p3", "owes": "settle"}]
        }
        moving = await watch.look()

    assert [look.under_way for look in (at_rest, unlisted, moving)] == [0, 1, 1]


# --- the report


def test_the_report_shows_each_fault_with_its_times_and_its_picture() -> None:
    page = report(Day(datetime(2026, 1, 1, 12, 0, tzinfo=UTC), [outcome()], findings=[], payments=7))

    assert "<h1>Game day: nothing lost, nothing charged twice, all in time</h1>" in page
    assert "<td>7<td>5.0 s of 20 s<td>payments stand still<td>10.0 s of 90 s" in page
    picture = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert picture is not None
    assert picture[0].count("<polyline") == 2
    assert ">seen</text>" in picture[0]
    assert ">well</text>" in picture[0]


def test_a_report_with_findings_says_so_first_and_what_is_text_stays_text() -> None:
    late = outcome(well_at_s=None)
    page = report(Day(datetime.now(UTC), [late], findings=["<script>alert(1)</script>", *late.findings()], payments=7))

    assert "<h1>Game day: 2 findings</h1>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<td class=bad>never of 90 s" in page
    assert "http" not in page.replace("http-equiv", ""), "it is read without a network"


# --- held together with the product


def test_each_fault_is_told_apart_and_has_limits() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(0 < scenario.seen_within_s < scenario.well_within_s for scenario in SCENARIOS)


def test_the_day_names_topics_settings_and_functions_that_exist() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    swept = (ROOT / "functions" / "sweep.py").read_text()

    assert TOPIC in flow.TOPIC_OF.values()
    assert [name for name in QUICK if f"`{name}`" not in documented] == []
    assert [name for name in WITHOUT_SWEEP if f'"{name.split(".")[1]}"' not in swept] == []


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_fault_is_played_whole_and_the_report_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()

    exit_code = main(["--data", str(tmp_path), "--only", "host", "--only", "poison"])

    said = capfd.readouterr()
    assert exit_code == 0, said
    assert "0 findings" in said.out
    assert "host is back after" in said.out
    assert (tmp_path / "gameday.html").read_text().count("<svg") == 2
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
