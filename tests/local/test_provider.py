"""The local provider over its own sockets: what it does, what it remembers, what asking tells, what kill -9 leaves."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.provider import start
from local.provider.faults import Faults
from local.provider.merchant import Endpoint
from local.provider.tokens import TOKENS, Operation

ROOT = Path(__file__).parents[2]
AMOUNT = {"amount_minor": 1250, "currency": "EUR"}
HOLD_S = 0.05


@dataclass
class Client:
    """Calls one provider as the payment `ref` would."""

    http: aiohttp.ClientSession
    base: str

    async def send(self, method: str, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
        """Status code and body; None when there is no body."""
        headers = {"Idempotency-Key": key} if key else {}
        async with self.http.request(method, self.base + path, json=body, headers=headers) as response:
            content = await response.json() if response.content_type == "application/json" else None
            return response.status, content

    async def create(self, method: str = "pm_ok", *, ref: str = "p1", key: str | None = None) -> tuple[int, Any]:
        body = {"payment_reference": ref, **AMOUNT, "payment_method": method}
        return await self.send("POST", "/v1/payments", body, key or f"{ref}:create")

    async def capture(self, created: Any, *, ref: str = "p1", key: str | None = None, **other: Any) -> tuple[int, Any]:
        body = {"payment_reference": ref, **AMOUNT, **other}
        path = f"/v1/payments/{created['provider_payment_id']}/capture"
        return await self.send("POST", path, body, key or f"{ref}:settle")

    async def void(self, created: Any, *, ref: str = "p1", key: str | None = None) -> tuple[int, Any]:
        path = f"/v1/payments/{created['provider_payment_id']}/void"
        return await self.send("POST", path, {"payment_reference": ref}, key or f"{ref}:void")

    async def ask(self, request_id: str) -> tuple[int, Any]:
        return await self.send("GET", f"/v1/requests/{request_id}")

    async def listed(self, ref: str = "p1") -> list[Any]:
        _, found = await self.send("GET", f"/v1/payments?payment_reference={ref}")
        payments: list[Any] = found["payments"]
        return payments

    async def charge(self, ref: str = "p1") -> Any:
        return (await self.send("GET", f"/charges/{ref}"))[1]


class Clock:
    """A clock that stands until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextlib.asynccontextmanager
async def running(data: Path, clock: Clock) -> AsyncIterator[Client]:
    service = await start(port=0, data=data, clock=clock, slow_s=HOLD_S, hold_s=HOLD_S)
    async with aiohttp.ClientSession() as http:
        yield Client(http, f"http://127.0.0.1:{service.port}")
    await service.close()


@pytest_asyncio.fixture
async def provider(tmp_path: Path, clock: Clock) -> AsyncIterator[Client]:
    async with running(tmp_path, clock) as client:
        yield client


async def hears_nothing(call: Awaitable[object]) -> None:
    """The caller's connection is cut without an answer."""
    with pytest.raises(aiohttp.ClientConnectionError):
        await call


# --- ordinary calls


async def test_a_payment_is_authorised_then_captured_and_charged_once(provider: Client) -> None:
    created_status, created = await provider.create()

    captured_status, captured = await provider.capture(created)

    assert (created_status, created["status"]) == (201, "authorised")
    assert (captured_status, captured["status"]) == (200, "captured")
    assert captured["capture_id"].startswith("cap_")
    assert await provider.charge() == {
        "payment_id": "p1",
        **AMOUNT,
        "times_charged": 1,
        "requests": 2,
        "asks": 0,
        "voided": False,
        "status": "captured",
    }


async def test_a_payment_can_be_voided_and_then_not_captured(provider: Client) -> None:
    _, created = await provider.create()

    voided_status, voided = await provider.void(created)
    captured_status, refused = await provider.capture(created)

    assert (voided_status, voided["status"]) == (200, "voided")
    assert voided["void_id"].startswith("vo_")
    assert (captured_status, refused["code"]) == (409, "already_voided")
    assert (await provider.charge())["voided"] is True


async def test_a_captured_payment_can_be_neither_voided_nor_captured_by_another_request(provider: Client) -> None:
    _, created = await provider.create()
    await provider.capture(created)

    void_status, void = await provider.void(created)
    again_status, again = await provider.capture(created, key="p1:settle-again")

    assert (void_status, void["code"]) == (409, "already_captured")
    assert (again_status, again["code"]) == (409, "already_captured")


@pytest.mark.parametrize(
    ("other", "code"),
    [({"amount_minor": 1251}, "amount_mismatch"), ({"currency": "USD"}, "amount_mismatch")],
)
async def test_only_the_authorised_amount_can_be_captured(provider: Client, other: dict[str, Any], code: str) -> None:
    _, created = await provider.create()

    status, refused = await provider.capture(created, **other)

    assert (status, refused["code"]) == (400, code)


