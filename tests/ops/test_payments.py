"""What the commands for payments ask, print and answer."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.operators_asked import RowStatus
from ops.words import PAYMENT_STATUSES
from shared.domain.payment import Status
from shared.domain.rows import UNKNOWN
from tests.ops.rows import LIST, page_of, row
from tests.ops.scripted import Scripted, ops

Printed = pytest.CaptureFixture[str]


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
