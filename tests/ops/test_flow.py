"""What the command for the flow prints of what the app sees."""

import copy
import json
from typing import Any

import pytest

from contracts.flow_sample import flow_seen
from tests.ops.scripted import Json, Scripted, ops

FLOW = "GET /api/ops/flow"
Printed = pytest.CaptureFixture[str]


def seen(**changes: Any) -> Json:
    """As the app itself answers, with one payment that waits for a person. changes: by their path, with two _."""
    flow = copy.deepcopy(flow_seen())
    for path, value in changes.items():
        *places, last = path.split("__")
        at = flow
        for place in places:
            at = at[place]
        at[last] = value
    return flow


async def printed(app: Scripted, capsys: Printed, flow: Json, *, code: int = 1) -> list[str]:
    app.on(FLOW, (200, flow))
    assert await ops(app, "flow") == code
    return capsys.readouterr().out.splitlines()


def row(lines: list[str], name: str) -> list[str]:
    (found,) = [line for line in lines if line.split(" ")[0] == name]
    return found.split()


async def test_each_step_says_what_waits_for_it_and_what_is_parked(app: Scripted, capsys: Printed) -> None:
    lines = await printed(app, capsys, seen())

    assert row(lines, "STEP") == ["STEP", "OWED", "LATE", "OLDEST", "PARKED", "LISTENS", "AT", "FUNCTION"]
    assert row(lines, "settle") == ["settle", "1", "1", "5m", "1", "normal", "payment-created/settle", "settle_payment"]
    assert row(lines, "create")[1:5] == ["0", "0", "-", "0"]


async def test_each_topic_says_how_much_went_to_it(app: Scripted, capsys: Printed) -> None:
    lines = await printed(app, capsys, seen())

    assert row(lines, "payment-created") == ["payment-created", "1", "1"]
    assert row(lines, "payment-voided") == ["payment-voided", "0", "0"]


async def test_below_stands_what_a_person_would_ask_next(app: Scripted, capsys: Printed) -> None:
    lines = await printed(app, capsys, seen())

    assert lines[-5:] == [
        "in ten minutes: 1 completed, 0 failed, 0 voided",
        "completed after 3.1 s (p50), 3.1 s (p99)",
        "the publisher has read everything; the read model has read everything",
        "1 dead letters are open, the oldest for 5m",
        "as of 2026-01-02T12:00:08Z; events since 2026-01-02T11:50:08Z; build 6f0c1d2",
    ]


async def test_a_reader_that_stands_still_is_named(app: Scripted, capsys: Printed) -> None:
    behind = {"lag_s": 7200, "unread": 12}
    lines = await printed(
        app, capsys, seen(feeds__publish=behind, feeds__project={"lag_s": 0, "unread": 1}, letters__elsewhere__high=2)
    )

    assert "the publisher has 12 changes to read and has stood still for 2h; the read model has 1 changes to read" in (
        lines
    )
    assert any(line.endswith("of no step: 2 high") for line in lines)


async def test_where_nothing_is_open_nothing_is_left_to_do(app: Scripted, capsys: Printed) -> None:
    none = {"p50": None, "p99": None, "curve": [None]}
    lines = await printed(app, capsys, seen(letters__open=0, times__completed_s=none), code=0)

    assert "no dead letter is open" in lines
    assert "nothing was completed in ten minutes" in lines


async def test_how_long_a_repeat_took_is_told_where_there_was_one(app: Scripted, capsys: Printed) -> None:
    certain = {"p50": 61.0, "p99": 61.5, "curve": [[61.0, 61.5]]}
    lines = await printed(app, capsys, seen(times__certain_s=certain))

    assert any(line.endswith("another attempt was certain after 61 s (p50), 62 s (p99)") for line in lines)


async def test_programs_get_what_the_app_says(app: Scripted, capsys: Printed) -> None:
    app.on(FLOW, (200, seen()))

    assert await ops(app, "flow", "--json") == 1
    assert json.loads(capsys.readouterr().out) == seen()
