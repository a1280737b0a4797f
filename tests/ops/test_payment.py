"""One payment whole: by its id or its reference, and what there is of one that cannot be read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ops.rows import LIST, page_of, row
from tests.ops.scripted import Json, Scripted, letter, ops

ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
PAYMENT = f"GET /api/ops/payments/{ID}"
SUMS = ("authorised_minor", "captured_minor", "refunded_minor", "refunding_minor", "disputed_minor", "net_minor")
Printed = pytest.CaptureFixture[str]


def a_whole_payment(**changes: Any) -> Json:
    return {
        "payment_id": ID,
        "merchant_id": "merchant-1",
        "status": "created",
        "amount_minor": 1250,
        "currency": "EUR",
        "reference": "order-1",
        "initiated_at": "2026-01-02T12:00:00.123456Z",
        "ledger": {**dict.fromkeys(SUMS, 0), "captured_minor": 1250, "net_minor": 1250},
        **changes,
    }


def script(app: Scripted, payment: Json, *letters: Json) -> None:
    events = [
        {"type": "payment.initiated", "occurred_at": "2026-01-02T12:00:00.123456Z", "data": {}},
        {
            "type": "payment.failed",
            "occurred_at": "2026-01-02T12:00:01.123456Z",
            "data": {"code": "card_declined"},
            "caused_by": f"{ID}:1:create:2",
            "attempt": 3,
        },
    ]
    app.on(PAYMENT, (200, payment))
    app.on(f"{PAYMENT}/events", (200, {"payment_id": ID, "events": events}))
    app.on("GET /api/ops/dead-letters", (200, {"dead_letters": [*letters], "next_page": None}))


async def test_a_payment_is_shown_with_what_waits_its_events_and_its_letters(app: Scripted, capsys: Printed) -> None:
    waits = [{"step": "settle", "since": "2026-01-02T12:00:02Z", "state": "parked", "reason": "retries_exhausted"}]
    script(app, a_whole_payment(waiting=waits), letter(1), letter(2, status="closed"))

    assert await ops(app, "payment", ID) == 1, "a letter is open"

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [["payment", ID], ["status", "created"], ["amount", "12.50", "EUR"]]
    assert lines[lines.index("waiting") + 1] == "  2026-01-02T12:00:02Z  settle parked retries_exhausted"
    assert lines[lines.index("events") + 2] == "  2026-01-02T12:00:01Z  payment.failed code=card_declined attempt=3"
    assert lines[lines.index("dead letters") + 2].endswith(f"{letter(2)['id']} closed: create retries_exhausted")
    assert app.to("GET /api/ops/dead-letters")[0].query == {"payment_id": ID, "limit": "200"}


async def test_a_payment_that_waits_for_nobody_is_nothing_to_do(app: Scripted, capsys: Printed) -> None:
    script(app, a_whole_payment(status="failed", failed={"reason": "declined", "code": "card_declined"}))

    assert await ops(app, "payment", ID) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["failed", "declined", "card_declined"]
    assert not {"waiting", "dead letters"} & {*lines}


async def test_money_that_went_back_is_shown_with_what_is_left(app: Scripted, capsys: Printed) -> None:
    at, failed = "2026-01-03T12:00:00Z", {"at": "2026-01-03T12:00:01Z", "reason": "declined", "code": "no_money"}
    moved = {
        "ledger": {**dict.fromkeys(SUMS, 0), "refunded_minor": 550, "disputed_minor": 1250, "net_minor": -550},
        "refunds": [
            {"refund_id": "r-1", "amount_minor": 550, "status": "refunded", "requested_at": at},
            {"refund_id": "r-2", "amount_minor": 200, "status": "failed", "requested_at": at, "failed": failed},
        ],
        "disputes": [
            {"dispute_id": "dp_1", "amount_minor": 1250, "status": "lost", "code": "fraudulent", "opened_at": at}
        ],
    }
    script(app, a_whole_payment(**moved))

    await ops(app, "payment", ID)

    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split(maxsplit=2)[2] == "5.50 EUR given back, 12.50 EUR taken back by banks, -5.50 EUR left"
    assert lines[lines.index("refunds") + 1 :][:2] == [
        "  2026-01-03T12:00:00Z  5.50 EUR refunded r-1",
        "  2026-01-03T12:00:00Z  2.00 EUR failed no_money r-2",
    ]
    assert lines[lines.index("disputes") + 1] == "  2026-01-03T12:00:00Z  12.50 EUR lost fraudulent dp_1"


async def test_a_payment_is_whole_for_programs_too(app: Scripted, capsys: Printed) -> None:
    script(app, a_whole_payment(), letter(1))

    await ops(app, "payment", ID, "--json")

    shown = json.loads(capsys.readouterr().out)
    assert (shown["payment_id"], len(shown["events"]), len(shown["dead_letters"])) == (ID, 2, 1)


async def test_a_payment_that_is_not_there_is_a_wrong_use(app: Scripted, capsys: Printed) -> None:
    assert await ops(app, "payment", "nobody/s") == 2

    assert app.asked[0].path == "/api/ops/payments/nobody/s"
    assert capsys.readouterr().err == "There is nothing here. (not_found)\n"


# --- a payment whose events cannot be read

UNREADABLE = (500, {"title": "What is stored of this payment cannot be read.", "code": "unreadable"})


def unreadable(app: Scripted, *rows: Json) -> None:
    app.on(PAYMENT, UNREADABLE)
    app.on(LIST, (200, page_of(*rows)))
    app.on("GET /api/ops/dead-letters", (200, {"dead_letters": [letter(1)], "next_page": None}))


async def test_of_a_payment_that_cannot_be_read_the_row_and_the_letters_are_shown(
    app: Scripted, capsys: Printed
) -> None:
    unreadable(app, row(1, id=ID))

    assert await ops(app, "payment", ID) == 1

    shown = capsys.readouterr().out
    assert app.to(LIST)[0].query["payment_id"] == ID
    assert "cannot be read (What is stored of this payment cannot be read. (unreadable))" in shown
    assert "initiated, as the read model has it" in shown
    assert "12.50 EUR" in shown
    assert f"{letter(1)['id']} open: create retries_exhausted" in shown


async def test_of_a_payment_that_cannot_be_read_a_program_has_what_there_is(app: Scripted, capsys: Printed) -> None:
    unreadable(app)

    assert await ops(app, "payment", ID, "--json") == 1

    shown = json.loads(capsys.readouterr().out)
    assert (shown["payment_id"], shown["row"], shown["events"]) == (ID, None, None)
    assert "unreadable" in shown["events_unread"]
    assert [each["id"] for each in shown["dead_letters"]] == [letter(1)["id"]]


async def test_a_payment_found_by_its_reference_falls_back_too(app: Scripted, capsys: Printed) -> None:
    unreadable(app, row(1, id=ID))

    assert await ops(app, "payment", "order-1") == 1

    assert "initiated, as the read model has it" in capsys.readouterr().out


# --- by its reference


async def test_payments_with_the_same_reference_are_listed(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of(row(1), row(2))))

    assert await ops(app, "payment", "order-1") == 1

    assert app.to(LIST)[0].query["reference"] == "order-1"
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[1:3]] == ["payment-1", "payment-2"]
    assert shown[3:] == ["2 payments have this reference: name one by its id"]


async def test_that_there_are_more_with_the_same_reference_is_said(app: Scripted, capsys: Printed) -> None:
    behind = datetime.now(UTC) - timedelta(minutes=5)
    app.on(LIST, (200, page_of(*(row(each) for each in range(50)), next_page="second", as_of=behind)))

    assert await ops(app, "payment", "order 1") == 1

    assert capsys.readouterr().out.splitlines()[-3:] == [
        "the first 50 of more payments have this reference: name one by its id",
        "every one: payments --reference 'order 1' --all",
        "the read model is behind: this is whole as of 5m ago",
    ]


async def test_programs_hear_that_there_are_more(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of(row(1), row(2), next_page="second")))

    assert await ops(app, "payment", "order-1", "--json") == 1

    said = json.loads(capsys.readouterr().out)
    assert (len(said["payments"]), said["more"]) == (2, True)
    assert said["as_of"] is not None


@pytest.mark.parametrize(
    ("is_filled", "more"),
    [(True, ""), (False, "; the read model is being filled: this is not all that there is")],
)
async def test_what_is_neither_an_id_nor_a_reference_is_said(
    app: Scripted, capsys: Printed, *, is_filled: bool, more: str
) -> None:
    app.on(LIST, (200, page_of() if is_filled else {**page_of(), "as_of": None}))

    assert await ops(app, "payment", "nowhere") == 2

    assert capsys.readouterr().err == f"no payment has the id or the reference nowhere{more}\n"


@pytest.mark.parametrize("text", [".", ".."])
async def test_what_leads_elsewhere_in_a_path_can_only_be_a_reference(
    app: Scripted, capsys: Printed, text: str
) -> None:
    app.on(LIST, (200, page_of()))

    assert await ops(app, "payment", text) == 2

    assert [asked.query.get("reference") for asked in app.asked] == [text]
    assert capsys.readouterr().err == f"no payment has the id or the reference {text}\n"


async def test_nothing_is_neither_an_id_nor_a_reference(app: Scripted, capsys: Printed) -> None:
    assert await ops(app, "payment", "") == 2

    assert app.asked == []
    assert "name a payment by its id, or by the merchant's own reference" in capsys.readouterr().err


@pytest.mark.parametrize("text", [".", "..", ""])
@pytest.mark.parametrize(
    "command",
    [
        ("show", "{}"),
        ("replay", "{}"),
        ("discard", "{}", "--reason", "gone"),
        ("erase", "{}", "--reason", "gone", "--yes"),
    ],
)
async def test_what_leads_elsewhere_in_a_path_is_no_id(app: Scripted, command: tuple[str, ...], text: str) -> None:
    """A replay of `.` would be a replay of all."""
    assert await ops(app, *(word.format(text) for word in command)) == 2

    assert app.asked == []


async def test_an_event_says_of_which_step_it_tells(app: Scripted, capsys: Printed) -> None:
    script(app, a_whole_payment())
    at = "2026-01-02T12:00:00Z"
    events = [
        {"type": "payment.parked", "occurred_at": at, "data": {"step": "settle", "reason": "retries_exhausted"}},
        {"type": "payment.resumed", "occurred_at": at, "data": {"step": "settle", "to": "finish"}},
    ]
    app.on(f"{PAYMENT}/events", (200, {"payment_id": ID, "events": events}))

    await ops(app, "payment", ID)

    shown = capsys.readouterr().out
    assert "payment.parked step=settle reason=retries_exhausted" in shown
    assert "payment.resumed step=settle" in shown


async def test_the_first_characters_of_an_id_find_the_payment(app: Scripted, capsys: Printed) -> None:
    """As they stand on a screen; a reference of the same letters goes before."""
    script(app, a_whole_payment())
    app.on("GET /api/ops/payments/3F2A90BC", (404, {"title": "There is nothing here.", "code": "not_found"}))
    app.on(LIST, (200, page_of()), (200, page_of(row(1, id=ID))))

    await ops(app, "payment", "3F2A90BC")

    assert [{name: asked.query.get(name) for name in ("reference", "payment_id")} for asked in app.to(LIST)] == [
        {"reference": "3F2A90BC", "payment_id": None},
        {"reference": None, "payment_id": "3f2a90bc"},
    ]
    assert ID in capsys.readouterr().out


async def test_several_whose_ids_begin_like_this_are_listed(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of()), (200, page_of(row(1), row(2))))

    assert await ops(app, "payment", "3f2a90bc") == 1

    assert capsys.readouterr().out.splitlines()[-1] == "the ids of 2 payments begin like this: give more of it"
