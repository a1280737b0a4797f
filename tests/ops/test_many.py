"""Many dead letters: what is asked before and said after, and what becomes of each."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from functions import operators_asked
from ops import replaying_many, words
from shared.domain.letters import MONEY_TO_GIVE_BACK
from tests.ops.scripted import Asked, Json, Scripted, letter, ops, page_of, verdict

SUMMARY = "GET /api/ops/dead-letters/summary"
LIST = "GET /api/ops/dead-letters"
MANY = "POST /api/ops/dead-letters/replay"


def test_the_words_are_those_of_the_app() -> None:
    assert list(words.STEPS) == operators_asked.STEPS
    assert list(words.REASONS) == operators_asked.REASONS
    assert list(words.SEVERITIES) == operators_asked.SEVERITIES
    assert list(words.OWED) == operators_asked.OWED
    assert set(words.MONEY_TO_GIVE_BACK) == MONEY_TO_GIVE_BACK


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--reason", "retries_exausted"),
        ("list", "--step", "setle"),
        ("list", "--severity", "urgent"),
        ("replay", "--all", "--reason", "typo"),
        ("discard", "--all", "--reason", "because", "--died-of", "typo"),
        ("payments", "--owes", "nothing"),
        ("summary", "--step", "setle"),
    ],
)
async def test_a_word_that_is_not_known_is_refused_with_those_that_are(
    app: Scripted, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        await ops(app, *arguments)

    assert ended.value.code == 2
    assert "invalid choice" in (said := capsys.readouterr().err)
    assert "choose from" in said
    assert app.asked == []


def group(number: int, **changes: Any) -> Json:
    """As the app answers."""
    return {
        "step": "create",
        "reason": "retries_exhausted",
        "severity": "normal",
        "letters": number,
        "oldest_at": "2026-01-02T12:00:00Z",
        "newest_at": "2026-01-02T12:00:00Z",
        "payments": number,
        "worth": [{"currency": "EUR", "amount_minor": 1250 * number}],
        **changes,
    }


def summary_of(*groups: Json, **changes: Any) -> Json:
    letters = sum(each["letters"] for each in groups)
    as_of = "2026-01-02T12:00:00Z"
    return {"groups": [*groups], "open": letters, "payments": letters, "of_no_payment": 0, "as_of": as_of, **changes}


async def test_a_summary_is_shown_as_the_app_counts(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    high, low = group(1, severity="high", worth=[]), group(1, severity="low", step="notify")
    app.on(SUMMARY, (200, summary_of(high, group(2), low)))

    assert await ops(app, "summary", "--step", "create", "--older-than", "10m") == 1

    head, *rows, last = capsys.readouterr().out.splitlines()
    assert app.asked[0].query == {"step": "create", "older_than_s": "600"}
    assert head.split()[:4] == ["LETTERS", "STEP", "REASON", "SEVERITY"]
    assert [(row.split()[0], row.split()[3]) for row in rows] == [("1", "high"), ("2", "normal"), ("1", "low")]
    assert "25.00 EUR" in rows[1]
    assert rows[0].endswith(" -")
    assert last == "4 open, of 4 payments"


async def test_where_nothing_is_open_the_summary_says_so(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(SUMMARY, (200, summary_of()))

    codes = [await ops(app, "summary"), await ops(app, "summary", "--severity", "high")]

    assert codes == [0, 0]
    assert capsys.readouterr().out.splitlines() == [
        "no dead letters that are open",
        "no dead letters that are open and match these filters",
    ]


async def test_programs_get_the_summary_as_the_app_says_it(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(SUMMARY, (200, summary_of(group(2))))

    assert await ops(app, "summary", "--json") == 1
    assert json.loads(capsys.readouterr().out) == summary_of(group(2))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"payments": 0, "of_no_payment": 1}, "2 open, of 0 payments, 1 of no payment that is known"),
        ({"payments": 1}, "2 open, of 1 payment"),
        ({"payments": 2, "of_no_payment": 1}, "2 open, of 2 payments, 1 of no payment that is known"),
    ],
)
async def test_what_names_no_payment_is_none_of_the_payments(
    app: Scripted, capsys: pytest.CaptureFixture[str], counts: dict[str, int], said: str
) -> None:
    app.on(SUMMARY, (200, summary_of(group(2), **counts)))

    await ops(app, "summary")

    assert capsys.readouterr().out.splitlines()[-1] == said


async def test_a_dry_run_counts_what_would_happen_and_why(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = letter(3, reason="our_fault")
    app.on(LIST, (200, page_of([letter(1), letter(2), wrong])))
    same = [{**verdict(each), "why": "settle is left to do"} for each in (1, 2)]
    left_out = {**verdict(3, "left_out"), "why": "it would be refused again"}
    app.on(MANY, (200, {"dry_run": True, "results": [*same, left_out], "next_page": None}))

    assert await ops(app, "replay", "--all", "--dry-run") == 1, "something would be done"

    _, first, second, last = capsys.readouterr().out.splitlines()
    assert first.split()[:5] == ["2", "would", "be", "replayed", "create"]
    assert second.split()[:5] == ["1", "left", "out", "create", "our_fault"]
    assert last == "2 would be replayed, 1 left out"


def replayed_three(app: Scripted) -> None:
    """The first is done, the second has died again, as letter 9, and the third is under way."""
    everything = page_of([letter(1), letter(2), letter(3)])
    died = page_of([letter(9, payment_id="payment-2", cause="payment-2:3"), letter(8, cause="payment-8:3")])

    def listed(asked: Asked) -> tuple[int, Json]:
        if "recorded_from" in asked.query:
            return 200, died
        return 200, page_of([letter(1, status="closed")]) if asked.query["status"] == "closed" else everything

    app.scripts[LIST] = listed
    app.on(MANY, (200, {"dry_run": False, "results": [verdict(1), verdict(2), verdict(3)], "next_page": None}))


async def test_waiting_says_what_became_of_each(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(replaying_many, "_LOOK_AGAIN_S", 0.0)
    replayed_three(app)

    assert await ops(app, "replay", "--all", "--wait", "0s", "--json") == 1

    said = json.loads(capsys.readouterr().out)
    assert said["became"] == {"died again": 1, "done": 1, "under way": 1}
    assert [each["became"] for each in said["results"]] == ["done", "died again", "under way"]
    assert [each["died_again_as"] for each in said["results"]] == [None, letter(9)["id"], None]


async def test_what_died_again_is_named_by_the_letter_that_there_is_now(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(replaying_many, "_LOOK_AGAIN_S", 0.0)
    replayed_three(app)

    assert await ops(app, "replay", "--all", "--wait", "0s") == 1

    (line,) = [line for line in capsys.readouterr().out.splitlines() if "died again" in line and "create" in line]
    assert letter(9)["id"] in line
    assert letter(2)["id"] not in line


@pytest.mark.parametrize(("number", "pause_s"), [(1, 0.02), (50, 0.02), (200, 0.08)])
async def test_the_more_letters_there_are_the_longer_is_the_pause_between_two_looks(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, number: int, pause_s: float
) -> None:
    monkeypatch.setattr(replaying_many, "_LOOK_AGAIN_S", 0.02)
    times: list[float] = []

    def listed(asked: Asked) -> tuple[int, Json]:
        if "recorded_from" in asked.query:
            return 200, page_of([])
        is_before = asked.query["status"] == "open"
        is_done = not is_before and len(times) == 4
        if not is_before:
            times.append(time.monotonic())
        return 200, page_of([letter(each) for each in range(number)] if is_before or is_done else [])

    app.scripts[LIST] = listed
    app.on(MANY, (200, {"dry_run": False, "results": [verdict(each) for each in range(number)], "next_page": None}))

    assert await ops(app, "replay", "--all", "--wait", "1m") == 0

    pauses = [later - sooner for sooner, later in pairwise(times)]
    assert min(pauses) >= 0.9 * pause_s, "less the way of the request"
    assert len(pauses) == 4


async def test_no_pause_is_longer_than_somebody_waits(app: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying_many, "_LOOK_AGAIN_S", 3600.0)
    replayed_three(app)
    began = time.monotonic()

    assert await ops(app, "replay", "--all", "--wait", "1s") == 1

    assert 1 <= time.monotonic() - began < 60