async def test_a_payment_that_does_not_exist_cannot_be_captured(provider: Client) -> None:
    status, refused = await provider.capture({"provider_payment_id": "pp_none"})

    assert (status, refused["code"]) == (404, "payment_unknown")


@pytest.mark.parametrize("field", ["payment_reference", "amount_minor", "currency", "payment_method"])
async def test_a_create_that_lacks_a_field_is_refused_by_its_name(provider: Client, field: str) -> None:
    body = {"payment_reference": "p1", **AMOUNT, "payment_method": "pm_ok"}
    del body[field]

    status, refused = await provider.send("POST", "/v1/payments", body, "p1:create")

    assert status == 400
    assert field in refused["message"]


async def test_a_request_without_an_idempotency_key_is_refused(provider: Client) -> None:
    body = {"payment_reference": "p1", **AMOUNT, "payment_method": "pm_ok"}

    status, refused = await provider.send("POST", "/v1/payments", body)

    assert status == 400
    assert "Idempotency-Key" in refused["message"]


async def test_an_operation_it_does_not_know_is_answered_by_name(provider: Client) -> None:
    status, refused = await provider.send("POST", "/v1/payments/pp_1/refund", {})

    assert (status, refused["code"]) == (404, "not_implemented")
    assert "/v1/payments/pp_1/refund" in refused["message"]


# --- request ids


async def test_the_same_request_again_gets_the_same_answer_and_does_nothing(provider: Client) -> None:
    _, created = await provider.create()
    first = await provider.capture(created)

    second = await provider.capture(created)

    assert second == first
    assert (await provider.charge())["times_charged"] == 1


async def test_a_replayed_answer_says_so(provider: Client) -> None:
    await provider.create()
    body = {"payment_reference": "p1", **AMOUNT, "payment_method": "pm_ok"}

    headers = {"Idempotency-Key": "p1:create"}
    async with provider.http.post(f"{provider.base}/v1/payments", json=body, headers=headers) as replayed:
        assert replayed.headers["Idempotent-Replayed"] == "true"


async def test_another_body_under_the_same_key_is_refused(provider: Client) -> None:
    await provider.create()

    status, refused = await provider.create("pm_slow")

    assert (status, refused["code"]) == (422, "idempotency_key_reused")


async def test_twenty_equal_requests_at_once_make_one_payment(provider: Client) -> None:
    answers = await asyncio.gather(*(provider.create("pm_slow") for _ in range(20)))

    assert len({answer["provider_payment_id"] for _, answer in answers}) == 1
    assert len(await provider.listed()) == 1


async def test_a_provider_that_forgets_request_ids_charges_twice_and_still_answers_questions(provider: Client) -> None:
    await provider.send("POST", "/mode", {"forget_request_ids": True})
    _, created = await provider.create()

    await provider.capture(created)
    await provider.capture(created)
    await provider.create()

    assert (await provider.send("GET", "/mode"))[1]["forget_request_ids"] is True
    assert (await provider.charge())["times_charged"] == 2
    assert len(await provider.listed()) == 2
    assert (await provider.ask("p1:settle"))[0] == 200


async def test_request_ids_are_forgotten_after_a_day(provider: Client, clock: Clock) -> None:
    _, created = await provider.create()

    clock.now += timedelta(days=1)

    assert (await provider.ask("p1:create"))[1]["code"] == "request_unknown"
    assert (await provider.listed())[0]["provider_payment_id"] == created["provider_payment_id"]


# --- asking


async def test_asking_by_request_id_tells_the_remembered_answer(provider: Client) -> None:
    _, created = await provider.create()

    known = await provider.ask("p1:create")
    unknown = await provider.ask("p1:settle")

    assert known == (200, {"request_id": "p1:create", "status_code": 201, "answer": created})
    assert unknown[0] == 404
    assert unknown[1]["code"] == "request_unknown"
    assert (await provider.charge())["asks"] == 2


async def test_asking_by_reference_lists_what_was_made_and_how_it_stands(provider: Client) -> None:
    nothing = await provider.listed()
    _, created = await provider.create()
    _, captured = await provider.capture(created)

    listed = await provider.listed()

    assert nothing == []
    expected = {"payment_reference": "p1", **AMOUNT, "status": "captured", "capture_id": captured["capture_id"]}
    assert listed == [{"provider_payment_id": created["provider_payment_id"], **expected}]


async def test_a_declined_create_is_listed_as_declined(provider: Client) -> None:
    declined = await provider.create("pm_declined")

    listed = await provider.listed()

    assert (declined[0], declined[1]["code"]) == (402, "card_declined")
    assert [(each["status"], each["code"]) for each in listed] == [("declined", "card_declined")]
    assert (await provider.ask("p1:create"))[1]["status_code"] == 402


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


