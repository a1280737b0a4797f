"""What the provider's answer about a dispute amounts to: only its own words count, and only if all of them fit."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.ports.provider import Busy, Call, DisputeAnswer, Disputed, Misfit, NeverSeen
from tests.builders import PAYMENT_ID, TRACEPARENT, a_payment
from tests.contract.odd_server import OddServer, Said
from tests.contract.provider_words import Make

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAYMENT = a_payment().created().settled().payment
CALL = Call(request_id=f"{PAYMENT_ID}:dispute", traceparent=TRACEPARENT)
OPEN = {
    "dispute_id": "dp_1",
    "payment_reference": PAYMENT_ID,
    "provider_payment_id": "pp_1",
    "amount_minor": 500,
    "currency": "EUR",
    "status": "open",
    "reason": "fraudulent",
    "opened_at": "2026-01-02T13:00:00+01:00",
}
WON = {**OPEN, "status": "won", "decided_at": "2026-01-09T12:00:00Z"}
OPENED_AT, DECIDED_AT = datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 9, 12, tzinfo=UTC)


async def answer(odd: OddServer, at: Make, said: Said) -> DisputeAnswer:
    return await at(odd.answering(listed=said)).dispute(PAYMENT, "dp_1", call=CALL)


@pytest.mark.parametrize(
    ("body", "status", "decided_at"),
    [
        (OPEN, "open", None),
        ({**OPEN, "decided_at": "2026-01-09T12:00:00Z"}, "open", None),
        (WON, "won", DECIDED_AT),
        ({**WON, "status": "lost"}, "lost", DECIDED_AT),
    ],
)
async def test_a_dispute_in_the_providers_words_is_told(
    odd: OddServer, at: Make, body: dict[str, Any], status: Any, decided_at: datetime | None
) -> None:
    told = await answer(odd, at, Said(200, body))

    assert told == Disputed(
        amount_minor=500, code="fraudulent", opened_at=OPENED_AT, status=status, decided_at=decided_at
    )


async def test_a_dispute_says_whose_money_it_is_about(odd: OddServer, at: Make) -> None:
    told = await answer(odd, at, Said(200, {**OPEN, "capture_id": "cap_1"}))

    assert isinstance(told, Disputed)
    assert told.capture_id == "cap_1"


async def test_the_question_names_the_dispute_and_carries_our_trace(odd: OddServer, at: Make) -> None:
    base = odd.answering(listed=Said(200, {**OPEN, "dispute_id": "dp/1"}))

    told = await at(base).dispute(PAYMENT, "dp/1", call=CALL)

    assert isinstance(told, Disputed)
    assert odd.sent[base] == [("GET", "/v1/disputes/dp%2F1")]
    assert odd.headers[base][0]["traceparent"] == TRACEPARENT
    assert "Idempotency-Key" not in odd.headers[base][0]


@pytest.mark.parametrize(
    "said",
    [
        Said(404, {"code": "dispute_unknown"}),
        Said(200, {**OPEN, "payment_reference": "another"}),
        Said(200, {name: value for name, value in OPEN.items() if name != "payment_reference"}),
    ],
)
async def test_a_dispute_that_the_books_do_not_have_for_this_payment_was_never_seen(
    odd: OddServer, at: Make, said: Said
) -> None:
    assert await answer(odd, at, said) == NeverSeen()


@pytest.mark.parametrize(
    ("changes", "misfit"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -500}, "amount_minor"),
        ({"amount_minor": 1251}, "amount_minor"),
        ({"amount_minor": 500.0}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": "500"}, "amount_minor"),
        ({"currency": "USD"}, "currency"),
        ({"currency": None}, "currency"),
        ({"status": "warning"}, "status"),
        ({"status": ["open"]}, "status"),
        ({"reason": ""}, "reason"),
        ({"reason": "two words"}, "reason"),
        ({"reason": None}, "reason"),
        ({"opened_at": None}, "opened_at"),
        ({"opened_at": 5}, "opened_at"),
        ({"opened_at": "yesterday"}, "opened_at"),
        ({"opened_at": "2026-01-02T12:00:00"}, "opened_at"),
        ({"opened_at": "0001-01-01T00:00:00+23:59"}, "opened_at"),
        ({"capture_id": ""}, "capture_id"),
        ({"capture_id": 5}, "capture_id"),
        ({"status": "won"}, "decided_at"),
        ({"status": "lost", "decided_at": "soon"}, "decided_at"),
    ],
)
async def test_what_does_not_fit_is_named_and_teaches_nothing(
    odd: OddServer, at: Make, changes: dict[str, Any], misfit: str
) -> None:
    told = await answer(odd, at, Said(200, {**OPEN, **changes}))

    assert told == Misfit(misfit)


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b"<html>welcome</html>"),
        Said(200, {}),
        Said(200, {**OPEN, "dispute_id": "dp_2"}),
        Said(201, OPEN),
        Said(404, b""),
        Said(404, {"code": "not_found"}),
        Said(302, OPEN, {"Location": "/"}),
        Said(500, {"code": "internal_error"}),
    ],
)
async def test_what_anybody_could_have_said_teaches_nothing(odd: OddServer, at: Make, said: Said) -> None:
    assert isinstance(await answer(odd, at, said), Busy)


async def test_the_providers_wish_to_wait_is_heeded(odd: OddServer, at: Make) -> None:
    told = await answer(odd, at, Said(503, {"code": "unavailable"}, {"Retry-After": "7"}))

    assert isinstance(told, Busy)
    assert told.retry_after_s == 7
