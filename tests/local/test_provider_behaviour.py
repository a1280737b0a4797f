"""What the local provider does with each test token, under random faults, and as the merchant."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.provider import start
from local.provider.faults import Faults
from local.provider.merchant import Endpoint
from local.provider.tokens import TOKENS, Operation
from local.supervisor import ROOT
from tests.clock import ManualClock
from tests.local.provider_support import (  # noqa: F401 - fixtures, used by name
    AMOUNT,
    HOLD_S,
    OTHER_KEY,
    Client,
    hears_nothing,
    manual_clock,
    running_provider,
)

# --- tokens


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [("pm_invalid", 400, "invalid_payment_method"), ("pm_nonsense", 400, "unknown_payment_method")],
)
async def test_a_payment_method_that_is_our_fault(provider: Client, token: str, status: int, code: str) -> None:
    answer = await provider.create(token)

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert (await provider.charge())["times_charged"] == 0


async def test_a_method_that_fails_twice_works_at_the_third_attempt_of_each_operation(provider: Client) -> None:
    creates = [await provider.create("pm_fails_twice") for _ in range(3)]

    captures = [await provider.capture(creates[-1][1]) for _ in range(3)]

    assert [status for status, _ in creates] == [500, 500, 201]
    assert [status for status, _ in captures] == [500, 500, 200]


@pytest.mark.parametrize("token", ["pm_down", "pm_settle_down"])
async def test_what_is_down_works_after_repair_and_not_after_break(provider: Client, token: str) -> None:
    await provider.send("POST", "/repair")
    _, created = await provider.create(token)
    await provider.send("POST", "/break")

    while_down = await provider.capture(created)
    await provider.send("POST", "/repair")
    repaired = await provider.capture(created)

    assert (while_down[0], repaired[0]) == (503, 200)


async def test_a_method_that_is_down_says_when_to_come_back(provider: Client) -> None:
    body = {"payment_reference": "p1", **AMOUNT, "payment_method": "pm_down"}

    headers = {"Idempotency-Key": "p1:create"}
    async with provider.http.post(f"{provider.base}/v1/payments", json=body, headers=headers) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")


async def test_a_create_that_timed_out_was_done_and_asking_tells_so(provider: Client) -> None:
    await hears_nothing(provider.create("pm_times_out_once"))

    _, asked = await provider.ask("p1:create")
    again_status, again = await provider.create("pm_times_out_once")

    assert asked["status_code"] == 201
    assert (again_status, again) == (201, asked["answer"])


async def test_a_capture_that_timed_out_has_moved_money_once(provider: Client) -> None:
    _, created = await provider.create("pm_settle_times_out_once")
    await hears_nothing(provider.capture(created))

    again_status, _ = await provider.capture(created)

    assert again_status == 200
    assert (await provider.charge())["times_charged"] == 1


async def test_asking_answers_while_the_caller_still_waits(tmp_path: Path, clock: ManualClock) -> None:
    service = await start(port=0, data=tmp_path, clock=clock, hold_s=3600)
    async with aiohttp.ClientSession() as http:
        provider = Client(http, f"http://127.0.0.1:{service.port}")
        waiting = asyncio.create_task(provider.create("pm_times_out_once"))

        while (await provider.ask("p1:create"))[0] == 404:
            assert not waiting.done()

        await service.close()
        await hears_nothing(waiting)


@pytest.mark.parametrize("void", ["fails_twice", "times_out_once", "down"])
async def test_a_payment_whose_capture_is_declined_stays_authorised_until_voided(provider: Client, void: str) -> None:
    _, created = await provider.create(f"pm_settle_declined_void_{void}")
    declined = await provider.capture(created)
    await provider.send("POST", "/repair")

    statuses = []
    while 200 not in statuses:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            statuses.append((await provider.void(created))[0])

    assert (declined[0], declined[1]["code"]) == (402, "capture_declined")
    assert [each["status"] for each in await provider.listed()] == ["voided"]
    assert (await provider.charge())["times_charged"] == 0


def test_the_documented_table_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "test-tokens.md").read_text()

    documented = re.findall(r"^\| `(pm_\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)

    assert documented == [(name, *(token.behaviour(each) for each in Operation)) for name, token in TOKENS.items()]


def test_the_documented_disputes_are_those_in_the_code() -> None:
    text = (ROOT / "docs" / "test-tokens.md").read_text()

    documented = re.findall(r"^\| `(pm_\w+)` \| (\w+) \| [^|]+ \|$", text, re.MULTILINE)

    assert documented == [(name, token.dispute) for name, token in TOKENS.items() if token.dispute]


def test_every_word_and_every_merchant_endpoint_is_explained() -> None:
    text = (ROOT / "docs" / "test-tokens.md").read_text()

    words = {token.behaviour(each) for token in TOKENS.values() for each in Operation}

    assert {word for word in words if f"\n| {word} |" not in text} == set()
    assert {endpoint for endpoint in Endpoint if f"/merchant/{endpoint}`" not in text} == set()


# --- faults


async def test_random_faults_do_what_their_name_says(provider: Client) -> None:
    async def meets(fault: dict[str, float], call: Callable[[], Awaitable[tuple[int, Any]]]) -> int | None:
        await provider.send("POST", "/faults", {**fault, "hold_s": HOLD_S})
        try:
            return (await call())[0]
        except aiohttp.ClientConnectionError:
            return None
        finally:
            await provider.send("DELETE", "/faults")

    assert await meets({"rate_5xx": 1}, provider.create) == 500
    assert await meets({"rate_429": 1}, provider.create) == 429
    assert await meets({"rate_timeout_did_nothing": 1}, provider.create) is None
    assert await provider.listed() == []
    assert await meets({"rate_timeout_did_it": 1}, provider.create) is None
    assert len(await provider.listed()) == 1


def test_the_same_seed_meets_the_same_calls_whatever_their_order() -> None:
    faults = Faults(rate_5xx=0.2, rate_timeout_did_it=0.2, rate_429=0.2, seed=7)
    calls = [f"p{n}:create:1" for n in range(300)]

    drawn = [faults.draw(call) for call in calls]

    assert drawn == [faults.draw(call) for call in reversed(calls)][::-1]
    assert 120 < sum(fault is not None for fault in drawn) < 240


@pytest.mark.parametrize("faults", [{"rate_6xx": 0.1}, {"rate_5xx": "much"}, {"rate_5xx": 0.7, "rate_429": 0.7}])
async def test_faults_that_make_no_sense_are_refused(provider: Client, faults: dict[str, Any]) -> None:
    status, refused = await provider.send("POST", "/faults", faults)

    assert (status, refused["code"]) == (400, "invalid_request")


# --- the merchant


@pytest.mark.parametrize(
    ("endpoint", "statuses"),
    [("ok", [204, 204]), ("slow", [204, 204]), ("fails-twice", [500, 500, 204, 204]), ("down", [503, 503])],
)
async def test_the_merchant_answers_by_path(provider: Client, endpoint: str, statuses: list[int]) -> None:
    event = {"subject": "p1", "type": "regispay.payment.settled.v1"}

    answers = [await provider.notify(endpoint, event, key="p1:notify") for _ in statuses]

    assert answers == statuses


async def test_the_merchant_logs_what_arrived_once_per_request_id(provider: Client) -> None:
    event = {"subject": "p1", "type": "regispay.payment.settled.v1"}
    for _ in range(3):
        await provider.notify("fails-twice", event, key="p1:notify")

    _, log = await provider.send("GET", "/merchant/notifications?payment_id=p1")

    assert log["notifications"] == [
        {
            "request_id": "p1:notify",
            "payment_id": "p1",
            "type": "regispay.payment.settled.v1",
            "endpoint": "fails-twice",
            "times_seen": 3,
            "times_accepted": 1,
            "times_forged": 0,
        }
    ]


async def test_a_merchant_that_is_down_accepts_after_repair(provider: Client) -> None:
    await provider.send("POST", "/merchant/repair")

    assert await provider.notify("down", {"subject": "p1"}, key="p1:notify") == 204


async def test_a_merchant_refuses_what_the_app_has_not_signed_and_remembers_it(provider: Client) -> None:
    unsigned, _ = await provider.send("POST", "/merchant/ok", {"subject": "p1"}, "p1:notify")
    forged = await provider.notify("ok", {"subject": "p1"}, key="p1:notify", secret=OTHER_KEY)
    signed = await provider.notify("ok", {"subject": "p1"}, key="p1:notify")

    assert (unsigned, forged, signed) == (401, 401, 204)
    _, log = await provider.send("GET", "/merchant/notifications?payment_id=p1")
    (told,) = log["notifications"]
    assert (told["times_seen"], told["times_forged"], told["times_accepted"]) == (3, 2, 1)