async def test_asking_answers_while_the_caller_still_waits(tmp_path: Path, clock: Clock) -> None:
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

    documented = re.findall(r"^\| `(pm_\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)

    assert documented == [(name, *(token.behaviour(each) for each in Operation)) for name, token in TOKENS.items()]


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


# --- charges


async def test_charges_are_listed_in_pages(provider: Client) -> None:
    for ref in ("a", "b", "c"):
        await provider.create(ref=ref)

    _, everything = await provider.send("GET", "/charges")
    _, first = await provider.send("GET", "/charges?limit=2")
    _, second = await provider.send("GET", f"/charges?limit=2&after={first['next_after']}")

    assert [each["payment_id"] for each in everything["charges"]] == ["a", "b", "c"]
    assert [each["payment_id"] for each in first["charges"]] == ["a", "b"]
    assert [each["payment_id"] for each in second["charges"]] == ["c"]
    assert second["next_after"] is None


# --- the merchant


@pytest.mark.parametrize(
    ("endpoint", "statuses"),
    [("ok", [204, 204]), ("slow", [204, 204]), ("fails-twice", [500, 500, 204, 204]), ("down", [503, 503])],
)
async def test_the_merchant_answers_by_path(provider: Client, endpoint: str, statuses: list[int]) -> None:
    event = {"subject": "p1", "type": "regispay.payment.settled.v1"}

    answers = [(await provider.send("POST", f"/merchant/{endpoint}", event, "p1:notify"))[0] for _ in statuses]

    assert answers == statuses


async def test_the_merchant_logs_what_arrived_once_per_request_id(provider: Client) -> None:
    event = {"subject": "p1", "type": "regispay.payment.settled.v1"}
    for _ in range(3):
        await provider.send("POST", "/merchant/fails-twice", event, "p1:notify")

    _, log = await provider.send("GET", "/merchant/notifications?payment_id=p1")

    assert log["notifications"] == [
        {
            "request_id": "p1:notify",
            "payment_id": "p1",
            "type": "regispay.payment.settled.v1",
            "endpoint": "fails-twice",
            "times_seen": 3,
            "times_accepted": 1,
        }
    ]


async def test_a_merchant_that_is_down_accepts_after_repair(provider: Client) -> None:
    await provider.send("POST", "/merchant/repair")

    status, _ = await provider.send("POST", "/merchant/down", {"subject": "p1"}, "p1:notify")

    assert status == 204


# --- keeping


async def test_a_restart_forgets_nothing(tmp_path: Path, clock: Clock) -> None:
    async with running(tmp_path, clock) as before:
        _, created = await before.create("pm_fails_twice", ref="p2")
        _, created = await before.create()
        captured = await before.capture(created)
        await before.send("POST", "/merchant/fails-twice", {"subject": "p1"}, "p1:notify")
        await before.send("POST", "/mode", {"forget_request_ids": False, "remember_requests_s": 60})
        await before.send("POST", "/faults", {"rate_5xx": 0.0, "seed": 3})
        await before.send("POST", "/repair")
        charges = await before.send("GET", "/charges")

    async with running(tmp_path, clock) as after:
        assert await after.send("GET", "/charges") == charges
        assert await after.capture(created) == captured
        assert (await after.create("pm_fails_twice", ref="p2"))[0] == 500
        assert (await after.create("pm_fails_twice", ref="p2"))[0] == 201
        assert (await after.create("pm_down", ref="p3"))[0] == 201
        assert (await after.send("GET", "/mode"))[1]["remember_requests_s"] == 60
        assert (await after.send("GET", "/faults"))[1]["seed"] == 3
        assert (await after.send("POST", "/merchant/fails-twice", {"subject": "p1"}, "p1:notify"))[0] == 500
        assert (await after.send("POST", "/merchant/fails-twice", {"subject": "p1"}, "p1:notify"))[0] == 204


async def test_kill_9_takes_back_nothing_that_was_acknowledged(tmp_path: Path, clock: Clock) -> None:
    command = ("-m", "local.provider", "--port", "0", "--data", str(tmp_path))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    ready = (await process.stdout.readline()).decode().split()
    acknowledged: list[str] = []

    async def customer(number: int) -> None:
        for nth in range(1000):
            ref = f"p{number}-{nth}"
            _, created = await client.create(ref=ref)
            await client.capture(created, ref=ref)
            acknowledged.append(ref)
            if len(acknowledged) == 100:
                process.send_signal(signal.SIGKILL)

    async with aiohttp.ClientSession() as http:
        client = Client(http, f"http://127.0.0.1:{ready[2]}")
        await asyncio.gather(*(customer(number) for number in range(16)), return_exceptions=True)
    await process.wait()

    async with running(tmp_path, clock) as after:
        assert ready[:2] == ["ready", "provider"]
        assert len(acknowledged) >= 100
        assert {(await after.charge(ref))["times_charged"] for ref in acknowledged} == {1}
