"""What the terminal of `make run` says of later payments."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from local.telling import LINES, Moves, lines, payments_told
from tests.ops.scripted import Scripted, scripted

BEGAN = datetime(2026, 1, 2, 12, tzinfo=UTC)
LIST = "GET /api/ops/payments"


def row(number: int = 1, status: str = "completed", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"payment-{number}",
        "status": status,
        "amount_minor": 1250,
        "currency": "EUR",
        "reference": f"order-{number}",
        "moved_at": "2026-01-02T12:00:01.000000Z",
        "refunded_minor": 0,
        "disputed_minor": 0,
        "broken": [],
        **changes,
    }


def test_a_payment_is_told_of_when_its_status_is_another() -> None:
    moves = Moves(BEGAN)

    assert moves.among([row(status="created")]) == [row(status="created")]
    assert moves.among([row(status="created")]) == []
    assert moves.among([row()]) == [row()]


@pytest.mark.parametrize("change", [{"refunded_minor": 500}, {"disputed_minor": 500}, {"broken": ["notify"]}])
def test_what_the_status_does_not_say_is_told_too(change: dict[str, Any]) -> None:
    moves = Moves(BEGAN)
    moves.among([row()])

    assert moves.among([row(**change)]) == [row(**change)]


def test_what_moved_before_is_not_told_even_if_it_comes_late() -> None:
    early = "2026-01-02T11:59:59.999999Z"
    moves = Moves(BEGAN)

    assert moves.among([row(moved_at=early)]) == []
    assert moves.among([row(2, moved_at=early), row(3), row(moved_at=early)]) == [row(3)]


def test_the_oldest_comes_first() -> None:
    assert Moves(BEGAN).among([row(2), row(1)]) == [row(1), row(2)]


def test_a_line_has_time_id_amount_reference_and_status() -> None:
    assert lines([row()]) == ["  12:00:01  payment-1  12.50 EUR  order-1  completed"]


def test_a_line_says_what_went_back_and_what_broke() -> None:
    (line,) = lines([row(refunded_minor=500, disputed_minor=250, broken=["refund"])])

    assert line.endswith("completed  5.00 EUR refunded  2.50 EUR disputed  broke: refund")


def test_more_than_a_screen_of_payments_is_counted() -> None:
    many = [row(number) for number in range(LINES + 5)]

    told = lines([*many, row(99, "failed")])

    assert len(told) == LINES + 1
    assert told[-1] == "  ... and 6 more payments: 5 completed, 1 failed"


async def until(app: Scripted, *, asked: int) -> None:
    while len(app.to(LIST)) < asked:
        await asyncio.sleep(0.01)


async def test_what_an_app_answers_late_is_told_and_has_no_power_over_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.telling.EVERY_S", 0.01)
    future = "2999-01-02T12:00:01.000000Z"
    async with scripted() as app:
        app.on(LIST, (503, ""), (200, {"payments": [row(reference="x\n\x1b[2J", moved_at=future)]}))
        async with payments_told(app.url):
            await until(app, asked=4)

    assert capsys.readouterr().out == "  12:00:01  payment-1  12.50 EUR  x\\n\\x1b[2J  completed\n"


async def test_where_nobody_may_see_the_list_it_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted() as app:
        app.on(LIST, (403, {"code": "role_missing"}))
        async with payments_told(app.url):
            await until(app, asked=1)
            await asyncio.sleep(0.05)

    assert "later payments are not shown" in capsys.readouterr().err
    assert len(app.to(LIST)) == 1
