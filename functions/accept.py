"""accept: POST /api/payments. Translates a request into the command and its outcome into HTTP. Knows no rule."""

import json

import azure.functions as func

from functions.bodies import KEY, refusal_of
from functions.problems import problem, problem_of
from functions.requests import BodyNotJson, RequestInvalid, parse
from functions.route import Request, Route, on_request
from shared.codec.payments import payment_to_json
from shared.domain.decisions import Refused
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.accept import Accepted, accept

ROUTE = Route(name="accept_payment", method="POST", path="payments")

REPLAYED = "Idempotent-Replayed"
"""`true` on the answer to a request that had been accepted before."""

_TITLES = {
    "store_busy": "The store is busy. Send the same request with the same Idempotency-Key again.",
    "store_refuses": "The store refuses. Send the same request with the same Idempotency-Key again, later.",
    "append_unknown": "It is not known whether the payment was stored. Repeat with the same Idempotency-Key.",
}
"""Only a POST has a key that makes its repeat safe. That nothing was stored is never said: the SDK repeats a request by
itself, so a refusal may be that of the repeat.
"""


def blueprint(services: GetServices) -> func.Blueprint:
    """The function `accept_payment`."""
    bp = func.Blueprint()

    async def respond(request: Request) -> func.HttpResponse:
        return await _accept(request.http, traceparent=request.traceparent, services=services)

    on_request(bp, ROUTE, respond=respond)
    return bp


async def _accept(req: func.HttpRequest, *, traceparent: str, services: GetServices) -> func.HttpResponse:
    refusal = refusal_of(req)
    if refusal is not None:
        return refusal
    key = req.headers.get(KEY)
    try:
        command = parse(req.get_body())
        outcome = await accept(command, idempotency_key=key, traceparent=traceparent, services=await services())
    except BodyNotJson as exc:
        return problem("body_not_json", detail=str(exc))
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc, title=_TITLES.get(exc.code))
    return problem(outcome.reason) if isinstance(outcome, Refused) else _accepted(outcome)


def _accepted(accepted: Accepted) -> func.HttpResponse:
    """Built from version 1, so that a repeat of the key gets the same answer at any later time."""
    payment = accepted.stored.payment
    headers = {"Location": f"/api/payments/{payment.payment_id}"}
    if accepted.is_repeat:
        headers[REPLAYED] = "true"
    return func.HttpResponse(
        json.dumps(payment_to_json(payment)), status_code=202, headers=headers, mimetype="application/json"
    )
