"""What the tests of the provider's adapter share: its right words for one payment, and the questions put to it."""

from collections.abc import Callable
from typing import Any

from shared.adapters.provider.client import HttpProvider
from shared.domain.payment import Payment, Step
from shared.ports.provider import AskAnswer, Call, Done
from tests.builders import PAYMENT_ID, TRACEPARENT, a_payment
from tests.contract.odd_server import Said

type Make = Callable[[str], HttpProvider]
"""The adapter, with this base URL."""

MONEY_STEPS = (Step.CREATE, Step.SETTLE, Step.VOID)
ABOUT = {"payment_reference": PAYMENT_ID, "amount_minor": 1250, "currency": "EUR"}
YES: dict[Step, dict[str, Any]] = {
    Step.CREATE: {"provider_payment_id": "pp_1", "status": "authorised", **ABOUT},
    Step.SETTLE: {"provider_payment_id": "pp_1", "capture_id": "cap_1", "status": "captured", **ABOUT},
    Step.VOID: {"provider_payment_id": "pp_1", "void_id": "vo_1", "status": "voided", **ABOUT},
}
DONE = {Step.CREATE: Done("pp_1"), Step.SETTLE: Done("cap_1"), Step.VOID: Done("vo_1")}
NO = {"code": "no_such_luck", "message": "The provider's own words."}
A_PAGE = b"<html><head><title>Sorry</title></head><body><h1>Bad gateway</h1></body></html>"
SOMEBODYS = {"statusCode": 429, "message": "Rate limit is exceeded.", "error": {"code": "throttled"}}
ANYBODYS = {"an empty body": b"", "a page": A_PAGE, "somebody's JSON": SOMEBODYS}


def payment_at(step: Step) -> Payment:
    story = a_payment()
    return {Step.CREATE: story, Step.SETTLE: story.created(), Step.VOID: story.created().declined("settle")}[
        step
    ].payment


def call(step: Step) -> Call:
    return Call(request_id=f"{PAYMENT_ID}:{step.value}", traceparent=TRACEPARENT)


async def sent(provider: HttpProvider, step: Step) -> AskAnswer:
    send = {Step.CREATE: provider.create, Step.SETTLE: provider.settle, Step.VOID: provider.void}[step]
    return await send(payment_at(step), call(step))


async def asked(provider: HttpProvider, step: Step) -> AskAnswer:
    return await provider.ask(payment_at(step), step, call=call(step))


async def found(provider: HttpProvider, step: Step) -> AskAnswer:
    return await provider.find(payment_at(step), step, call=call(step))


def remembered(status: Any, answer: Any, step: Step) -> Said:
    """The provider's answer to a question by request id."""
    return Said(200, {"request_id": f"{PAYMENT_ID}:{step.value}", "status_code": status, "answer": answer})


def listed(*tries: Any, has_more: Any = False) -> Said:
    """The provider's answer to a question by reference."""
    return Said(200, {"payments": list(tries), "has_more": has_more})


def a_try(status: str, **other: Any) -> dict[str, Any]:
    return {"provider_payment_id": "pp_1", "status": status, **ABOUT, **other}


BOOKS = {
    Step.CREATE: a_try("authorised"),
    Step.SETTLE: a_try("captured", capture_id="cap_1"),
    Step.VOID: a_try("voided", void_id="vo_1"),
}
