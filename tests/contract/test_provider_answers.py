"""The provider is believed only when its status, amount, currency, reference and code fit the payment."""

from typing import Any

import pytest

from shared.domain.payment import Step
from shared.ports.provider import Busy, OurFault, Unknown
from tests.builders import PAYMENT_ID, TRACEPARENT, a_payment
from tests.contract.odd_server import OddServer, Said
from tests.contract.provider_words import (
    A_PAGE,
    ABOUT,
    BOOKS,
    DONE,
    MONEY_STEPS,
    NO,
    YES,
    Make,
    asked,
    call,
    found,
    listed,
    remembered,
    sent,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")


# -- a yes has to fit


SAYS_SOMETHING_ELSE = [
    {"status": "pending"},
    {"status": "failed"},
    {"status": "declined"},
    {"status": "AUTHORISED"},
    {"status": None},
    {"status": ["authorised", "captured", "voided"]},
    {"amount_minor": 1251},
    {"amount_minor": "1250"},
    {"amount_minor": 1250.0},
    {"amount_minor": None},
    {"amount_minor": 10**40},
    {"currency": "USD"},
    {"currency": "eur"},
    {"currency": None},
    {"payment_reference": "another payment"},
    {"payment_reference": None},
]


@pytest.mark.parametrize("step", MONEY_STEPS)
@pytest.mark.parametrize("other", SAYS_SOMETHING_ELSE, ids=str)
async def test_a_2xx_that_says_something_else_is_no_yes(
    odd: OddServer, at: Make, step: Step, other: dict[str, Any]
) -> None:
    body = YES[step] | other
    provider = at(odd.answering(Said(200, body), asked=remembered(200, body, step)))

    assert isinstance(await sent(provider, step), Unknown)
    assert isinstance(await asked(provider, step), Busy)


@pytest.mark.parametrize("step", MONEY_STEPS)
@pytest.mark.parametrize("left_out", ["amount_minor", "currency"])
async def test_an_amount_without_its_currency_or_a_currency_without_its_amount_is_no_yes(
    odd: OddServer, at: Make, step: Step, left_out: str
) -> None:
    body = {name: value for name, value in YES[step].items() if name != left_out}

    assert isinstance(await sent(at(odd.answering(Said(200, body))), step), Unknown)


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (step, says)
        for step in MONEY_STEPS
        for says in ("authorised", "captured", "voided")
        if says != YES[step]["status"]
    ],
)
async def test_the_success_of_another_step_is_no_yes(odd: OddServer, at: Make, step: Step, status: str) -> None:
    assert isinstance(await sent(at(odd.answering(Said(200, YES[step] | {"status": status}))), step), Unknown)


@pytest.mark.parametrize("step", [Step.SETTLE, Step.VOID])
async def test_a_yes_about_another_authorisation_is_no_yes(odd: OddServer, at: Make, step: Step) -> None:
    other = Said(200, YES[step] | {"provider_payment_id": "pp_2"})

    assert isinstance(await sent(at(odd.answering(other)), step), Unknown)


@pytest.mark.parametrize("reference", [None, "", 7, ["x"], "a b", "x" * 129, "\ud800", "..", "é"], ids=ascii)
@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_yes_without_a_plain_reference_is_no_yes(
    odd: OddServer, at: Make, step: Step, reference: object
) -> None:
    name = {Step.CREATE: "provider_payment_id", Step.SETTLE: "capture_id", Step.VOID: "void_id"}[step]

    assert isinstance(await sent(at(odd.answering(Said(200, YES[step] | {name: reference}))), step), Unknown)


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_yes_need_not_repeat_what_was_asked_for(odd: OddServer, at: Make, step: Step) -> None:
    body = {name: value for name, value in YES[step].items() if name not in ABOUT}

    assert await sent(at(odd.answering(Said(200, body))), step) == DONE[step]


# -- a no has to be the provider's


@pytest.mark.parametrize("code", [None, "", 51, "a b", "x" * 129, "\ud800", {"code": "card_declined"}], ids=ascii)
async def test_a_402_without_a_code_of_the_providers_fails_no_payment(odd: OddServer, at: Make, code: object) -> None:
    provider = at(odd.answering(Said(402, {"code": code}), asked=remembered(402, {"code": code}, Step.CREATE)))

    assert isinstance(await sent(provider, Step.CREATE), Unknown)
    assert isinstance(await asked(provider, Step.CREATE), Busy)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("0", 0), ("7", 7), ("86400", 86400), ("-7", 0), ("7.5", 0), ("soon", 0), ("٧", 0), ("9" * 5000, 0)],  # noqa: RUF001 - a digit that is not ASCII
    ids=lambda told: str(told)[:8],
)
async def test_when_to_come_back_is_told_by_whoever_answered(
    odd: OddServer, at: Make, told: str, seconds: float
) -> None:
    header = {"Retry-After": told}
    provider = at(
        odd.answering(Said(503, NO, header), asked=Said(503, A_PAGE, header), listed=Said(429, A_PAGE, header))
    )

    busy = await sent(provider, Step.CREATE)
    gateway = await sent(at(odd.answering(Said(429, A_PAGE, header))), Step.CREATE)

    assert busy == Busy("answered 503 no_such_luck", seconds)
    assert isinstance(gateway, Unknown)
    assert gateway.retry_after_s == seconds
    for answer in (await asked(provider, Step.CREATE), await found(provider, Step.CREATE)):
        assert isinstance(answer, Busy)
        assert answer.retry_after_s == seconds


