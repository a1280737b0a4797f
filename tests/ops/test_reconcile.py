"""What counts as a difference, and that only what the stream confirms is reported."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

import pytest

from ops import reconcile
from ops.reconcile import NOTHING, Kind, Side, differences, stream_of
from tests.ops.scripted import Json, Scripted, ops

TAKEN = Side(1, 1250, "EUR", "captured")
RECORDED = Side(1, 1250, "EUR", "settled")
OPEN = Side(0, 1250, "EUR", "created")
FAILED = Side(0, 1250, "EUR", "failed")
TWO, THREE = (Side(times, 1250, "EUR", "captured") for times in (2, 3))


@pytest.mark.parametrize(
    ("provider", "stream", "kinds"),
    [
        (TAKEN, RECORDED, []),
        (NOTHING, OPEN, []),
        (Side(0, 1250, "EUR", "authorised"), OPEN, []),
        (Side(0, 99, "USD", "authorised"), OPEN, []),
        (TAKEN, OPEN, [Kind.NOT_RECORDED]),
        (TAKEN, NOTHING, [Kind.NOT_RECORDED]),
        (NOTHING, RECORDED, [Kind.NOT_CHARGED]),
        (Side(1, 1251, "EUR", "captured"), RECORDED, [Kind.AMOUNT]),
        (Side(1, 1250, "USD", "captured"), RECORDED, [Kind.AMOUNT]),
        (TWO, RECORDED, [Kind.CHARGED_TWICE]),
        (TWO, OPEN, [Kind.CHARGED_TWICE, Kind.NOT_RECORDED]),
        (TAKEN, FAILED, [Kind.CHARGED_BUT_FAILED]),
        (TAKEN, replace(FAILED, status="voided"), [Kind.CHARGED_BUT_FAILED]),
        (TAKEN, replace(RECORDED, status="failed"), [Kind.CHARGED_BUT_FAILED]),
        (replace(TAKEN, amount_minor=1), replace(FAILED, times=1, late=1, given_back=1), [Kind.AMOUNT]),
        (NOTHING, FAILED, []),
        # taken after the failure, and the stream says so
        (TAKEN, replace(FAILED, times=1, late=1), [Kind.CAPTURED_LATE]),
        (TAKEN, replace(FAILED, times=1, late=1, given_back=1), []),
        (TWO, replace(FAILED, times=1, late=1, given_back=1), [Kind.CHARGED_TWICE, Kind.CHARGED_BUT_FAILED]),
        (TWO, replace(FAILED, times=2, late=1, second=1, given_back=2), []),
        # taken or reserved twice, and the stream says so
        (TWO, replace(RECORDED, times=2, second=1), [Kind.CHARGED_TWICE]),
        (TWO, replace(RECORDED, times=2, second=1, given_back=1), []),
        (TAKEN, replace(RECORDED, second=1), [Kind.CHARGED_TWICE]),
        (TAKEN, replace(RECORDED, second=1, given_back=1), []),
        (THREE, replace(RECORDED, times=2, second=1, given_back=1), [Kind.CHARGED_TWICE]),
        # given back
        (replace(TAKEN, refunded_minor=500), replace(RECORDED, refunded_minor=500), []),
        (replace(TAKEN, refunded_minor=500), RECORDED, [Kind.REFUNDED_NOT_RECORDED]),
        (replace(TAKEN, refunded_minor=1000), replace(RECORDED, refunded_minor=500), [Kind.REFUNDED_NOT_RECORDED]),
        (TAKEN, replace(RECORDED, refunded_minor=500), [Kind.NOT_REFUNDED]),
    ],
)
def test_what_counts_as_a_difference(provider: Side, stream: Side, kinds: list[Kind]) -> None:
    assert [found.kind for found in differences("p", provider=provider, stream=stream)] == kinds


LATE: Json = {"type": "payment.captured_late", "data": {"capture_id": "cap_1"}}
TWICE: Json = {"type": "payment.charged_twice", "data": {"step": "settle", "reference": "cap_2"}}
RESERVED_TWICE: Json = {"type": "payment.charged_twice", "data": {"step": "create", "reference": "pp_2"}}
VOIDED_TWICE: Json = {"type": "payment.charged_twice", "data": {"step": "void", "reference": "vo_2"}}
GIVEN_BACK: Json = {"type": "payment.seen_to", "data": {}}
GIVEN_UP: Json = {"type": "payment.seen_to", "data": {"step": "notify_failure"}}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([], {}),
        ([LATE], {"times": 1, "late": 1}),
        ([TWICE], {"times": 1, "second": 1}),
        ([RESERVED_TWICE], {"second": 1}),
        ([VOIDED_TWICE], {}),
        ([LATE, GIVEN_BACK], {"times": 1, "late": 1, "given_back": 1}),
        ([LATE, GIVEN_UP], {"times": 1, "late": 1}),
        ([LATE, TWICE, GIVEN_BACK], {"times": 2, "late": 1, "second": 1, "given_back": 1}),
    ],
)
def test_what_the_events_of_a_payment_tell_of_its_money(events: list[Json], told: dict[str, int]) -> None:
    payment = {**stream("a", is_settled=False), "status": "failed"}

    assert asdict(stream_of(payment, events)) == asdict(FAILED) | told


def charge(payment_id: str, *, times: int = 1, amount_minor: int = 1250) -> Json:
    return {
        "payment_id": payment_id,
        "amount_minor": amount_minor,
        "currency": "EUR",
        "times_charged": times,
        "status": "captured" if times else None,
    }


def row(payment_id: str) -> Json:
    return {"id": payment_id, "settled": True, "amount_minor": 1250, "currency": "EUR", "status": "completed"}


def stream(payment_id: str, *, is_settled: bool) -> Json:
    payment = {"payment_id": payment_id, "amount_minor": 1250, "currency": "EUR"}
    return payment | ({"status": "completed", "settled": {}} if is_settled else {"status": "created"})


def listed(app: Scripted, provider: Scripted, *, charges: Mapping[str, Json], rows: list[str]) -> None:
    """What the two lists say; a charge can also be asked for alone."""
    app.on("GET /api/ops/payments", (200, {"payments": [row(each) for each in rows], "next_page": None}))
    provider.on("GET /charges", (200, {"charges": list(charges.values()), "next_after": None}))
    for payment_id, listed_charge in charges.items():
        provider.on(f"GET /charges/{payment_id}", (200, listed_charge))


async def run(app: Scripted, provider: Scripted, *, patience: str = "0s") -> int:
    return await ops(app, "reconcile", "--provider-url", provider.url, "--patience", patience, "--json")


def reported(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    document = json.loads(capsys.readouterr().out)
    return [(found["kind"], found["payment_id"]) for found in document["differences"]]


async def test_two_sides_that_agree_are_no_difference_and_nothing_else_is_asked(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a"), "b": charge("b", times=0)}, rows=["a"])

    assert await run(app, provider) == 0

    assert reported(capsys) == []
    assert app.asked[0].query == {"settled": "true", "limit": "500"}
    assert len(app.asked) == len(provider.asked) == 1


async def test_both_lists_are_read_to_their_ends(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(
        "GET /api/ops/payments",
        (200, {"payments": [row("a")], "next_page": "x"}),
        (200, {"payments": [row("b")], "next_page": None}),
    )
    provider.on(
        "GET /charges",
        (200, {"charges": [charge("a")], "next_after": "a"}),
        (200, {"charges": [charge("b")], "next_after": None}),
    )

    assert await run(app, provider) == 0

    assert [asked.query.get("after") for asked in provider.asked] == [None, "a"]
    assert [asked.query.get("page") for asked in app.asked] == [None, "x"]


async def test_a_read_model_that_lags_is_no_difference(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a")}, rows=[])
    app.on("GET /api/ops/payments/a", (200, stream("a", is_settled=True)))

    assert await run(app, provider) == 0

    assert reported(capsys) == []


async def test_a_charge_that_the_stream_does_not_show_is_reported(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a"), "b": charge("b")}, rows=[])
    app.on("GET /api/ops/payments/a", (200, stream("a", is_settled=False)))

    assert await run(app, provider) == 1

    assert reported(capsys) == [("charged_not_recorded", "a"), ("charged_not_recorded", "b")]


async def test_what_is_recorded_and_was_not_charged_is_reported(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={}, rows=["a"])
    app.on("GET /api/ops/payments/a", (200, stream("a", is_settled=True)))

    assert await run(app, provider) == 1

    assert reported(capsys) == [("recorded_not_charged", "a")]


async def test_another_amount_and_a_second_charge_are_reported(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    charges = {"a": charge("a", amount_minor=1), "b": charge("b", times=2)}
    listed(app, provider, charges=charges, rows=["a", "b"])
    for payment_id in charges:
        app.on(f"GET /api/ops/payments/{payment_id}", (200, stream(payment_id, is_settled=True)))

    assert await run(app, provider) == 1

    assert reported(capsys) == [("amount_differs", "a"), ("charged_twice", "b")]


async def test_money_that_a_person_has_given_back_is_no_difference_any_more(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={each: charge(each) for each in ("a", "b", "c")}, rows=[])
    for payment_id, events in {"a": [], "b": [LATE], "c": [LATE, GIVEN_BACK]}.items():
        failed = {**stream(payment_id, is_settled=False), "status": "failed"}
        app.on(f"GET /api/ops/payments/{payment_id}", (200, failed))
        app.on(f"GET /api/ops/payments/{payment_id}/events", (200, {"payment_id": payment_id, "events": events}))

    assert await run(app, provider) == 1

    assert reported(capsys) == [("charged_but_failed", "a"), ("captured_late", "b")]


async def test_a_payment_under_way_is_looked_at_until_it_agrees(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "_LOOK_AGAIN_S", 0.0)
    listed(app, provider, charges={"a": charge("a")}, rows=[])
    app.on(
        "GET /api/ops/payments/a",
        (200, stream("a", is_settled=False)),
        (200, stream("a", is_settled=False)),
        (200, stream("a", is_settled=True)),
    )

    assert await run(app, provider, patience="60s") == 0

    assert reported(capsys) == []
    assert len(app.to("GET /api/ops/payments/a")) == 3


async def test_people_get_a_table_with_both_sides(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a", times=2)}, rows=[])

    code = await ops(app, "reconcile", "--provider-url", provider.url, "--patience", "0s")

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[0] == "1 payments captured by the provider, 0 recorded as captured"
    assert "12.50 EUR taken 2 times (captured)" in lines[2]
    assert lines[-1] == "2 differences"


async def test_a_provider_that_cannot_be_asked_is_one_line(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a")}, rows=[])
    provider.on("GET /charges/a", (500, {"message": "on fire"}))

    assert await run(app, provider) == 2

    assert capsys.readouterr().err.splitlines()[-1] == "on fire (500)"


async def test_the_provider_gets_its_own_key_and_not_ours(
    app: Scripted, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGIS_PAY_OPS_TOKEN", "ours")
    monkeypatch.setenv("REGIS_PAY_PROVIDER_KEY", "theirs")
    listed(app, provider, charges={}, rows=[])

    await run(app, provider)

    assert provider.asked[0].headers["Authorization"] == "Bearer theirs"
    assert app.asked[0].headers["Authorization"] == "Bearer ours"
