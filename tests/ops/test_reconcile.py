"""The sums of both sides: that both lists are read, that the stream is asked, and what is then reported."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from ops.reconciling import asking
from tests.ops.scripted import Json, Scripted, ops
from tests.ops.told import created


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


def with_dispute(payment_id: str, *, amount_minor: int) -> Json:
    disputes = [{"dispute_id": "dp_1", "amount_minor": amount_minor, "status": "open"}] if amount_minor else []
    return {**stream(payment_id, is_settled=True), "disputes": disputes}


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
    failed = created().failed()
    late = failed.captured_late()
    for payment_id, told in {"a": failed, "b": late, "c": late.seen_to("cap_1")}.items():
        payment = {**stream(payment_id, is_settled=False), "status": "failed"}
        app.on(f"GET /api/ops/payments/{payment_id}", (200, payment))
        app.on(f"GET /api/ops/payments/{payment_id}/events", (200, {"events": told.events}))

    assert await run(app, provider) == 1

    assert sorted(reported(capsys)) == [("captured_late", "b"), ("charged_but_failed", "a")]


async def test_a_payment_under_way_is_looked_at_until_it_agrees(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LOOK_AGAIN_S", 0.0)
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


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


async def test_programs_get_what_is_missing_where_and_since_when(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    since = ago(hours=2)
    listed(app, provider, charges={"a": {**charge("a"), "captured_at": since}}, rows=[])

    await run(app, provider)

    (found,) = json.loads(capsys.readouterr().out)["differences"]
    assert (found["type"], found["of"]) == ("missing_here", "capture")
    assert datetime.fromisoformat(found["since"]) == datetime.fromisoformat(since)
    assert found["since"].endswith("Z")
    assert 7200 <= found["age_s"] < 7300
    assert (found["provider"]["times"], found["stream"]["status"]) == (1, "unknown")


async def test_the_oldest_difference_comes_first_and_its_age_is_in_its_largest_unit(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"a": ago(minutes=3.5), "b": ago(days=4.5), "c": ago(hours=2.5)}
    charges = {each: {**charge(each), "captured_at": since} for each, since in times.items()}
    listed(app, provider, charges={**charges, "d": charge("d")}, rows=[])

    await ops(app, "reconcile", "--provider-url", provider.url, "--patience", "0s")

    _, heading, *rows, _ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["AGE", "PAYMENT", "DIFFERENCE", "TYPE", "PROVIDER", "STREAM"]
    assert [row.split()[:2] for row in rows] == [["?", "d"], ["4d", "b"], ["2h", "c"], ["3m", "a"]]
    assert "capture missing_here" in rows[0]


async def test_what_is_younger_than_is_asked_for_is_only_counted(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"a": ago(minutes=59), "b": ago(minutes=58), "c": ago(minutes=61)}
    charges = {each: {**charge(each), "captured_at": since} for each, since in times.items()}
    listed(app, provider, charges=charges, rows=[])
    arguments = ("reconcile", "--provider-url", provider.url, "--patience", "0s", "--older-than", "60m")

    code = await ops(app, *arguments)
    lines = capsys.readouterr().out.splitlines()
    await ops(app, *arguments, "--json")

    assert (code, lines[2].split()[:2]) == (1, ["1h", "c"])
    assert lines[3:] == ["2 younger than 1h, not listed", "1 difference"]
    document = json.loads(capsys.readouterr().out)
    assert ([each["payment_id"] for each in document["differences"]], document["younger"]) == (["c"], 2)


async def test_what_nobody_knows_the_age_of_is_listed_it_may_be_old(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": charge("a")}, rows=[])

    code = await ops(app, "reconcile", "--provider-url", provider.url, "--patience", "0s", "--older-than", "1h")

    assert code == 1
    assert capsys.readouterr().out.splitlines()[2].split()[:2] == ["?", "a"]


async def test_money_that_is_only_on_its_way_is_no_difference_and_is_not_waited_for(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(app, provider, charges={"a": {**charge("a"), "captured_at": ago(minutes=1)}}, rows=[])

    code = await ops(app, "reconcile", "--provider-url", provider.url, "--patience", "9999d", "--older-than", "1h")

    assert code == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["1 younger than 1h, not listed", "no difference"]


async def test_disputes_are_compared_as_well(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    disputed = {each: {**charge(each), "disputed_minor": 1250} for each in ("a", "b")}
    listed(app, provider, charges={**disputed, "c": charge("c")}, rows=["a", "b", "c"])
    for payment_id, disputed_minor in {"a": 1250, "b": 0, "c": 400}.items():
        app.on(f"GET /api/ops/payments/{payment_id}", (200, with_dispute(payment_id, amount_minor=disputed_minor)))
    rows = [row("a"), row("b"), {**row("c"), "disputed_minor": 400}]
    app.on("GET /api/ops/payments", (200, {"payments": rows, "next_page": None}))

    assert await run(app, provider) == 1

    assert sorted(reported(capsys)) == [("disputed_not_recorded", "b"), ("recorded_not_disputed", "c")]


@pytest.mark.parametrize(
    ("recorded_minor", "kinds"),
    [(700, ["recorded_not_disputed"]), (100, ["disputed_not_recorded"]), (400, [])],
)
async def test_a_row_that_is_wrong_in_the_way_of_the_provider_hides_no_dispute(
    app: Scripted, provider: Scripted, capsys: pytest.CaptureFixture[str], recorded_minor: int, kinds: list[str]
) -> None:
    listed(app, provider, charges={"a": {**charge("a"), "disputed_minor": 400}}, rows=[])
    rows = [{**row("a"), "disputed_minor": 400}]
    app.on("GET /api/ops/payments", (200, {"payments": rows, "next_page": None}))
    app.on("GET /api/ops/payments/a", (200, with_dispute("a", amount_minor=recorded_minor)))

    await run(app, provider)

    assert [kind for kind, _ in reported(capsys)] == kinds


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of the arguments --provider-url --settlement is required"),
        (["--provider-url", "http://127.0.0.1:1", "--settlement", "f.csv"], "not allowed with argument"),
        (["--provider-url", "http://127.0.0.1:1", "--since", "2h"], "give --settlement FILE"),
        (["--provider-url", "http://127.0.0.1:1", "--until", "2h"], "give --settlement FILE"),
        (["--provider-url", "http://127.0.0.1:1", "--older-than", "soon"], "soon is not a duration"),
    ],
)
async def test_wrong_use_is_one_line_and_nothing_is_asked(
    app: Scripted, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    try:
        code: object = await ops(app, "reconcile", *arguments)
    except SystemExit as exit_:  # from the parser
        code = exit_.code

    (line,) = capsys.readouterr().err.splitlines()
    assert (code, app.asked) == (2, [])
    assert said in line


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
