"""The order of the list: an operator who is woken sees first what is about money, however much else there is."""

import json

import pytest

from tests.ops.scripted import Asked, Json, Scripted, letter, ops, page_of

LIST = "GET /api/ops/dead-letters"
Printed = pytest.CaptureFixture[str]


def boxed(app: Scripted, *letters: Json) -> None:
    """The app has these, in this order, and answers by severity and in pages as it does."""

    def found(asked: Asked) -> tuple[int, Json]:
        fitting = [each for each in letters if asked.query.get("severity") in (None, each["severity"])]
        first, size = int(asked.query.get("page", "0")), int(asked.query["limit"])
        following = str(first + size) if len(fitting) > first + size else None
        return 200, page_of(fitting[first : first + size], following)

    app.scripts[LIST] = found


def at(number: int, minute: int, severity: str = "normal") -> Json:
    return letter(number, severity=severity, recorded_at=f"2026-01-02T12:{minute:02}:00.000000Z")


def numbers(printed: str) -> list[int]:
    lines = [line for line in printed.splitlines() if line.startswith("00000000-")]
    return [int(line.split()[0][-12:]) for line in lines]


async def test_the_gravest_are_first_and_of_those_the_oldest(app: Scripted, capsys: Printed) -> None:
    boxed(app, at(1, 3, "low"), at(2, 2), at(3, 9, "high"), at(4, 1), at(5, 0, "high"), at(6, 4, "unheard of"))

    await ops(app, "list")

    assert numbers(capsys.readouterr().out) == [5, 3, 4, 2, 6, 1]
    assert len(app.asked) == 1, "a list that is whole needs one question"


async def test_the_gravest_are_shown_however_many_came_before_them(app: Scripted, capsys: Printed) -> None:
    others = [at(each, each) for each in range(1, 21)]
    boxed(app, *others, at(21, 30, "low"), at(22, 40, "high"), at(23, 35, "high"))

    assert await ops(app, "list", "--limit", "5") == 1

    shown = capsys.readouterr().out
    assert numbers(shown) == [23, 22, 1, 2, 3]
    assert shown.splitlines()[-1] == "the first 5 are shown; --all shows every one"


async def test_how_many_of_the_gravest_are_not_shown_is_said(app: Scripted, capsys: Printed) -> None:
    boxed(app, at(1, 0), *(at(each, 59 - each % 60, "high") for each in range(2, 232)))

    await ops(app, "list", "--limit", "3")

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "the first 3 are shown, 227 of severity high are not; --all shows every one"


@pytest.mark.parametrize(("severity", "hidden"), [("high", 1), ("normal", 0)])
async def test_who_asks_for_one_severity_sees_no_other(
    app: Scripted, capsys: Printed, severity: str, hidden: int
) -> None:
    boxed(app, at(1, 1), at(2, 2), at(3, 3), at(4, 4, "high"), at(5, 5, "high"), at(6, 6, "high"))

    await ops(app, "list", "--limit", "2", "--severity", severity, "--json")

    said = json.loads(capsys.readouterr().out)
    assert {each["severity"] for each in said["dead_letters"]} == {severity}
    assert (said["more"], said["high_not_shown"]) == (True, hidden)


async def test_ids_for_scripts_stand_alone_and_that_they_are_not_all_is_said_beside(
    app: Scripted, capsys: Printed
) -> None:
    boxed(app, at(1, 1), at(2, 2, "high"), at(3, 3, "high"))

    await ops(app, "list", "--limit", "1", "--ids")

    printed, beside = capsys.readouterr()
    assert printed.split() == [letter(2)["id"]]
    assert "1 of severity high are not" in beside