# -- done before, under another id


CONFLICT = {Step.CREATE: "already_created", Step.SETTLE: "already_captured", Step.VOID: "already_voided"}


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_conflict_fresh_or_remembered_is_looked_up_in_the_books(odd: OddServer, at: Make, step: Step) -> None:
    conflict = {"code": CONFLICT[step], "message": "It was done by another request."}
    provider = at(odd.answering(Said(409, conflict), asked=remembered(409, conflict, step), listed=listed(BOOKS[step])))

    assert await sent(provider, step) == DONE[step]
    assert await asked(provider, step) == DONE[step]


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_conflict_that_cannot_be_looked_up_may_have_moved_money(odd: OddServer, at: Make, step: Step) -> None:
    conflict = {"code": CONFLICT[step]}
    provider = at(odd.answering(Said(409, conflict), asked=remembered(409, conflict, step), listed=Said(503, NO)))

    assert isinstance(await sent(provider, step), Unknown)
    assert isinstance(await asked(provider, step), Busy)


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_conflict_that_the_books_deny_is_looked_up_again(odd: OddServer, at: Make, step: Step) -> None:
    conflict = {"code": CONFLICT[step]}
    provider = at(odd.answering(Said(409, conflict), asked=remembered(409, conflict, step), listed=listed()))

    assert isinstance(await sent(provider, step), Unknown)
    assert isinstance(await asked(provider, step), Busy)


@pytest.mark.parametrize(
    ("status", "code"), [(409, "already_voided"), (409, "not_already_captured"), (422, "already_captured")]
)
async def test_another_conflict_is_not_looked_up(odd: OddServer, at: Make, status: int, code: str) -> None:
    base = odd.answering(Said(status, {"code": code}), listed=listed(BOOKS[Step.SETTLE]))

    assert await sent(at(base), Step.SETTLE) == OurFault(f"{status} {code}")
    assert [method for method, _ in odd.sent[base]] == ["POST"]


# -- asking by request id


@pytest.mark.parametrize(
    "body",
    [
        {"request_id": "another:create", "status_code": 201, "answer": YES[Step.CREATE]},
        {"request_id": None, "status_code": 201, "answer": YES[Step.CREATE]},
        {"status_code": 201, "answer": [YES[Step.CREATE]]},
        {"status_code": True, "answer": YES[Step.CREATE]},
        {"status_code": "201", "answer": YES[Step.CREATE]},
        {"status_code": 201.0, "answer": YES[Step.CREATE]},
        {"answer": YES[Step.CREATE]},
        YES[Step.CREATE],
        [],
        {"code": "request_unknown"},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_a_memory_that_makes_no_sense_tells_nothing(odd: OddServer, at: Make, body: Any) -> None:
    assert isinstance(await asked(at(odd.answering(asked=Said(200, body))), Step.CREATE), Busy)


# -- what the provider is told


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_each_call_goes_under_our_trace_and_what_moves_money_under_its_request_id(
    odd: OddServer, at: Make, step: Step
) -> None:
    base = odd.answering(Said(200, YES[step]), asked=remembered(200, YES[step], step), listed=listed(BOOKS[step]))
    provider = at(base)

    for spoken in (sent, asked, found):
        assert await spoken(provider, step) == DONE[step]

    told = [(headers.get("Idempotency-Key"), headers.get("traceparent")) for headers in odd.headers[base]]
    assert told == [(f"{PAYMENT_ID}:{step.value}", TRACEPARENT), (None, TRACEPARENT), (None, TRACEPARENT)]


async def test_whatever_the_provider_calls_a_payment_is_one_part_of_the_path(odd: OddServer, at: Make) -> None:
    base = odd.answering(Said(200, YES[Step.SETTLE]))
    payment = a_payment().created("pp/../1?b#c").payment

    await at(base).settle(payment, call(Step.SETTLE))

    assert odd.sent[base] == [("POST", "/v1/payments/pp%2F..%2F1%3Fb%23c/capture")]
