"""What the commands for dead letters ask, print and answer."""

import json

import pytest

from tests.ops.scripted import Scripted, letter, ops, page_of, whole

LIST = "GET /api/ops/dead-letters"
ID = letter(1)["id"]


async def test_open_dead_letters_are_listed_and_are_something_to_do(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(LIST, (200, page_of([letter(1), letter(2)])))

    code = await ops(app, "list")

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert app.asked[0].query == {"status": "open", "limit": "50"}
    assert lines[0].split() == [
        "ID",
        "AGE",
        "STEP",
        "REASON",
        "SEVERITY",
        "AMOUNT",
        "REFERENCE",
        "PAYMENT",
        "DESCRIPTION",
    ]
    assert [line.split()[0] for line in lines[1:]] == [letter(1)["id"], letter(2)["id"]]


async def test_nothing_open_is_nothing_to_do(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, page_of([])))

    assert await ops(app, "list") == 0

    assert capsys.readouterr().out == "no dead letters that are open\n"


async def test_the_filters_are_those_of_the_app(app: Scripted) -> None:
    app.on(LIST, (200, page_of([])))

    await ops(
        app,
        "list",
        "--step",
        "settle",
        "--reason",
        "our_fault",
        "--payment",
        "p",
        "--older-than",
        "2h",
        "--status",
        "any",
    )

    expected = {"step": "settle", "reason": "our_fault", "payment_id": "p", "older_than_s": "7200", "limit": "50"}
    assert app.asked[0].query == expected


@pytest.mark.parametrize("status", ["open", "taken_up", "closed"])
async def test_letters_are_listed_by_how_they_stand(app: Scripted, status: str) -> None:
    app.on(LIST, (200, page_of([letter(1, status=status)])))

    code = await ops(app, "list", "--status", status)

    assert app.asked[0].query["status"] == status
    assert code == (1 if status == "open" else 0)


@pytest.mark.parametrize("word", ["replayed", "discarded", "resolved"])
async def test_a_word_of_an_earlier_release_is_a_wrong_use(app: Scripted, word: str) -> None:
    with pytest.raises(SystemExit) as caught:
        await ops(app, "list", "--status", word)

    assert caught.value.code == 2
    assert app.asked == []


async def test_all_means_every_page(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, page_of([letter(1)], "second")), (200, page_of([], "third")), (200, page_of([letter(2)])))

    await ops(app, "list", "--all", "--json")

    assert [asked.query.get("page") for asked in app.asked] == [None, "second", "third"]
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["dead_letters"]] == [
        letter(1)["id"],
        letter(2)["id"],
    ]


async def test_a_list_that_is_cut_says_so(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, page_of([letter(1)], "second")), (200, page_of([])), (200, page_of([letter(1)], "second")))

    await ops(app, "list", "--limit", "1")

    assert capsys.readouterr().out.splitlines()[-1] == "the first 1 are shown; --all shows every one"


async def test_ids_alone_can_be_handed_to_another_command(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, page_of([letter(1), letter(2)])))

    await ops(app, "list", "--ids")

    assert capsys.readouterr().out.split() == [letter(1)["id"], letter(2)["id"]]


