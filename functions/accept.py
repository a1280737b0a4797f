"""accept: POST /api/payments. Translates a request into the command and its outcome into HTTP. Knows no rule."""

import json
from functools import partial

import azure.functions as func

from functions.bodies import BodyNotJson
from functions.caller import Doors, Role
from functions.faults import RequestInvalid
from functions.idempotency import REPLAYED, KeyInvalid, key_in
from functions.problems import problem, problem_of
from functions.queries import nothing_in
from functions.requests import NEAR, Reach, parse
from functions.route import Request, Route, blueprint_of
from shared.codec.payments import payment_to_json
from shared.domain.decisions import Refused
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.accept import Accepted, By, accept

ROUTE = Route(name="accept_payment", method="POST", path="payments", needs=Role.CREATE)

_TITLES = {
    "store_busy": "The store is busy. Send the same request with the same Idempotency-Key again.",
    "store_refuses": "The store refuses. Send the same request with the same Idempotency-Key again, later.",
    "append_unknown": "It is not known whether the payment was stored. Repeat with the same Idempotency-Key.",
}
"""Only a POST has a key that makes its repeat safe. That nothing was stored is never said: the SDK repeats a request by
itself, so a refusal may be that of the repeat.
"""


def blueprint(services: GetServices, *, doors: Doors, reach: Reach = NEAR) -> func.Blueprint:
    """The function `accept_payment`."""
    return blueprint_of({ROUTE: partial(_accept, services=services, reach=reach)}, doors=doors)


async def _accept(request: Request, *, services: GetServices, reach: Reach) -> func.HttpResponse:
    try:
        nothing_in(request.http)
        key = key_in(request.http)
        by = By(merchant_id=request.caller.merchant_id, idempotency_key=key, traceparent=request.traceparent)
        outcome = await accept(parse(request.http.get_body(), reach=reach), by=by, services=await services())
    except KeyInvalid:
        return problem("idempotency_key_invalid")
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
