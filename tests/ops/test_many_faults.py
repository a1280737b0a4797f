"""A fault, or Ctrl-C, in the middle of many: what was done is told all the same, and nothing more is begun."""

import asyncio
import json
import os
import signal

import pytest

from ops import client, replaying_many
from tests.ops.discards import ALL, listed, path_of, told
from tests.ops.scripted import Asked, Json, Scripted, letter, ops, page_of, started, verdict
from tests.waiting import until

LIST = "GET /api/ops/dead-letters"
MANY = "POST /api/ops/dead-letters/replay"
BUSY = (503, {"title": "Nothing was stored.", "code": "store_busy"})
GONE = (404, {"title": "There is no dead letter with this id.", "code": "dead_letter_not_found"})
NONSENSE = (200, {"something": "else"})
FILTERED = (*ALL, "--step", "create")
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LONGEST_WAIT_S", 0.0)
    monkeypatch.setattr(replaying_many, "_LOOK_AGAIN_S", 0.0)


def faulty(app: Scripted, route: str, fault: tuple[int, Json] | None) -> None:
    """None: the connection is cut."""
    if fault is None:
        app.cut(route)
    else:
        app.on(route, fault)


FAULTS = [
    pytest.param(BUSY, "Nothing was stored. (store_busy)", id="busy"),
    pytest.param(None, "cannot reach", id="cut"),
    pytest.param(GONE, "There is no dead letter with this id.", id="gone"),
    pytest.param(NONSENSE, "an answer was not as expected", id="nonsense"),
]


# --- discard


def fails_when_done(app: Scripted, number: int, fault: tuple[int, Json] | None) -> None:
    """It can be looked at, and what was done before it can be read."""
    looked = app.scripts[path_of(number)]
    faulty(app, path_of(number), fault)
    broken = app.scripts[path_of(number)]
    app.scripts[path_of(number)] = lambda asked: looked(asked) if asked.body.get("dry_run") else broken(asked)


@pytest.mark.parametrize(("fault", "why"), FAULTS)
async def test_a_discard_of_many_that_meets_a_fault_tells_what_it_did(
    app: Scripted, capsys: Printed, fault: tuple[int, Json] | None, why: str
) -> None:
    own = {"payment_id": "payment-1"}
    listed(app, *(letter(each, **own) for each in (1, 2, 3, 4)))
    fails_when_done(app, 2, fault)

    assert await ops(app, *FILTERED, "--yes") == 2

    done, errors = capsys.readouterr()
    assert done.splitlines()[-1] == "2 not begun, 1 discarded, 1 failed"
    (line,) = [each for each in done.splitlines() if letter(2)["id"] in each]
    assert why in line
    assert errors.splitlines()[-1].startswith("stopped: ")
    assert set(told(app, dry=False)) == {1, 2}


async def test_programs_are_told_too(app: Scripted, capsys: Printed) -> None:
    own = {"payment_id": "payment-1"}
    listed(app, *(letter(each, **own) for each in (1, 2, 3)))
    fails_when_done(app, 2, BUSY)

    assert await ops(app, *FILTERED, "--yes", "--json") == 2

    said = json.loads(capsys.readouterr().out)
    assert [each["outcome"] for each in said["results"]] == ["discarded", "failed", "not begun"]
    assert said["counts"] == {"discarded": 1, "failed": 1, "not begun": 1}


async def test_after_a_fault_no_other_payment_is_begun(app: Scripted, capsys: Printed) -> None:
    listed(app, *(letter(each) for each in range(1, 101)))
    fails_when_done(app, 1, GONE)

    assert await ops(app, *FILTERED, "--yes", "--json") == 2

    assert len(told(app, dry=False)) <= 8 + 8, "those that were under way, and what took their places meanwhile"
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert sum(counts.values()) == 100


async def test_a_fault_while_looking_discards_nothing(app: Scripted, capsys: Printed) -> None:
    own = {"payment_id": "payment-1"}
    listed(app, letter(1, **own), letter(2, **own), letter(3, **own))
    app.on(path_of(2), BUSY)

    assert await ops(app, *FILTERED, "--yes") == 2

    assert told(app, dry=False) == []
    assert capsys.readouterr().out.splitlines()[-1] == "1 failed, 1 not begun, 1 would be discarded"


async def test_ctrl_c_in_a_discard_of_many_tells_what_was_done(app: Scripted) -> None:
    own = {"payment_id": "payment-1"}
    listed(app, letter(1, **own), letter(2, **own), letter(3, **own))
    looked = app.scripts[path_of(2)]

    def held_when_done(asked: Asked) -> tuple[int, Json]:
        app.hold(path_of(2))
        return looked(asked)

    app.scripts[path_of(2)] = held_when_done
    process = await started(app, *FILTERED, "--yes", "--json")

    async def is_asking() -> bool:
        return told(app, dry=False) == [1, 2]

    await until(is_asking, limit_s=20, every_s=0.02)
    process.send_signal(signal.SIGINT)
    printed, errors = await process.communicate()

    assert process.returncode == 130
    assert json.loads(printed)["counts"] == {"discarded": 1, "not begun": 1, "not known": 1}
    assert b"stopped; the same command can be given again" in errors


