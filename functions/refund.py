"""refund: POST /api/payments/{payment_id}/refunds. Translates a request and its outcome. Knows no rule."""

import json
from functools import partial

import azure.functions as func

from functions.bodies import BodyNotJson
from functions.caller import Doors, Role
from functions.faults import RequestInvalid
from functions.idempotency import REPLAYED, KeyInvalid, key_in
from functions.problems import problem, problem_of
from functions.queries import nothing_in
from functions.query import payment_id_in
from functions.requests import parse_refund
from functions.route import Request, Route, blueprint_of
from shared.codec.values import time_to_json
from shared.domain.decisions import Refused
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.refund import RefundAccepted, refund

ROUTE = Route(name="request_refund", method="POST", path="payments/{payment_id}/refunds", needs=Role.REFUND)


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The function `request_refund`."""
    return blueprint_of({ROUTE: partial(_refund, services=services)}, doors=doors)


async def _refund(request: Request, *, services: GetServices) -> func.HttpResponse:
    try:
        payment_id, key = payment_id_in(request.http), key_in(request.http)
        if key is None:
            return problem("idempotency_key_required")
        if payment_id is None:
            return problem("payment_not_found")
        nothing_in(request.http)
        command, at_hand = parse_refund(request.http.get_body()), await services()
        outcome = await refund(
            command,
            payment_id=payment_id,
            merchant_id=request.caller.merchant_id,
            idempotency_key=key,
            traceparent=request.traceparent,
            services=at_hand,
        )
    except KeyInvalid:
        return problem("idempotency_key_invalid")
    except BodyNotJson as exc:
        return problem("body_not_json", detail=str(exc))
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc)
    match outcome:
        case None:
            return problem("payment_not_found")
        case Refused(reason):
            return problem(reason)
        case RefundAccepted():
            return _accepted(outcome)


def _accepted(accepted: RefundAccepted) -> func.HttpResponse:
    """Built from the request as it is stored, so that a repeat of the key gets the same answer at any later time."""
    payment, requested = accepted.payment, accepted.requested
    body = {
        "payment_id": payment.payment_id,
        "refund_id": requested.refund_id,
        "amount_minor": requested.amount_minor,
        "currency": payment.amount.currency,
        "status": "pending",
        "requested_at": time_to_json(requested.occurred_at),
    }
    headers = {"Location": f"/api/payments/{payment.payment_id}", "Cache-Control": "no-store"}
    if accepted.is_repeat:
        headers[REPLAYED] = "true"
    return func.HttpResponse(json.dumps(body), status_code=202, headers=headers, mimetype="application/json")
