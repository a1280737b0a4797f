"""What merchants and providers write gets no power over an operator's terminal, and makes no line of its own."""

import io
import json
from typing import Any

import pytest

from ops.output import say, show_table
from tests.ops.scripted import Json, Scripted, letter, ops, page_of, verdict, whole

PAYMENT_ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
LETTERS = "GET /api/ops/dead-letters"
ROW = f"{PAYMENT_ID}  completed  9.99 EUR  ok"
HOSTILE = f"x\n{ROW}\r\x1b[2J\x9b1A\u202egnp\u2066\u2028"
SHOWN = rf"x\n{ROW}\r\x1b[2J\x9b1A\u202egnp\u2066\u2028"

Printed = pytest.CaptureFixture[str]


def is_harmless(text: str) -> bool:
    """Whether it holds only lines of what can be looked at, none of them the merchant's."""
    lines = text.split("\n")
    return all(line.isprintable() and not line.startswith(ROW) for line in lines)


def a_payment(**changes: Any) -> Json:
    sums = ("authorised", "captured", "refunded", "refunding", "disputed", "net")
    return {
        "id": PAYMENT_ID,
        "payment_id": PAYMENT_ID,
        "status": "failed",
        "failed": {"reason": HOSTILE, "code": HOSTILE},
        "owes": None,
        "merchant_id": HOSTILE,
        "amount_minor": 1250,
        "currency": "EUR",
        "reference": HOSTILE,
        "initiated_at": "2026-01-02T12:00:00Z",
        "moved_at": "2026-01-02T12:00:00Z",
        "ledger": {f"{name}_minor": 0 for name in sums},
        **changes,
    }


async def test_a_reference_is_no_row_of_the_list(app: Scripted, capsys: Printed) -> None:
    page = {"payments": [a_payment()], "next_page": None, "as_of": None}
    app.on("GET /api/ops/payments", (200, page))

    await ops(app, "payments")

    printed = capsys.readouterr().out
    assert printed.split("\n")[1].endswith(f"  {SHOWN}")
    assert len(printed.splitlines()) == 3, "headings, one row, and that the list is not whole"
    assert is_harmless(printed)


async def test_a_payment_shows_what_others_wrote_on_the_lines_it_belongs_to(app: Scripted, capsys: Printed) -> None:
    event = {"type": "payment.failed", "occurred_at": "2026-01-02T12:00:01Z", "data": {"code": HOSTILE}}
    app.on(f"GET /api/ops/payments/{PAYMENT_ID}", (200, a_payment()))
    app.on(f"GET /api/ops/payments/{PAYMENT_ID}/events", (200, {"events": [event]}))
    app.on(LETTERS, (200, page_of([letter(1, reason=HOSTILE)])))

    await ops(app, "payment", PAYMENT_ID)

    printed = capsys.readouterr().out
    assert f"reference  {SHOWN}\n" in printed
    assert f"payment.failed code={SHOWN}\n" in printed
    assert is_harmless(printed)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (json.dumps({"reference": "a\x9b\u202eb\u2028c\ud800"}, ensure_ascii=True), r'"a\u009b\u202eb\u2028c\ud800"'),
        (json.dumps({"reference": "a\x7f\x9b"}, ensure_ascii=False), r'"reference": "a\u007f\u009b"'),
        (f"not json\n{ROW}\x1b[2J", rf"{ROW}\x1b[2J"),
        ("[" * 100_000 + "]" * 100_000, "[" * 100_000 + "]" * 100_000),
        (f"not json\x0b\x85{ROW}", rf"not json\x0b\x85{ROW}"),
    ],
)
async def test_the_body_of_a_letter_is_shown_and_cannot_leave_its_place(
    app: Scripted, capsys: Printed, body: str, shown: str
) -> None:
    known = letter(1)["id"]
    app.on(
        f"{LETTERS}/{known}",
        (200, whole(1, payment_id=None, description=HOSTILE, message={**whole(1)["message"], "body": body})),
    )

    await ops(app, "show", known)

    printed = capsys.readouterr().out
    told = printed[printed.index("\nbody\n") + len("\nbody\n") :]
    assert shown in told
    assert all(line.startswith("  ") for line in told.splitlines())
    assert is_harmless(printed)


async def test_the_words_of_an_answer_are_one_line(app: Scripted, capsys: Printed) -> None:
    known = letter(1)["id"]
    app.on(LETTERS, (200, page_of([letter(1, id=HOSTILE)])))
    app.on(f"POST /api/ops/dead-letters/{known}/replay", (200, {**verdict(1), "why": HOSTILE}))
    app.on(f"POST /api/ops/dead-letters/{known}/discard", (409, {"title": "No.", "detail": HOSTILE, "code": "x"}))

    await ops(app, "list", "--ids")
    await ops(app, "replay", known)
    await ops(app, "discard", known, "--reason", "card stolen")

    printed, faults = capsys.readouterr()
    assert printed == f"{SHOWN}\nreplayed: {SHOWN}\n"
    assert faults == f"No. {SHOWN} (x)\n"


async def test_for_programs_every_character_is_there_and_none_steers_a_terminal(app: Scripted, capsys: Printed) -> None:
    sent = f"{HOSTILE}\ud800\U000e0041"
    app.on(LETTERS, (200, page_of([letter(1, description=sent)])))

    await ops(app, "list", "--json")

    printed = capsys.readouterr().out
    assert json.loads(printed)["dead_letters"][0]["description"] == sent
    assert is_harmless(printed)


def test_columns_are_as_wide_as_what_is_shown() -> None:
    out = io.StringIO()

    show_table([{"ID": "\x1b", "WHY": "steers"}, {"ID": "b", "WHY": "does not"}], out=out)

    assert out.getvalue().splitlines() == ["ID    WHY", r"\x1b  steers", "b     does not"]


def test_a_line_is_one_line() -> None:
    out = io.StringIO()

    say(f"why: {HOSTILE}", out=out)

    assert out.getvalue() == f"why: {SHOWN}\n"