async def test_a_dead_letter_is_shown_with_all_that_decides_what_to_do(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "to finish it, as payment-1:3: it is well again"
    history = [{"at": "2026-01-02T12:00:01.000000Z", "action": "replay", "by": "ada", "note": note}]
    event = {"type": "payment.failed", "occurred_at": "2026-01-02T12:00:00Z", "data": {"reason": "declined"}}
    app.on(f"{LIST}/{ID}", (200, whole(1, history=history)))
    app.on("GET /api/ops/payments/payment-1/events", (200, {"events": [event]}))

    code = await ops(app, "show", ID)

    shown = capsys.readouterr().out
    assert code == 1
    assert "a replay now  would send it again: the payment is initiated and owes create" in shown
    assert "2026-01-02T12:00:00Z  payment.failed reason=declined" in shown
    assert f"2026-01-02T12:00:01Z  replay by ada: {note}" in shown
    assert "payment-1:1 (attempt 6, delivery 1)" in shown
    assert '    "id": 1' in shown


async def test_a_spoilt_message_of_no_payment_is_shown_as_it_is(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    message = {**whole(1)["message"], "body": "not { json"}
    app.on(f"{LIST}/{ID}", (200, whole(1, payment_id=None, message=message, replay_would=None)))

    await ops(app, "show", ID)

    assert "  not { json" in capsys.readouterr().out


async def test_an_unknown_dead_letter_is_a_wrong_use(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(f"{LIST}/{ID}", (404, {"title": "There is no dead letter with this id.", "code": "dead_letter_not_found"}))

    assert await ops(app, "show", ID) == 2

    assert capsys.readouterr().err == "There is no dead letter with this id. (dead_letter_not_found)\n"


@pytest.mark.parametrize(("refund_minor", "shown"), [(550, "5.50 EUR of 12.50 EUR"), (None, "? of 12.50 EUR")])
async def test_of_a_refund_its_own_amount_is_shown(
    app: Scripted, capsys: pytest.CaptureFixture[str], refund_minor: int | None, shown: str
) -> None:
    own = {"step": "refund", "amount_minor": 1250, "currency": "EUR", "reference": "order-1"}
    own |= {"refund_minor": refund_minor} if refund_minor else {}
    app.on(LIST, (200, page_of([letter(1, **own)])))
    app.on(f"{LIST}/{ID}", (200, whole(1, **own)))

    await ops(app, "list")
    await ops(app, "show", ID)

    listed, whole_one = capsys.readouterr().out.split("dead letter")
    assert f"  {shown}  order-1" in listed
    assert f"amount        {shown}\n" in whole_one


async def test_a_discard_hands_over_the_reason(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(
        f"POST /api/ops/dead-letters/{ID}/discard",
        (200, {"letter_id": ID, "discarded": True, "comes_to": "end", "why": "ended as failed"}),
    )

    assert await ops(app, "discard", ID, "--reason", "card stolen") == 0

    assert app.asked[0].body == {"reason": "card stolen"}
    assert capsys.readouterr().out == "discarded: ended as failed\n"


@pytest.mark.parametrize(("comes_to", "code"), [("end", 1), ("close", 1), ("nothing", 0)])
async def test_a_dry_run_of_a_discard_is_something_to_do_if_it_is(app: Scripted, comes_to: str, code: int) -> None:
    answer = {"letter_id": ID, "discarded": True, "comes_to": comes_to, "why": "because"}
    app.on(f"POST /api/ops/dead-letters/{ID}/discard", (200, answer))

    assert await ops(app, "discard", ID, "--reason", "card stolen", "--dry-run") == code

    assert app.asked[0].body == {"reason": "card stolen", "dry_run": True}


async def test_a_discard_that_may_not_be_is_left_to_do(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"letter_id": ID, "discarded": False, "comes_to": "keep", "why": "the provider did not answer"}
    app.on(f"POST /api/ops/dead-letters/{ID}/discard", (409, answer))

    assert await ops(app, "discard", ID, "--reason", "card stolen") == 1

    assert capsys.readouterr().out == "not discarded: the provider did not answer\n"


async def test_somebody_elses_action_that_was_first_is_left_to_look_at(app: Scripted) -> None:
    app.on(f"POST /api/ops/dead-letters/{ID}/discard", (409, {"title": "Look at it again.", "code": "letter_moved"}))

    assert await ops(app, "discard", ID, "--reason", "card stolen") == 1


async def test_drain_goes_on_until_nothing_is_left(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(
        "POST /api/ops/dead-letters/drain",
        (200, {"recorded": 50, "more": True}),
        (200, {"recorded": 7, "more": False}),
    )

    assert await ops(app, "drain") == 0

    captured = capsys.readouterr()
    assert captured.out == "57 dead letters were recorded\n"
    assert captured.err.splitlines() == ["recorded: 50", "recorded: 57"]


UNREADABLE = (500, {"title": "What is stored of this payment cannot be read.", "code": "unreadable"})


async def test_a_letter_is_shown_although_the_events_of_its_payment_cannot_be_read(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(f"{LIST}/{ID}", (200, whole(1, reason="unreadable")))
    app.on("GET /api/ops/payments/payment-1/events", UNREADABLE)

    assert await ops(app, "show", ID) == 1

    shown = capsys.readouterr().out
    assert "events        cannot be read (What is stored of this payment cannot be read. (unreadable))" in shown
    assert '    "id": 1' in shown, "and its body is there"

    await ops(app, "show", ID, "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["id"], said["events"], "unreadable" in said["events_unread"]) == (ID, None, True)
