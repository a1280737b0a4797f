"""What the commands for payments ask, print and answer."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.operators_asked import RowStatus
from ops.words import PAYMENT_STATUSES
from shared.codec.rows import row_to_json
from shared.domain.payment import Status
from shared.domain.rows import UNKNOWN, row_of
from tests.builders import a_payment
from tests.ops.scripted import Json, Scripted, letter, ops

LIST = "GET /api/ops/payments"
ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
PAYMENT = f"GET /api/ops/payments/{ID}"
SUMS = ("authorised_minor", "captured_minor", "refunded_minor", "refunding_minor", "disputed_minor", "net_minor")
Printed = pytest.CaptureFixture[str]


def row(number: int, **changes: Any) -> Json:
    """As the app itself writes it."""
    story = a_payment(payment_id=f"payment-{number}", merchant_id=changes.pop("merchant_id", "merchant-1"))
    return {**row_to_json(row_of(story.stored[-1])), **changes}


def page_of(*rows: Json, next_page: str | None = None, as_of: datetime | None = None) -> Json:
    moment = as_of or datetime.now(UTC)
    return {"payments": [*rows], "next_page": next_page, "as_of": moment.isoformat()}


async def test_payments_are_listed_with_what_they_owe_and_their_amounts(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of(row(1), row(2), next_page="second")))

    assert await ops(app, "payments", "--limit", "1") == 0

    lines = capsys.readouterr().out.splitlines()
    assert app.asked[0].query == {"limit": "1"}
    assert lines[0].split() == ["PAYMENT", "STATUS", "OWES", "BEGAN", "MOVED", "AMOUNT", "REFERENCE"]
    assert lines[1].split()[:3] == ["payment-1", "initiated", "create"]
    assert "12.50 EUR" in lines[1]
    assert lines[2:] == ["the first 1 are shown; --all shows every one"]


async def test_all_payments_are_read_to_the_end(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of(row(1), next_page="second")), (200, page_of(row(2))))

    await ops(app, "payments", "--all")

    assert app.asked[1].query == {"limit": "500", "page": "second"}
    assert len(capsys.readouterr().out.splitlines()) == 3


async def test_the_filters_are_those_of_the_app(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of()))

    await ops(app, "payments", "--status", "failed", "--reference", "order-1", "--settled", "no")

    expected = {"status": "failed", "reference": "order-1", "settled": "false", "limit": "50"}
    assert app.asked[0].query == expected
    assert capsys.readouterr().out == "no payments match these filters\n", "a typo must not look like no payments"


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        ("2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00+01:00"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
    ],
)
async def test_since_is_a_time(app: Scripted, since: str, asked: str) -> None:
    app.on(LIST, (200, page_of()))

    await ops(app, "payments", "--since", since)

    assert app.asked[0].query["initiated_from"] == asked


async def test_since_is_how_long_ago(app: Scripted) -> None:
    app.on(LIST, (200, page_of()))

    await ops(app, "payments", "--since", "2h")

    ago = datetime.now(UTC) - datetime.fromisoformat(app.asked[0].query["initiated_from"])
    assert timedelta(hours=2) <= ago < timedelta(hours=2, minutes=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "yesterday"),
        ("--since", ""),
        ("--since", "999999d"),
        ("--since", "9999999999999d"),
        ("--status", "paid"),
    ],
)
async def test_what_is_no_filter_is_a_wrong_use(app: Scripted, arguments: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        await ops(app, "payments", *arguments)

    assert caught.value.code == 2
    assert app.asked == []


async def test_merchants_are_told_apart_where_there_are_several(app: Scripted, capsys: Printed) -> None:
    app.on(LIST, (200, page_of(row(1), row(2, merchant_id="merchant-2"), row(3, merchant_id=None))))

    await ops(app, "payments")

    lines = capsys.readouterr().out.splitlines()
    assert "MERCHANT" in lines[0].split()
    assert [line.split()[-2] for line in lines[1:]] == ["merchant-1", "merchant-2", "-"]


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (None, ["the read model is being filled: this is not all that there is"]),
        (timedelta(minutes=5), ["the read model is behind: this is whole as of 5m ago"]),
        (timedelta(seconds=50), []),
    ],
)
async def test_a_list_that_is_not_of_now_says_so(
    app: Scripted, capsys: Printed, as_of: timedelta | None, said: list[str]
) -> None:
    answer = page_of(row(1), as_of=datetime.now(UTC) - as_of if as_of else None)
    app.on(LIST, (200, answer if as_of else {**answer, "as_of": None}))

    await ops(app, "payments")

    assert capsys.readouterr().out.splitlines()[2:] == said


def test_the_statuses_are_those_of_the_app() -> None:
    assert {*PAYMENT_STATUSES} == {*Status, UNKNOWN} == {*RowStatus.__value__.__args__}


# --- one payment


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
        {"type": "payment.failed", "occurred_at": "2026-01-02T12:00:01.123456Z", "data": {"code": "card_declined"}},
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
    assert lines[lines.index("events") + 2] == "  2026-01-02T12:00:01Z  payment.failed code=card_declined"
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
