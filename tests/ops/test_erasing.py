"""What the command to erase asks, of the app and of whoever gives it, and what it prints."""

import io
import json
import sys
from typing import Any

import pytest

from tests.ops.scripted import Scripted, ops

PAYMENT = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
ERASE = f"POST /api/ops/payments/{PAYMENT}/erase"
COMMAND = ("erase", PAYMENT, "--reason", "wants to be forgotten")
FOUND = [
    {"event_id": f"{PAYMENT}:1", "type": "payment.initiated", "fields": ["description", "metadata"]},
    {"event_id": f"{PAYMENT}:5", "type": "payment.refund_requested", "fields": ["reason_given"]},
]


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


def told(*, dry_run: bool = False, erased: list[dict[str, Any]] = FOUND) -> tuple[int, Any]:
    return 200, {"payment_id": PAYMENT, "dry_run": dry_run, "erased": erased}


async def test_what_is_gone_is_listed_by_event_and_field(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(ERASE, told())

    code = await ops(app, *COMMAND, "--yes")

    assert code == 0
    assert app.asked[0].body == {"reason": "wants to be forgotten", "dry_run": False}
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["EVENT", "TYPE", "FIELDS"]
    assert lines[1] == [f"{PAYMENT}:1", "payment.initiated", "description,", "metadata"]
    assert lines[2] == [f"{PAYMENT}:5", "payment.refund_requested", "reason_given"]
    assert " ".join(lines[3]) == "erased; all else of the payment stays"


async def test_a_dry_run_that_finds_something_is_something_to_do_and_needs_no_yes(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(ERASE, told(dry_run=True))

    code = await ops(app, *COMMAND, "--dry-run")

    assert code == 1
    assert app.asked[0].body["dry_run"] is True
    assert capsys.readouterr().out.endswith("would be erased; all else of the payment stays\n")


@pytest.mark.parametrize("word", ["--yes", "--dry-run"])
async def test_where_nothing_is_left_it_says_so(app: Scripted, capsys: pytest.CaptureFixture[str], word: str) -> None:
    app.on(ERASE, told(dry_run=word == "--dry-run", erased=[]))

    assert await ops(app, *COMMAND, word) == 0

    assert capsys.readouterr().out == f"nothing is left to erase in payment {PAYMENT}\n"


async def test_a_program_gets_the_answer_as_it_came(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(ERASE, told())

    await ops(app, *COMMAND, "--yes", "--json")

    assert json.loads(capsys.readouterr().out) == told()[1]


async def test_a_payment_that_there_is_not_is_a_wrong_use(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(ERASE, (404, {"title": "There is no payment with this id.", "code": "payment_not_found"}))

    assert await ops(app, *COMMAND, "--yes") == 2

    assert capsys.readouterr().err == "There is no payment with this id. (payment_not_found)\n"


async def test_an_app_that_was_overtaken_is_asked_again(app: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    app.on(ERASE, (503, {"title": "Try again.", "code": "stream_moved"}), told())
    monkeypatch.setattr("ops.client._LONGEST_WAIT_S", 0.0)

    assert await ops(app, *COMMAND, "--yes") == 0

    assert len(app.asked) == 2


# -- it cannot be undone


@pytest.mark.parametrize("typed", ["y\n", "Yes\n"])
async def test_on_a_terminal_it_asks_and_a_yes_erases(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    app.on(ERASE, told())
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert await ops(app, *COMMAND) == 0

    assert len(app.asked) == 1
    question = capsys.readouterr().err
    assert PAYMENT in question
    assert question.endswith("Erase them? [y/N] ")


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yesterday\n"])
async def test_anything_but_a_yes_sends_nothing(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert await ops(app, *COMMAND) == 1

    assert app.asked == []
    assert capsys.readouterr().err.endswith("nothing was erased\n")


async def test_where_nobody_can_be_asked_it_needs_a_yes(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    assert await ops(app, *COMMAND) == 2

    assert app.asked == []
    assert "say --yes" in capsys.readouterr().err


async def test_a_reason_is_asked_for(app: Scripted) -> None:
    with pytest.raises(SystemExit) as caught:
        await ops(app, "erase", PAYMENT, "--yes")

    assert caught.value.code == 2
    assert app.asked == []
