"""How a payment is followed: until it rests, or a person has to look at it; and what is said of it then."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.commands import run
from local.datafolder import word_left
from local.pay import NotAtRest, Order, Paid, pay
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from tests.builders import PAYMENT_ID, Story, a_payment
from tests.ops.scripted import Scripted, scripted

PAYMENT = f"GET /api/payments/{PAYMENT_ID}"
HOSTILE, SHOWN = "x\n\x1b[2J\u202e", r"x\n\x1b[2J\u202e"


@pytest_asyncio.fixture(name="app")
async def an_app_that_takes_payments() -> AsyncIterator[Scripted]:
    async with scripted() as script:
        script.on("POST /api/payments", (202, {"payment_id": PAYMENT_ID, "status": "initiated"}))
        yield script


def goes(app: Scripted, *stories: Story, **last: Any) -> None:
    """What the app shows each time that it is asked, as it writes it itself. last: more fields of the last answer."""
    *shown, end = [payment_to_json(story.payment) for story in stories]
    events = [event_to_json(stored) for stored in stories[-1].stored]
    app.on(PAYMENT, *((200, each) for each in [*shown, end | last]))
    app.on(f"{PAYMENT}/events", (200, {"payment_id": PAYMENT_ID, "events": events}))


async def paid(app: Scripted) -> Paid:
    async with aiohttp.ClientSession() as http:
        return await pay(http, app.url, order=Order(), limit_s=60)


def parked(step: str) -> dict[str, Any]:
    wait = {"step": step, "since": "2026-01-02T12:00:00Z", "state": "parked", "reason": "retries_exhausted"}
    return {"waiting": [wait]}


async def test_a_decline_rests_and_says_its_code(app: Scripted) -> None:
    goes(app, a_payment(), a_payment().declined())

    end = await paid(app)

    assert (end.status, end.code) == ("failed", "card_declined")
    assert end.timeline().startswith(f"payment {PAYMENT_ID} failed (card_declined) after ")


async def test_what_fails_after_it_was_authorised_is_followed_until_it_is_voided(app: Scripted) -> None:
    failed = a_payment().created().declined("settle")
    goes(app, failed, failed, failed.voided())

    end = await paid(app)

    assert (end.status, end.code) == ("voided", "card_declined")
    assert [event.type for event in end.events][-2:] == ["payment.failed", "payment.voided"]


async def test_what_failed_with_its_money_taken_has_nothing_to_void(app: Scripted) -> None:
    goes(app, a_payment().created().settled().declined("settle"))

    assert (await paid(app)).status == "failed"


async def test_a_payment_that_is_completed_has_no_code(app: Scripted) -> None:
    goes(app, a_payment().created().settled().completed())

    end = await paid(app)

    assert end.timeline().startswith(f"payment {PAYMENT_ID} completed after ")


@pytest.mark.parametrize(
    ("story", "status", "step"),
    [(a_payment(), "initiated", "create"), (a_payment().created().declined("settle"), "failed", "void")],
)
async def test_a_payment_that_waits_for_a_person_says_so_at_once_and_how_to_look_at_it(
    app: Scripted, story: Story, status: str, step: str
) -> None:
    goes(app, story, **parked(step))

    with pytest.raises(NotAtRest) as told:
        await paid(app)

    assert str(told.value) == (
        f"payment {PAYMENT_ID} is {status} and waits for a person: {step} is parked (retries_exhausted); "
        f"look at it: python -m ops --url {app.url} payment {PAYMENT_ID}"
    )


async def test_a_payment_that_is_only_held_up_is_followed(app: Scripted) -> None:
    wait = {"step": "settle", "since": "2026-01-02T12:00:00Z", "state": "retrying"}
    goes(app, a_payment().created().settled().completed())
    held_up = payment_to_json(a_payment().created().payment) | {"waiting": [wait]}
    completed = payment_to_json(a_payment().created().settled().completed().payment)
    app.on(PAYMENT, (200, held_up), (503, ""), (200, completed))

    assert (await paid(app)).status == "completed"


async def test_whose_merchant_could_not_be_told_is_completed_and_at_rest(app: Scripted) -> None:
    goes(app, a_payment().created().settled().completed("undelivered"), **parked("notify"))

    assert (await paid(app)).status == "completed"


async def test_what_the_app_writes_has_no_power_over_the_terminal(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    declined = payment_to_json(a_payment().declined().payment)
    goes(app, a_payment().declined())
    app.on(PAYMENT, (200, {**declined, "failed": {**declined["failed"], "code": HOSTILE}}))

    await asyncio.to_thread(run, ["pay", "--url", app.url], {})
    app.on("POST /api/payments", (400, HOSTILE))
    await asyncio.to_thread(run, ["pay", "--url", app.url], {})

    printed, faults = capsys.readouterr()
    assert printed.startswith(f"payment {PAYMENT_ID} failed ({SHOWN}) after ")
    assert faults == f"POST {app.url}/api/payments answered 400: {SHOWN}\n"


async def test_what_an_app_says_of_its_readiness_has_no_power_either(
    app: Scripted, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    app.on("GET /api/health/ready", (503, HOSTILE))

    with word_left(tmp_path, {"url": app.url, "started_at": "2026-01-02T12:00:00+00:00"}):
        exit_code = await asyncio.to_thread(run, ["status", "--data", str(tmp_path)], {})

    assert exit_code == 1
    assert capsys.readouterr().out.splitlines()[0].endswith(f"503 {SHOWN}")
