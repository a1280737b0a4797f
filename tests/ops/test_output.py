"""Tables fit the terminal and are whole elsewhere; progress is a bar in a terminal and lines elsewhere."""

import asyncio
import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ops.output import Progress, age, ask, duration, show_table

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ROWS = [{"ID": "a" * 20, "STEP": "create", "WHY": "w" * 30}, {"ID": "b" * 20, "STEP": "void", "WHY": "short"}]


class Terminal(io.StringIO):
    """Somebody looks at it."""

    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, rows: list[dict[str, str]]) -> list[str]:
    show_table(rows, out=out)
    return out.getvalue().splitlines()


def test_columns_are_aligned() -> None:
    assert shown(io.StringIO(), ROWS)[2] == f"{'b' * 20}  void    short"


def test_a_last_column_that_is_too_long_for_a_terminal_goes_on_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "55")

    lines = shown(Terminal(), ROWS)

    assert lines[1:3] == [f"{'a' * 20}  create  {'w' * 25}", f"{' ' * 30}{'w' * 5}"]
    assert max(map(len, lines)) <= 55


@pytest.mark.parametrize("columns", [12, 40, 50])
def test_where_columns_have_no_room_each_row_is_a_record_and_nothing_is_left_out(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = shown(Terminal(), ROWS)

    assert max(map(len, lines)) <= columns
    assert "".join("".join(lines).split()) == "".join(
        "".join(f"{name}{value}" for name, value in row.items()) for row in ROWS
    )


def test_what_is_searched_is_not_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    assert shown(io.StringIO(), ROWS)[1].endswith("w" * 30)


def test_progress_is_drawn_over_in_a_terminal() -> None:
    out = Terminal()

    with Progress("replayed", total=4, out=out) as progress:
        progress.forward(1)
        progress.forward(3)

    assert out.getvalue() == f"\rreplayed [{'#' * 6}{'.' * 18}] 1 of 4\rreplayed [{'#' * 24}] 4 of 4\n"


def test_progress_is_a_line_per_step_elsewhere() -> None:
    out = io.StringIO()

    with Progress("read", out=out) as progress:
        progress.forward(200)
        progress.forward(50)

    assert out.getvalue().splitlines() == ["read: 200", "read: 250"]


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=61), "1h"),
        (timedelta(hours=49), "2d"),
        (timedelta(seconds=-5), "0s"),
    ],
)
def test_an_age_is_in_its_largest_unit(ago: timedelta, said: str) -> None:
    assert age((NOON - ago).isoformat(), now=NOON) == said


def test_a_duration_is_a_number_with_a_unit() -> None:
    assert [duration(text).total_seconds() for text in ("90s", "10m", "2h", "3d")] == [90, 600, 7200, 259_200]


@pytest.mark.parametrize("text", ["", "m", "10", "-1m", "1.5h", "1w"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


def test_a_ctrl_c_that_came_right_before_the_question_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    async def stopped() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        ask("End it?")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(stopped())
