"""What a caller is told when the store does not answer: a POST repeats its key, all others just repeat."""

import json
from types import SimpleNamespace
from typing import Any, Never

import azure.functions as func
import pytest

from functions import accept, query
from functions.problems import STATUS_OF, FieldFault, problem, problem_of
from shared import errors
from shared.errors import AppendUnknown, PaymentsError, StoreBusy, StoreThrottles, TurnOver
from shared.services import GetServices
from tests.flow.kit.doors import LOCAL
from tests.unit.docs_tables import bare, table

ORDER = {"amount_minor": 1250, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"}
ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
LAPTOP = {"host": "127.0.0.1"}
CONTEXT = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=None), invocation_id="the-invocation")


def failing(fault: type[PaymentsError]) -> GetServices:
    async def services() -> Never:
        raise fault("tried, in vain")

    return services


async def told(blueprint: func.Blueprint, name: str, **arguments: Any) -> dict[str, Any]:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    (function,) = (each for each in app.get_functions() if each.get_function_name() == name)
    document: dict[str, Any] = json.loads((await function.get_user_function()(**arguments)).get_body())
    return document


@pytest.mark.parametrize("fault", [StoreBusy, AppendUnknown])
async def test_a_post_is_told_to_repeat_with_its_key(fault: type[PaymentsError]) -> None:
    headers = {**LAPTOP, "content-type": "application/json"}
    request = func.HttpRequest("POST", "/api/payments", headers=headers, body=json.dumps(ORDER).encode())

    document = await told(accept.blueprint(failing(fault), doors=LOCAL), "accept_payment", req=request, context=CONTEXT)

    assert (document["code"], document["status"]) == (fault.code, 503)
    assert "with the same Idempotency-Key" in document["title"]
    assert "stored" not in document["title"].partition("whether the payment was stored")[0]


async def test_an_answer_without_a_trace_carries_the_id_of_the_call() -> None:
    request = func.HttpRequest("GET", "/api/payments/x", headers=LAPTOP, route_params={"payment_id": "x"}, body=b"")
    app = func.FunctionApp()
    app.register_functions(query.blueprint(failing(StoreBusy), doors=LOCAL))
    (function,) = (each for each in app.get_functions() if each.get_function_name() == "get_payment")

    answer = await function.get_user_function()(req=request, context=CONTEXT)

    assert answer.headers["X-Correlation-Id"] == "the-invocation"


@pytest.mark.parametrize(("after_s", "said"), [(0.2, "1"), (0.0, "1"), (2.5, "3"), (30.0, "30")])
def test_whoever_is_throttled_is_told_whole_seconds_and_never_none(after_s: float, said: str) -> None:
    answer = problem_of(StoreThrottles("slow down", retry_after_s=after_s))

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, said)


async def test_a_get_hears_of_no_key_and_of_nothing_stored() -> None:
    request = func.HttpRequest("GET", f"/api/payments/{ID}", headers=LAPTOP, route_params={"payment_id": ID}, body=b"")

    document = await told(query.blueprint(failing(StoreBusy), doors=LOCAL), "get_payment", req=request, context=CONTEXT)

    assert (document["code"], document["status"]) == ("store_busy", 503)
    assert document["title"] == "The store is busy. Do the same again: it is safe."


def test_every_fault_that_reaches_a_caller_has_an_answer() -> None:
    foreseen = {fault.code for fault in PaymentsError.__subclasses__() if fault.__module__ == errors.__name__}

    assert foreseen - set(STATUS_OF) == {TurnOver.code}, "only steps have turns"


def test_every_refusal_of_a_caller_is_in_the_documents() -> None:
    listed = {bare(row["`code` of a 403"]) for row in table("api.md", heading="`code` of a 403")}

    assert listed == {code for code, (status, _) in STATUS_OF.items() if status == 403}


def test_what_has_no_faulty_fields_speaks_of_none() -> None:
    fault = FieldFault("amount_minor", "int_type", "Must be a number")

    assert "errors" not in json.loads(problem("store_busy").get_body())
    assert len(json.loads(problem("request_invalid", errors=[fault]).get_body())["errors"]) == 1


def test_only_the_codes_of_a_key_speak_of_it_to_everybody() -> None:
    named = {code for code, (_, title) in STATUS_OF.items() if "Idempotency-Key" in title}

    assert named == {"idempotency_key_invalid", "idempotency_key_required", "idempotency_key_reused"}
