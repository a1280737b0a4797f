"""`reconcile --settlement`: what is asked, how often, and what is then reported."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ops.reconciling import asking
from ops.reconciling.settlement import COLUMNS
from tests.ops.scripted import Json, Scripted, ops
from tests.ops.told import Told, at, created

PAID = created().settled("cap_1")
REFUNDED = PAID.refund_requested().refunded("re_1")


def capture(payment_id: str, *, reference: str = "cap_1", amount_minor: int = 1250, minute: float = 2) -> str:
    return f"capture,{reference},{payment_id},{amount_minor},EUR,{at(minute)}"


def dispute(payment_id: str, *, minute: float) -> str:
    return f"dispute,dp_1,{payment_id},1250,EUR,{at(minute)}"


def written(folder: Path, lines: Iterable[str], *, name: str = "f.csv") -> str:
    path = folder / name
    path.write_text("\n".join([",".join(COLUMNS), *lines, ""]))
    return str(path)


def row(payment_id: str, **changes: object) -> Json:
    return {"id": payment_id, "initiated_at": at(0), "moved_at": at(2), **changes}


def knows(app: Scripted, told: Mapping[str, Told], *, rows: Iterable[Json] = ()) -> None:
    """The streams of the app, and what its read model lists as settled."""
    app.on("GET /api/ops/payments", (200, {"payments": list(rows), "next_page": None, "as_of": at(9)}))
    for payment_id, each in told.items():
        app.on(f"GET /api/ops/payments/{payment_id}/events", (200, {"events": each.events}))


async def run(app: Scripted, file: str, *options: str) -> int:
    return await ops(app, "reconcile", "--settlement", file, "--patience", "0s", *options)


def looked_at(app: Scripted) -> list[str]:
    """The payments whose events were asked for."""
    return sorted(asked.path.split("/")[-2] for asked in app.asked if asked.path.endswith("/events"))


async def test_a_file_that_agrees_costs_one_look_at_each_payment(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {"a": REFUNDED, "b": PAID}, rows=[row("a"), row("b")])
    lines = [capture("a"), capture("b"), f"refund,re_1,a,500,EUR,{at(4)}"]

    code = await run(app, written(tmp_path, lines))

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 lines about 2 payments, from 2026-01-02T12:02:00Z to 2026-01-02T12:04:00.000001Z",
        "no difference",
    ]
    assert looked_at(app) == ["a", "b"]
    assert len(app.asked) == 3


async def test_each_type_is_told_with_its_line_and_both_references(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, dict.fromkeys(("a", "b", "c", "d"), PAID), rows=[row("c")])
    lines = [capture("a", amount_minor=99), capture("b", reference="cap_9"), capture("d"), capture("d")]

    code = await run(app, written(tmp_path, lines), "--since", at(0), "--json")

    document = json.loads(capsys.readouterr().out)
    found = {(each["payment_id"], each["kind"]): each for each in document["differences"]}
    assert code == 1
    assert {key: (each["type"], each["of"]) for key, each in found.items()} == {
        ("a", "amount_differs"): ("amount_differs", "capture"),
        ("b", "charged_not_recorded"): ("missing_here", "capture"),
        ("b", "recorded_not_charged"): ("missing_there", "capture"),
        ("c", "recorded_not_charged"): ("missing_there", "capture"),
        ("d", "listed_twice"): ("twice", "capture"),
    }
    assert (document["lines"], document["payments"], document["since"]) == (4, 3, at(0))
    differs = found["a", "amount_differs"]
    assert differs["provider"] == {"reference": "cap_1", "amount_minor": 99, "currency": "EUR", "line": "f.csv:2"}
    assert differs["stream"] == {"reference": "cap_1", "amount_minor": 1250, "currency": "EUR"}
    assert differs["since"] == at(2)
    assert found["c", "recorded_not_charged"]["provider"] is None
    assert found["d", "listed_twice"]["stream"]["reference"] == "cap_1"


async def test_people_see_the_line_and_the_reference(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {"a": PAID})

    code = await run(app, written(tmp_path, [capture("a", amount_minor=99)]))

    _, heading, line, last = capsys.readouterr().out.splitlines()
    assert (code, last) == (1, "1 difference")
    assert heading.split() == ["AGE", "PAYMENT", "DIFFERENCE", "TYPE", "PROVIDER", "STREAM"]
    assert re.split(" {2,}", line)[1:] == [
        "a",
        "amount_differs",
        "capture amount_differs",
        "0.99 EUR cap_1 (f.csv:2)",
        "12.50 EUR cap_1",
    ]


async def test_a_payment_that_nobody_here_knows_is_missing_here(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {})

    code = await run(app, written(tmp_path, [capture("../somebody?else")]), "--json")

    (found,) = json.loads(capsys.readouterr().out)["differences"]
    assert (code, found["kind"], found["stream"]) == (1, "charged_not_recorded", None)
    assert len(app.asked) == 2


@pytest.mark.parametrize(
    ("changes", "is_looked_at"),
    [
        ({}, True),
        ({"moved_at": at(1)}, False),
        ({"moved_at": at(1.5)}, True),
        ({"initiated_at": at(9), "moved_at": at(10)}, True),
        ({"initiated_at": at(10), "moved_at": at(11)}, False),
    ],
    ids=str,
)
async def test_of_rows_that_the_file_does_not_name_only_those_of_its_period_are_looked_at(
    app: Scripted, tmp_path: Path, changes: Json, *, is_looked_at: bool
) -> None:
    knows(app, {"a": created(), "b": PAID}, rows=[row("a", **changes)])

    code = await run(app, written(tmp_path, [capture("b")]), "--since", at(1.5), "--until", at(10))

    assert (code, looked_at(app)) == (0, ["a", "b"] if is_looked_at else ["b"])


async def test_what_the_file_before_may_have_is_counted_and_decided_with_that_file(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {"a": PAID, "b": PAID}, rows=[row("a"), row("b")])
    before = written(tmp_path, [capture("b", minute=1.5)], name="before.csv")
    after = written(tmp_path, [capture("c", minute=5)], name="after.csv")
    app.on("GET /api/ops/payments/c/events", (200, {"events": created().after(3).settled().events}))

    alone = await run(app, after, "--since", at(1.75))
    said = capsys.readouterr().out.splitlines()[1:]
    both = await ops(app, "reconcile", "--settlement", before, after, "--since", at(0), "--patience", "0s", "--json")

    assert (alone, said) == (
        0,
        ["2 recorded where the period begins: the file before may have them, not listed", "no difference"],
    )
    found = json.loads(capsys.readouterr().out)["differences"]
    assert (both, [(each["kind"], each["payment_id"]) for each in found]) == (1, [("recorded_not_charged", "a")])


async def test_the_order_of_the_files_makes_no_difference(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {"a": PAID.disputed(opened=3).won(decided=4).lost(decided=5)})
    monday = written(tmp_path, [capture("a"), dispute("a", minute=3)], name="monday.csv")
    tuesday = written(tmp_path, [f"dispute_won,dp_1,a,1250,EUR,{at(4)}", dispute("a", minute=5)], name="tuesday.csv")

    for files in ([monday, tuesday], [tuesday, monday]):
        assert await ops(app, "reconcile", "--settlement", *files, "--patience", "0s") == 0, capsys.readouterr().out


async def test_what_is_younger_is_only_counted(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(app, {})

    code = await run(app, written(tmp_path, [capture("a")]), "--older-than", "99999d")

    assert code == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["1 younger than 99999d, not listed", "no difference"]


async def test_nothing_is_asked_and_nothing_compared_when_one_line_is_none(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [capture("a"), capture("b", amount_minor=0)])

    code = await run(app, path)

    said = capsys.readouterr()
    assert (code, app.asked, said.out) == (2, [], "")
    assert said.err == f"{path}, line 3, column amount_minor: '0' must be a whole number, 1 or more\n"


async def test_a_read_model_that_is_not_whole_is_not_compared(
    app: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on("GET /api/ops/payments", (200, {"payments": [], "next_page": None, "as_of": None}))

    assert await run(app, written(tmp_path, [capture("a")])) == 2

    assert "still being filled" in capsys.readouterr().err


async def test_only_what_differs_is_looked_at_again(
    app: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LOOK_AGAIN_S", 0.0)
    knows(app, {"a": PAID})
    later = ({"events": created().events}, {"events": created().events}, {"events": PAID.events})
    app.on("GET /api/ops/payments/b/events", *((200, each) for each in later))
    file = written(tmp_path, [capture("a"), capture("b")])

    code = await ops(app, "reconcile", "--settlement", file, "--patience", "60s")

    assert (code, looked_at(app)) == (0, ["a", "b", "b", "b"])


@dataclass
class Busy:
    """An app in which every payment is paid. How often each was asked for, and how many at once."""

    asked: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0

    async def rows(self, _: web.Request) -> web.Response:
        return web.json_response({"payments": [], "next_page": None, "as_of": at(9)})

    async def events(self, request: web.Request) -> web.Response:
        self.asked[request.match_info["payment_id"]] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return web.json_response({"events": PAID.events})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [1_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_however_long_the_file_each_payment_is_asked_for_once_and_a_few_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    busy, application, wrong = Busy(), web.Application(), number // 2
    application.router.add_get("/api/ops/payments", busy.rows)
    application.router.add_get("/api/ops/payments/{payment_id}/events", busy.events)
    lines = (capture(f"p{each}", reference="cap_9" if each == wrong else "cap_1") for each in range(number))
    file = written(tmp_path, lines)

    async with TestServer(application) as server:
        code = await ops(str(server.make_url("")), "reconcile", "--settlement", file, "--patience", "0s", "--json")

    out, err = capsys.readouterr()
    assert (code, {each["payment_id"] for each in json.loads(out)["differences"]}) == (1, {f"p{wrong}"})
    assert (len(busy.asked), set(busy.asked.values())) == (number, {1})
    assert 1 < busy.most_at_once <= asking.AT_A_TIME
    assert len(err.splitlines()) == number // 100, "and its progress is a line for each hundred"