async def test_ctrl_c_at_the_question_ends_at_once_and_discards_nothing(app: Scripted) -> None:
    listed(app, letter(1))
    terminal, stdin = os.openpty()
    try:
        process = await started(app, *ALL, stdin=stdin)
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readuntil(b"[y/N] "), 20)

        process.send_signal(signal.SIGINT)
        printed, errors = await asyncio.wait_for(process.communicate(), 20)
    finally:
        os.close(terminal)
        os.close(stdin)

    assert (process.returncode, printed) == (130, b"")
    assert b"stopped" in errors
    assert told(app, dry=False) == []


# --- replay


def replaying(app: Scripted, *, number: int, fault: tuple[int, Json] | None) -> None:
    """So many letters are open; the second page of one letter each meets the fault."""
    app.on(LIST, (200, page_of([letter(each) for each in range(1, number + 1)])))
    faulty(app, MANY, fault)
    broken, first = app.scripts[MANY], {"dry_run": False, "results": [verdict(1)], "next_page": "second"}
    app.scripts[MANY] = lambda asked: broken(asked) if asked.body.get("page") else (200, first)


@pytest.mark.parametrize(("fault", "why"), FAULTS)
async def test_a_replay_of_many_that_meets_a_fault_tells_what_it_did(
    app: Scripted, capsys: Printed, fault: tuple[int, Json] | None, why: str
) -> None:
    replaying(app, number=4, fault=fault)

    assert await ops(app, "replay", "--all", "--rate", "1.9", "--wait", "1m") == 2

    done, errors = capsys.readouterr()
    assert "2 not begun, 1 failed, 1 replayed" in done.splitlines()
    assert why in done
    assert errors.splitlines()[-1].startswith("stopped: ")


async def test_programs_are_told_of_a_replay_too(app: Scripted, capsys: Printed) -> None:
    replaying(app, number=3, fault=BUSY)

    assert await ops(app, "replay", "--all", "--rate", "1.9", "--json") == 2

    said = json.loads(capsys.readouterr().out)
    assert [each["verdict"] for each in said["results"]] == ["replayed", "failed", "not_begun"]
    assert said["counts"] == {"replayed": 1, "failed": 1, "not_begun": 1}


async def test_a_fault_of_the_last_page_is_said_although_each_letter_has_its_answer(
    app: Scripted, capsys: Printed
) -> None:
    replaying(app, number=1, fault=BUSY)

    assert await ops(app, "replay", "--all", "--rate", "1000") == 2

    done, errors = capsys.readouterr()
    assert done.splitlines()[-1] == "1 replayed"
    assert "stopped: Nothing was stored. (store_busy)" in errors


@pytest.mark.parametrize(("fault", "why"), FAULTS)
async def test_a_fault_while_waiting_does_not_lose_what_was_replayed(
    app: Scripted, capsys: Printed, fault: tuple[int, Json] | None, why: str
) -> None:
    faulty(app, LIST, fault)
    broken, letters = app.scripts[LIST], (200, page_of([letter(1)]))
    app.scripts[LIST] = lambda asked: broken(asked) if asked.query["status"] == "closed" else letters
    app.on(MANY, (200, {"dry_run": False, "results": [verdict(1)], "next_page": None}))

    assert await ops(app, "replay", "--all", "--wait", "1m", "--json") == 2

    said = json.loads(capsys.readouterr().out)
    assert (said["counts"], said["became"]) == ({"replayed": 1}, {"under way": 1})
    assert why in said["results"][0]["why"]


async def test_ctrl_c_in_a_replay_of_many_tells_what_was_done(app: Scripted) -> None:
    replaying(app, number=4, fault=BUSY)
    first = app.scripts[MANY]

    def then_held(asked: Asked) -> tuple[int, Json]:
        app.hold(MANY)
        return first(asked)

    app.scripts[MANY] = then_held
    process = await started(app, "replay", "--all", "--rate", "1.9", "--json")

    async def is_asking() -> bool:
        return len(app.to(MANY)) == 2

    await until(is_asking, limit_s=20, every_s=0.02)
    process.send_signal(signal.SIGINT)
    printed, _ = await process.communicate()

    assert process.returncode == 130
    assert json.loads(printed)["counts"] == {"replayed": 1, "not_known": 1, "not_begun": 2}


async def test_letters_that_somebody_else_has_dealt_with_are_counted_by_themselves(
    app: Scripted, capsys: Printed
) -> None:
    app.on(LIST, (200, page_of([letter(each) for each in (1, 2, 3)])))
    app.on(MANY, (200, {"dry_run": False, "results": [verdict(2)], "next_page": None}))

    assert await ops(app, "replay", "--all") == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split()[:4] == ["2", "no", "longer", "open"]
    assert shown[-1] == "2 no longer open, 1 replayed"
