"""The imitation of Stripe's API as a service: it outlives a restart, reads no broken form, names what it lacks."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.dispute import dispute, opening
from local.stripe.server import start, utc_now
from local.stripe.state import LATER_S

FORM = {"amount": "1250", "currency": "eur", "payment_method": "pm_card_visa", "metadata[payment_id]": "p-1"}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def running(data: Path, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[str]:
    service = await start(port=0, data=data, hold_s=0.1, clock=clock)
    try:
        yield f"http://127.0.0.1:{service.port}"
    finally:
        await service.close()


async def post(url: str, form: Mapping[str, str], *, key: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    async with aiohttp.ClientSession() as http, http.post(url, data=form, headers=headers) as response:
        return response.status, await response.json()


async def get(url: str, **query: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as http, http.get(url, params=query) as response:
        return response.status, await response.json()


async def test_a_restart_forgets_neither_what_was_done_nor_what_was_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as url:
        _, first = await post(f"{url}/v1/payment_intents", FORM, key="k-1")
        await post(f"{url}/v1/payment_intents/{first['id']}/capture", {}, key="k-2")
        _, refund = await post(f"{url}/v1/refunds", {"payment_intent": first["id"], "amount": "300"}, key="k-3")

    async with running(tmp_path) as url:
        assert (await post(f"{url}/v1/payment_intents", FORM, key="k-1"))[1] == first
        status, body = await post(f"{url}/v1/payment_intents", {**FORM, "amount": "1"}, key="k-1")
        assert (status, body["error"]["type"]) == (400, "idempotency_error")
        intents = (await get(f"{url}/v1/payment_intents"))[1]["data"]
        refunds = (await get(f"{url}/v1/refunds", payment_intent=first["id"]))[1]["data"]

    assert [(each["id"], each["status"], each["amount_received"]) for each in intents] == [
        (first["id"], "succeeded", 1250)
    ]
    assert refunds == [refund]


async def test_a_lost_answer_was_done_and_is_lost_once_also_after_a_restart(tmp_path: Path) -> None:
    form = {**FORM, "payment_method": "pm_card_createTimesOut"}
    async with running(tmp_path) as url:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await post(f"{url}/v1/payment_intents", form, key="k-1")

    async with running(tmp_path) as url:
        status, body = await post(f"{url}/v1/payment_intents", form, key="k-1")
        assert (status, body["status"]) == (200, "requires_capture")
        assert len((await get(f"{url}/v1/payment_intents"))[1]["data"]) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": ""}, "parameter_missing"),
        ({"currency": ""}, "parameter_missing"),
        ({"amount": "12.5"}, "parameter_invalid_integer"),
        ({"amount": "-1"}, "parameter_invalid_integer"),
        ({"amount": "0"}, "parameter_invalid_integer"),
        ({"amount": "1000000000000"}, "amount_too_large"),
        ({"amount": "49"}, "amount_too_small"),
        ({"amount": "5001", "currency": "isk"}, "invalid_charge_amount_no_decimal_compatible"),
        ({"amount": "1234", "currency": "kwd"}, "invalid_charge_amount_no_decimal_compatible"),
        ({"currency": "EUR"}, "invalid_currency"),
        ({"currency": "clf"}, "invalid_currency"),
    ],
)
async def test_a_form_that_cannot_be_read_does_nothing(tmp_path: Path, changes: dict[str, str], code: str) -> None:
    async with running(tmp_path) as url:
        status, body = await post(f"{url}/v1/payment_intents", {**FORM, **changes}, key="k-1")
        listed = await get(f"{url}/v1/payment_intents")

        assert (status, body["error"]["code"], body["error"]["param"]) == (400, code, next(iter(changes)))
        assert listed[1]["data"] == []
        assert (await post(f"{url}/v1/payment_intents", FORM, key="k-1"))[0] == 200, "a refusal uses no key up"


async def test_without_leave_to_fail_an_intent_waits_for_the_cardholder(tmp_path: Path) -> None:
    form = {**FORM, "payment_method": "pm_card_authenticationRequired"}
    async with running(tmp_path) as url:
        waits = await post(f"{url}/v1/payment_intents", form)
        fails = await post(f"{url}/v1/payment_intents", {**form, "error_on_requires_action": "true"})

    assert (waits[0], waits[1]["status"]) == (200, "requires_action")
    assert (fails[0], fails[1]["error"]["code"]) == (402, "authentication_required")


@pytest.mark.parametrize("query", [{"limit": "many"}, {"created[gte]": "soon"}, {"starting_after": "pi_unheard_of"}])
async def test_a_list_that_cannot_be_asked_for_so_is_refused(tmp_path: Path, query: dict[str, str]) -> None:
    async with running(tmp_path) as url:
        assert (await get(f"{url}/v1/payment_intents", **query))[0] == 400


@pytest.mark.parametrize(
    ("method", "first", "last"),
    [
        ("pm_card_visa", "succeeded", "succeeded"),
        ("pm_card_refundDeclined", "failed", "failed"),
        ("pm_card_refundFail", "succeeded", "failed"),
        ("pm_card_pendingRefund", "pending", "succeeded"),
    ],
)
async def test_a_refund_comes_to_its_end_a_while_later_also_after_a_restart(
    tmp_path: Path, method: str, first: str, last: str
) -> None:
    clock = Clock()
    async with running(tmp_path, clock) as url:
        _, intent = await post(f"{url}/v1/payment_intents", {**FORM, "payment_method": method})
        await post(f"{url}/v1/payment_intents/{intent['id']}/capture", {})
        _, refund = await post(f"{url}/v1/refunds", {"payment_intent": intent["id"]})
        clock.now += timedelta(seconds=LATER_S - 1)
        before = (await get(f"{url}/v1/refunds", payment_intent=intent["id"]))[1]["data"]

    clock.now += timedelta(seconds=1)
    async with running(tmp_path, clock) as url:
        after = (await get(f"{url}/v1/refunds", payment_intent=intent["id"]))[1]["data"]
        again = (await post(f"{url}/v1/refunds", {"payment_intent": intent["id"], "amount": "1250"}))[0]

    assert [refund["status"], before[0]["status"], after[0]["status"]] == [first, first, last]
    assert again == (200 if last == "failed" else 400), "what failed may be given back once more"


async def test_what_is_not_there_is_said_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path) as url:
        status, body = await get(f"{url}/charges")
        path, form = opening("p-1", amount_minor=None, reason=None)
        code = await dispute(url, path, body=form)

    assert (status, body["error"]["code"]) == (404, "not_implemented")
    assert code == 1
    assert "not_implemented" in (said := capsys.readouterr().err)
    assert "no disputes" in said
