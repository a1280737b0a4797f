"""Discarding many: what is asked before, what is left out, and what is said of money."""

import json
import sys

import pytest

from tests.ops.discards import ALL, LIST, Terminal, discarding, listed, told
from tests.ops.scripted import Scripted, letter, ops, page_of

Printed = pytest.CaptureFixture[str]


async def test_discarding_many_looks_first_and_leaves_what_would_stay(app: Scripted, capsys: Printed) -> None:
    listed(app, letter(1), letter(2), letter(3), n2="keep")
    discarding(app, 3, does="keep")

    assert await ops(app, *ALL, "--died-of", "refused", "--yes") == 1

    assert (told(app, dry=True), told(app, dry=False)) == ([1, 2, 3], [1, 3]), "what would stay is not tried"
    assert app.asked[0].query["reason"] == "refused"
    assert capsys.readouterr().out.splitlines()[-1] == "1 discarded, 1 not discarded, 1 would stay"


async def test_a_dry_run_of_discarding_many_changes_nothing(app: Scripted) -> None:
    listed(app, letter(1))

    assert await ops(app, *ALL, "--dry-run") == 1, "something would be done"

    assert (told(app, dry=True), told(app, dry=False)) == ([1], [])


async def test_a_dry_run_that_would_do_nothing_is_nothing_to_do(app: Scripted) -> None:
    listed(app, letter(1), n1="nothing")

    assert await ops(app, *ALL, "--dry-run") == 0


async def test_where_nobody_can_be_asked_many_are_not_discarded(app: Scripted, capsys: Printed) -> None:
    listed(app, letter(1))

    assert await ops(app, *ALL) == 2

    assert "say --yes, or --dry-run" in capsys.readouterr().err
    assert told(app, dry=False) == []


@pytest.mark.parametrize(
    "arguments", [("discard", "--reason", "gone"), ("discard", "an-id", "--all", "--reason", "gone")]
)
async def test_a_discard_is_of_one_or_of_all(app: Scripted, arguments: tuple[str, ...]) -> None:
    assert await ops(app, *arguments) == 2

    assert app.asked == []


# --- what is no by-catch

MONEY = ("captured_late", "charged_twice", "captured_after_failure")


@pytest.mark.parametrize("reason", [*MONEY, "outcome_unprovable", "charged_not_recorded"])
async def test_what_may_be_wrong_money_is_left_out_unless_its_reason_is_named(
    app: Scripted, capsys: Printed, reason: str
) -> None:
    grave = letter(2, reason=reason, severity="high")
    listed(app, letter(1), grave, n2="note" if reason in MONEY else "end")

    by_the_way = await ops(app, *ALL, "--payment", "payment-1", "--yes", "--json")
    said = json.loads(capsys.readouterr().out)
    discarded_by_the_way = told(app, dry=False)
    app.asked.clear()
    app.on(LIST, (200, page_of([grave])))
    named = await ops(app, *ALL, "--died-of", reason, "--yes")

    assert (by_the_way, discarded_by_the_way) == (1, [1])
    assert said["counts"] == {"discarded": 1, "left out": 1}
    assert f"--died-of {reason}" in said["results"][1]["why"]
    assert (named, told(app, dry=False)) == (0, [2])


async def test_money_is_left_out_whatever_severity_its_letter_has(app: Scripted) -> None:
    listed(app, letter(1, reason="captured_late", severity="low"), n1="note")

    assert await ops(app, *ALL, "--severity", "low", "--yes") == 1

    assert told(app, dry=False) == []


async def test_a_grave_letter_is_left_out_whatever_it_died_of(app: Scripted, capsys: Printed) -> None:
    listed(app, letter(1, severity="high"), letter(2, severity="high", reason="a word of the broker"))

    assert await ops(app, *ALL, "--dry-run") == 1

    assert told(app, dry=True) == []
    shown = capsys.readouterr().out
    assert "discard by --died-of retries_exhausted" in shown
    assert "discard by its id" in shown, "no filter knows this reason"


async def test_every_reference_of_money_is_shown_however_many_there_are(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    numbers = range(1, 31)
    money = [letter(each, reason="captured_late", severity="high") for each in numbers]
    listed(app, *money, **{f"n{each}": "note" for each in numbers})
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))

    assert await ops(app, *ALL, "--died-of", "captured_late") == 0

    done, preview = capsys.readouterr()
    for each in numbers:
        lines = [[line for line in shown.splitlines() if letter(each)["id"] in line] for shown in (preview, done)]
        assert [len(found) for found in lines] == [1, 1]
        assert all(f"because {each}" in found[0] for found in lines)
    assert "other reasons" not in preview + done


# --- the question


@pytest.mark.parametrize(
    ("comes_to", "question"),
    [
        ({}, "End 2 payments? [y/N]"),
        ({"n1": "note", "n2": "note", "n3": "note"}, "Note 3 sums as given back? [y/N]"),
        ({"n1": "note"}, "End 1 payment and note 1 sum as given back? [y/N]"),
        (
            {"n1": "note", "n2": "close"},
            "End 1 payment and note 1 sum as given back and close 1 letter that no payment waits for? [y/N]",
        ),
        ({"n2": "keep", "n3": "keep"}, "End 1 payment? [y/N]"),
        ({"n1": "nothing", "n2": "close", "n3": "nothing"}, "Close 3 letters that no payment waits for? [y/N]"),
    ],
)
async def test_the_question_counts_what_comes_of_it(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Printed, comes_to: dict[str, str], question: str
) -> None:
    own = {"payment_id": "payment-2"}
    listed(app, letter(1), letter(2), letter(3, **own), **comes_to)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))

    assert await ops(app, *ALL) == 1

    assert f"\n{question} " in capsys.readouterr().err
    assert told(app, dry=False) == []


async def test_a_letter_without_a_payment_is_none_of_the_payments(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    listed(app, letter(1), letter(2, payment_id=None), n2="close")
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))

    assert await ops(app, *ALL) == 0

    assert "End 1 payment and close 1 letter that no payment waits for?" in capsys.readouterr().err


async def test_where_a_program_reads_the_preview_and_the_question_are_for_people(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    listed(app, letter(1), n1="note")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))

    assert await ops(app, *ALL, "--json") == 0

    printed, shown = capsys.readouterr()
    assert json.loads(printed)["results"][0]["money"] == "cap_1"
    assert "would be discarded" in shown
    assert "Note 1 sum as given back?" in shown


# --- a wish that may be a mistake


@pytest.mark.parametrize("word", ["retries_exhausted", "captured_late", " refused "])
async def test_a_reason_that_is_a_filter_elsewhere_is_refused(app: Scripted, capsys: Printed, word: str) -> None:
    assert await ops(app, "discard", "--all", "--reason", word, "--payment", "payment-1", "--yes") == 2

    assert app.asked == []
    assert f"--died-of {word.strip()}, and say why in --reason" in capsys.readouterr().err


async def test_a_yes_to_whatever_is_open_is_refused(app: Scripted, capsys: Printed) -> None:
    assert await ops(app, *ALL, "--yes") == 2

    assert app.asked == []
    assert "without a filter" in capsys.readouterr().err


async def test_without_a_yes_whatever_is_open_is_asked_about(app: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(app, letter(1))
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))

    assert await ops(app, *ALL) == 0

    assert told(app, dry=False) == [1]
