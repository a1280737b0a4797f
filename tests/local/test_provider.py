"""The local provider over its own sockets: what it does, what it remembers, what asking tells."""

import asyncio
from typing import Any

import pytest

from tests.builders import NOON
from tests.clock import ManualClock
from tests.local.provider_support import AMOUNT, Client, manual_clock, running_provider  # noqa: F401 - fixtures, used by name

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
        "refunded_minor": 0,
        "times_refunded": {},
        "disputed_minor": 0,
        "captured_at": NOON.isoformat(),
        "status": "captured",
    }


async def test_every_yes_names_the_payment_its_money_and_how_it_now_stands(provider: Client) -> None:
    _, created = await provider.create()
    _, captured = await provider.capture(created)
    _, other = await provider.create(ref="p2")
    _, voided = await provider.void(other, ref="p2")

    about = {"payment_reference": "p1", "provider_payment_id": created["provider_payment_id"], **AMOUNT}
    assert created == {**about, "status": "authorised"}
    assert captured == {**about, "status": "captured", "capture_id": captured["capture_id"], "refunds": []}
    assert (voided["payment_reference"], voided["amount_minor"], voided["status"]) == ("p2", 1250, "voided")


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


async def test_request_ids_are_forgotten_after_a_day(provider: Client, clock: ManualClock) -> None:
    _, created = await provider.create()

    clock.advance_s(24 * 3600)

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
    nothing_since: dict[str, list[Any]] = {"refunds": [], "disputes": []}
    assert listed == [{"provider_payment_id": created["provider_payment_id"], **expected, **nothing_since}]


async def test_a_list_says_that_it_is_complete(provider: Client) -> None:
    assert await provider.send("GET", "/v1/payments?payment_reference=p1") == (200, {"payments": [], "has_more": False})


async def test_a_declined_create_is_listed_as_declined(provider: Client) -> None:
    declined = await provider.create("pm_declined")

    listed = await provider.listed()

    assert (declined[0], declined[1]["code"]) == (402, "card_declined")
    assert [(each["status"], each["code"]) for each in listed] == [("declined", "card_declined")]
    assert (await provider.ask("p1:create"))[1]["status_code"] == 402


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
