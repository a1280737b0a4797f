"""The local provider's disputes over its sockets: what a bank can take, what is left to refund, what asking tells."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.clock import ManualClock
from tests.local.provider_support import AMOUNT, HOLD_S, Client, hears_nothing, manual_clock, running, running_provider
from tests.waiting import until

__all__ = ["manual_clock", "running_provider"]


async def statuses(provider: Client, ref: str = "p1") -> list[str]:
    (payment,) = await provider.listed(ref)
    return [each["status"] for each in payment["disputes"]]


async def stands(provider: Client, status: str, *, ref: str = "p1") -> bool:
    return await statuses(provider, ref) == [status]


# --- opening and deciding


async def test_a_dispute_names_the_payment_its_money_and_since_when_it_is_open(
    provider: Client, clock: ManualClock
) -> None:
    created = await provider.paid()

    status, opened = await provider.dispute(amount_minor=500, reason="product_not_received")

    (payment,) = await provider.listed()
    assert status == 201
    assert opened == {
        "dispute_id": opened["dispute_id"],
        "payment_reference": "p1",
        "provider_payment_id": created["provider_payment_id"],
        "capture_id": payment["capture_id"],
        "amount_minor": 500,
        "currency": "EUR",
        "reason": "product_not_received",
        "status": "open",
        "opened_at": clock().isoformat(),
    }
    assert opened["dispute_id"].startswith("dp_")
    assert payment["disputes"] == [opened]
    assert await provider.send("GET", f"/v1/disputes/{opened['dispute_id']}") == (200, opened)


@pytest.mark.parametrize(("word", "status", "gone"), [("win", "won", 0), ("lose", "lost", 500)])
async def test_a_decision_says_when_it_was_made_and_who_has_the_money(
    provider: Client, clock: ManualClock, word: str, status: str, gone: int
) -> None:
    await provider.paid()
    _, opened = await provider.dispute(amount_minor=500)
    while_open = (await provider.charge())["disputed_minor"]
    clock.advance_s(60)

    decided = await provider.decide(opened, word)

    assert decided == (200, {**opened, "status": status, "decided_at": clock().isoformat()})
    assert (while_open, (await provider.charge())["disputed_minor"]) == (500, gone)


async def test_a_bank_that_changes_its_mind_decides_anew_and_moves_the_money(
    provider: Client, clock: ManualClock
) -> None:
    await provider.paid()
    _, opened = await provider.dispute()
    _, first = await provider.decide(opened, "win")
    clock.advance_s(3600)

    _, second = await provider.decide(opened, "lose")

    assert (first["status"], second["status"]) == ("won", "lost")
    assert second["decided_at"] > first["decided_at"]
    assert (await provider.charge())["disputed_minor"] == 1250


async def test_the_same_decision_again_changes_nothing(provider: Client, clock: ManualClock) -> None:
    await provider.paid()
    _, opened = await provider.dispute()
    first = await provider.decide(opened, "lose")
    clock.advance_s(60)

    assert await provider.decide(opened, "lose") == first


async def test_without_an_amount_all_is_disputed_that_is_not_yet(provider: Client) -> None:
    await provider.paid()
    await provider.dispute(amount_minor=500)

    _, rest = await provider.dispute()

    assert (rest["amount_minor"], rest["reason"]) == (750, "fraudulent")
    assert (await provider.charge())["disputed_minor"] == 1250


async def test_no_more_is_disputed_than_was_captured(provider: Client) -> None:
    await provider.paid()

    answers = [await provider.dispute(amount_minor=amount) for amount in (1000, 251, 250, 1)]
    nothing_left = await provider.dispute()

    assert [status for status, _ in answers] == [201, 409, 201, 409]
    assert (nothing_left[0], nothing_left[1]["code"]) == (409, "dispute_exceeds_capture")


async def test_what_was_won_can_be_disputed_again_but_not_lost_twice(provider: Client) -> None:
    await provider.paid()
    _, first = await provider.dispute()
    await provider.decide(first, "win")
    again, _ = await provider.dispute()

    status, refused = await provider.decide(first, "lose")

    assert (again, status, refused["code"]) == (201, 409, "dispute_exceeds_capture")
    assert await statuses(provider) == ["won", "open"]


@pytest.mark.parametrize(("method", "status", "code"), [("pm_ok", 409, "not_captured"), ("", 404, "payment_unknown")])
async def test_what_was_not_captured_is_not_disputed(provider: Client, method: str, status: int, code: str) -> None:
    if method:
        await provider.create(method)

    answer = await provider.dispute()

    assert (answer[0], answer[1]["code"]) == (status, code)


@pytest.mark.parametrize(
    "other",
    [{"amount_minor": 0}, {"amount_minor": "5"}, {"reason": "not a code"}, {"reason": ""}, {"reasons": "fraudulent"}],
)
async def test_a_dispute_that_makes_no_sense_is_refused(provider: Client, other: dict[str, Any]) -> None:
    await provider.paid()

    status, _ = await provider.dispute(**other)

    assert status == 400
    assert await statuses(provider) == []


async def test_of_two_captures_each_can_be_disputed(provider: Client) -> None:
    await provider.send("POST", "/mode", {"forget_request_ids": True})
    created = [await provider.paid() for _ in range(2)]

    disputed = [(await provider.dispute())[1]["provider_payment_id"] for _ in range(2)]

    assert disputed == [each["provider_payment_id"] for each in created]
    assert (await provider.dispute())[0] == 409
    assert (await provider.charge())["disputed_minor"] == 2500


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/disputes/dp_x"), ("POST", "/disputes/dp_x/win")])
async def test_a_dispute_that_nobody_opened_is_unknown(provider: Client, method: str, path: str) -> None:
    status, refused = await provider.send(method, path)

    assert (status, refused["code"]) == (404, "dispute_unknown")
    assert (await provider.send("GET", "/charges"))[1]["charges"] == []


async def test_random_faults_meet_the_question_about_a_dispute_and_it_is_counted(provider: Client) -> None:
    await provider.paid()
    _, opened = await provider.dispute()
    path = f"/v1/disputes/{opened['dispute_id']}"

    await provider.send("POST", "/faults", {"rate_5xx": 1})
    broken, _ = await provider.send("GET", path)
    await provider.send("DELETE", "/faults")
    well = await provider.send("GET", path)
    asks = (await provider.charge())["asks"]
    await provider.send("POST", "/faults", {"rate_timeout_did_nothing": 1, "hold_s": HOLD_S})

    assert (broken, well, asks) == (500, (200, opened), 2)
    await hears_nothing(provider.send("GET", path))


# --- refunds of what is disputed


@pytest.mark.parametrize("decision", [None, "lose"])
async def test_a_refund_of_what_a_dispute_has_taken_is_declined_and_listed_so(
    provider: Client, decision: str | None
) -> None:
    created = await provider.paid()
    _, opened = await provider.dispute(amount_minor=1000)
    if decision:
        await provider.decide(opened, decision)

    status, told = await provider.refund(created, 251)
    rest, _ = await provider.refund(created, 250, refund="r2")

    (payment,) = await provider.listed()
    assert (status, told["code"], rest) == (402, "payment_disputed", 200)
    assert [(each["status"], each.get("code")) for each in payment["refunds"]] == [
        ("declined", "payment_disputed"),
        ("refunded", None),
    ]
    assert (await provider.charge())["refunded_minor"] == 250


async def test_after_a_dispute_was_won_its_money_can_be_given_back(provider: Client) -> None:
    created = await provider.paid()
    _, opened = await provider.dispute()
    await provider.decide(opened, "win")

    assert (await provider.refund(created, 1250))[0] == 200


async def test_more_than_was_captured_is_refused_as_before_also_when_disputed(provider: Client) -> None:
    created = await provider.paid()
    await provider.dispute(amount_minor=1)

    status, told = await provider.refund(created, 1251)

    assert (status, told["code"]) == (409, "refund_exceeds_capture")


async def test_what_was_refunded_may_be_disputed_too(provider: Client) -> None:
    created = await provider.paid()
    await provider.refund(created, 1250)

    status, opened = await provider.dispute()

    assert (status, opened["amount_minor"]) == (201, 1250)


# --- tokens


@pytest.mark.parametrize(
    ("token", "end"), [("pm_disputed", "open"), ("pm_dispute_won", "won"), ("pm_dispute_lost", "lost")]
)
async def test_a_token_brings_a_dispute_over_all_and_decides_it(
    provider: Client, clock: ManualClock, token: str, end: str
) -> None:
    await provider.paid(token)
    at_once = await statuses(provider)

    clock.advance_s(0.2)
    await until(lambda: stands(provider, "open"))
    clock.advance_s(0.2)
    await until(lambda: stands(provider, end))

    assert at_once == []
    (payment,) = await provider.listed()
    assert [(each["amount_minor"], each["reason"]) for each in payment["disputes"]] == [(1250, "fraudulent")]


async def test_a_token_leaves_a_dispute_alone_that_a_person_has_decided(provider: Client, clock: ManualClock) -> None:
    await provider.paid("pm_dispute_won")
    await provider.paid("pm_dispute_won", ref="p2")
    _, opened = await provider.dispute()
    await provider.decide(opened, "lose")

    for status in ("open", "won"):
        clock.advance_s(0.2)
        await until(lambda: stands(provider, status, ref="p2"))  # noqa: B023 - awaited here

    assert await statuses(provider) == ["lost"]


async def test_a_dispute_that_a_person_opened_first_takes_the_place_of_the_tokens(
    provider: Client, clock: ManualClock
) -> None:
    for ref in ("p1", "p2"):
        await provider.paid("pm_disputed", ref=ref)
    _, opened = await provider.dispute(amount_minor=1)

    clock.advance_s(0.2)
    await until(lambda: stands(provider, "open", ref="p2"))

    (payment,) = await provider.listed()
    assert payment["disputes"] == [opened]


async def test_a_dispute_to_come_comes_also_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as provider:
        await provider.paid("pm_dispute_lost")

    for status in ("open", "lost"):
        clock.advance_s(0.2)
        async with running(tmp_path, clock) as provider:
            await until(lambda: stands(provider, status))  # noqa: B023 - awaited here


# --- keeping


async def test_disputes_outlive_the_provider(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as provider:
        created = await provider.paid()
        _, first = await provider.dispute(amount_minor=1000)
        _, decided = await provider.decide(first, "lose")
        await provider.dispute(amount_minor=100)
        listed = await provider.listed()

    async with running(tmp_path, clock) as provider:
        assert await provider.listed() == listed
        assert await provider.send("GET", f"/v1/disputes/{first['dispute_id']}") == (200, decided)
        assert (await provider.charge())["disputed_minor"] == 1100
        assert (await provider.refund(created, 151))[0] == 402


async def test_books_from_before_there_were_disputes_are_read(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as provider:
        await provider.paid()
    with contextlib.closing(sqlite3.connect(tmp_path / "provider.sqlite", isolation_level=None)) as database:
        for rowid, body in database.execute("SELECT rowid, body FROM records").fetchall():
            older = {name: value for name, value in json.loads(body).items() if "disput" not in name}
            database.execute("UPDATE records SET body = ? WHERE rowid = ?", (json.dumps(older), rowid))

    async with running(tmp_path, clock) as provider:
        charge = await provider.charge()
        assert (charge["amount_minor"], charge["disputed_minor"]) == (AMOUNT["amount_minor"], 0)
        assert (await provider.dispute())[0] == 201


# --- the settlement file


async def test_the_settlement_file_has_a_line_for_each_time_that_a_dispute_moves_money(
    provider: Client, clock: ManualClock
) -> None:
    await provider.paid()
    _, opened = await provider.dispute(amount_minor=500)
    for word in ("lose", "win", "win", "lose"):
        clock.advance_s(60)
        await provider.decide(opened, word)

    async with provider.http.get(f"{provider.base}/settlement") as answer:
        lines = [line.split(",") for line in (await answer.text()).splitlines()[1:]]

    of_dispute = [(line[0], line[3]) for line in lines if line[1] == opened["dispute_id"]]
    assert of_dispute == [("dispute", "500"), ("dispute_won", "500"), ("dispute", "500")]
    assert (await provider.charge())["disputed_at"] == clock.now().isoformat()
