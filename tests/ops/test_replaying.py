"""Replaying one and many: what is asked, at what pace, and what is left to do afterwards."""

import json
import time

import pytest

from ops import replaying
from tests.ops.scripted import Asked, Json, Scripted, letter, ops, page_of, verdict, whole

LIST = "GET /api/ops/dead-letters"
ONE = f"POST /api/ops/dead-letters/{letter(1)['id']}/replay"
MANY = "POST /api/ops/dead-letters/replay"
ID = letter(1)["id"]


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("replayed", 0, "replayed: because 1\n"),
        ("nothing_to_do", 0, "nothing to do: because 1\n"),
        ("cannot", 1, "cannot: because 1\n"),
    ],
)
async def test_a_replay_says_what_came_of_it(
    app: Scripted, word: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(ONE, (200, verdict(1, word)))

    assert await ops(app, "replay", ID) == code

    assert capsys.readouterr().out == said


async def test_a_dry_run_changes_nothing_and_says_what_would_be(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(ONE, (200, verdict(1)))

    assert await ops(app, "replay", ID, "--dry-run") == 1, "something would be done"

    assert app.asked[0].query == {"dry_run": "true"}
    assert capsys.readouterr().out == "would be replayed: because 1\n"


async def test_a_dry_run_that_would_do_nothing_is_nothing_to_do(app: Scripted) -> None:
    app.on(ONE, (200, verdict(1, "nothing_to_do")))

    assert await ops(app, "replay", ID, "--dry-run") == 0


# --- waiting for what becomes of one


def replayed_one(app: Scripted, *, statuses: list[str], letter_is: list[str]) -> None:
    """The replay of letter 1 as payment-1:3; then payment and letter in one status after another."""
    app.on(ONE, (200, verdict(1)))
    app.on(f"{LIST}/{ID}", *((200, whole(1, status=status)) for status in letter_is))
    app.on("GET /api/ops/payments/payment-1", *((200, {"status": status}) for status in statuses))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_LOOK_AGAIN_S", 0.0)


@pytest.mark.usefixtures("impatient")
async def test_waiting_ends_when_the_step_is_done(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    replayed_one(app, statuses=["initiated", "created", "created"], letter_is=["open", "taken_up", "closed"])
    app.on(LIST, (200, page_of([])))

    assert await ops(app, "replay", ID, "--wait", "1m") == 0

    assert capsys.readouterr().out.splitlines()[-1] == "payment payment-1 is created"
    assert len(app.to(f"{LIST}/{ID}")) == 3


@pytest.mark.usefixtures("impatient")
async def test_waiting_ends_when_the_replayed_message_is_dead(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    older = letter(2, payment_id="payment-1", cause="payment-1:2")
    of_another_step = letter(4, payment_id="payment-1", step="settle", cause="payment-1:3")
    newer = letter(3, payment_id="payment-1", cause="payment-1:3")
    replayed_one(app, statuses=["initiated"], letter_is=["taken_up"])
    app.on(LIST, (200, page_of([older, of_another_step])), (200, page_of([older, of_another_step, newer])))

    assert await ops(app, "replay", ID, "--wait", "1m") == 1

    expected = f"it died again (retries_exhausted): dead letter {newer['id']}"
    assert capsys.readouterr().out.splitlines()[-1] == expected
    assert app.to(LIST)[-1].query["payment_id"] == "payment-1"


@pytest.mark.usefixtures("impatient")
async def test_a_merchant_who_could_not_be_told_again_is_a_new_death_although_the_payment_rests(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    again = letter(3, payment_id="payment-1", cause="payment-1:3", reason="notification_undelivered")
    replayed_one(app, statuses=["completed"], letter_is=["closed"])
    app.on(LIST, (200, page_of([again])))

    assert await ops(app, "replay", ID, "--wait", "1m") == 1

    expected = f"it died again (notification_undelivered): dead letter {again['id']}"
    assert capsys.readouterr().out.splitlines()[-1] == expected


@pytest.mark.usefixtures("impatient")
async def test_waiting_ends_when_the_patience_does(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    replayed_one(app, statuses=["initiated"], letter_is=["taken_up"])
    app.on(LIST, (200, page_of([])))

    assert await ops(app, "replay", ID, "--wait", "0s") == 1

    expected = "payment payment-1 is still initiated: it is being worked on"
    assert capsys.readouterr().out.splitlines()[-1] == expected


async def test_a_replay_that_had_nothing_to_do_is_not_waited_for(app: Scripted) -> None:
    app.on(ONE, (200, verdict(1, "nothing_to_do")))

    assert await ops(app, "replay", ID, "--wait", "1m") == 0

    assert len(app.asked) == 1


# --- many


def many(app: Scripted, *pages: tuple[list[Json], str | None]) -> None:
    """A page of verdicts after another; as many letters are listed."""
    number = sum(len(results) for results, _ in pages)
    app.on(LIST, (200, page_of([letter(each) for each in range(1, number + 1)])))
    app.on(
        MANY, *((200, {"dry_run": False, "results": results, "next_page": following}) for results, following in pages)
    )


async def test_all_are_replayed_page_after_page(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    many(app, ([verdict(1), verdict(2)], "second"), ([verdict(3, "nothing_to_do")], None))

    assert await ops(app, "replay", "--all", "--rate", "1000") == 0

    captured = capsys.readouterr()
    assert [asked.body.get("page") for asked in app.to(MANY)] == [None, "second"]
    assert captured.err.splitlines() == ["replayed: 2 of 3", "replayed: 3 of 3"]
    assert captured.out.splitlines()[-1] == "2 replayed, 1 nothing to do"


async def test_every_page_goes_through_what_was_there_at_the_start(app: Scripted) -> None:
    many(app, ([verdict(1)], "second"), ([verdict(2)], None))

    await ops(app, "replay", "--all", "--rate", "1000", "--step", "create")

    expected = {
        "step": "create",
        "recorded_before": "2026-01-02T13:00:00.000000Z",
        "dry_run": False,
        "limit": 200,
    }
    assert [asked.body for asked in app.to(MANY)] == [expected, {**expected, "page": "second"}]


async def test_an_age_counts_from_the_start(app: Scripted) -> None:
    many(app, ([verdict(1)], None))

    await ops(app, "replay", "--all", "--older-than", "30m")

    assert app.asked[0].query["older_than_s"] == "1800"
    assert app.to(MANY)[0].body["recorded_before"] == "2026-01-02T12:30:00+00:00"


async def test_the_next_page_waits_until_the_rate_lets_it(app: Scripted) -> None:
    times: list[float] = []
    pages = [([verdict(1), verdict(2), verdict(3, "cannot")], "second"), ([verdict(4)], None)]
    many(app, *pages)
    answers = app.scripts[MANY]

    def timed(asked: Asked) -> tuple[int, Json]:
        times.append(time.monotonic())
        return answers(asked)

    app.scripts[MANY] = timed

    await ops(app, "replay", "--all", "--rate", "10")

    assert times[1] - times[0] >= 0.19  # two of the three were started, ten a second; less the way of the request


@pytest.mark.parametrize(("rate", "limit"), [("0.5", 1), ("1", 1), ("7", 7), ("10", 10), ("1000", 200)])
async def test_a_page_holds_what_the_rate_lets_through_in_a_second(app: Scripted, rate: str, limit: int) -> None:
    many(app, ([verdict(1)], None))

    await ops(app, "replay", "--all", "--rate", rate)

    assert app.to(MANY)[0].body["limit"] == limit


async def test_what_could_not_be_replayed_is_named_and_left_to_do(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    many(app, ([verdict(1), verdict(2, "cannot"), verdict(3, "failed")], None))

    assert await ops(app, "replay", "--all") == 1

    shown = capsys.readouterr().out
    assert letter(2)["id"] in shown
    assert letter(3)["id"] in shown
    assert letter(1)["id"] not in shown


async def test_a_dry_run_of_many_lists_every_one_and_waits_for_nothing(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    many(app, ([verdict(1), verdict(2)], "second"), ([verdict(3)], None))

    await ops(app, "replay", "--all", "--dry-run", "--rate", "0.01", "--json")

    document = json.loads(capsys.readouterr().out)
    assert [result["letter_id"] for result in document["results"]] == [letter(each)["id"] for each in (1, 2, 3)]
    assert [asked.body["dry_run"] for asked in app.to(MANY)] == [True, True]


@pytest.mark.parametrize(
    ("word", "arguments", "code"),
    [
        ("left_out", (), 1),
        ("left_out", ("--dry-run",), 1),
        ("replayed", ("--dry-run",), 1),
        ("nothing_to_do", ("--dry-run",), 0),
        ("gone", (), 0),
    ],
)
async def test_what_is_left_to_do_of_many(app: Scripted, word: str, arguments: tuple[str, ...], code: int) -> None:
    many(app, ([verdict(1, word)], None))

    assert await ops(app, "replay", "--all", *arguments) == code


async def test_nothing_to_replay_is_nothing_to_do(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    many(app, ([], None))

    assert await ops(app, "replay", "--all") == 0

    assert capsys.readouterr().out == "nothing to replay: no open dead letter matches\n"


@pytest.mark.parametrize(("told", "body"), [((), None), (("--at-once", "4"), 4), (("--at-once", "500"), 200)])
async def test_how_many_go_side_by_side_is_said_to_the_app_when_it_is_said_to_the_command(
    app: Scripted, told: tuple[str, ...], body: int | None
) -> None:
    many(app, ([verdict(1)], None))

    assert await ops(app, "replay", "--all", *told) == 0

    assert app.to(MANY)[0].body.get("at_once") == body
