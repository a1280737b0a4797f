"""cancel: POST /api/payments/{payment_id}/cancel. Translates a request and its outcome. Knows no rule."""

import json
from functools import partial

import azure.functions as func

from functions.caller import Doors, Role
from functions.faults import RequestInvalid
from functions.problems import problem, problem_of
from functions.queries import nothing_in
from functions.query import payment_id_in
from functions.route import Request, Route, blueprint_of
from shared.codec.payments import payment_to_json
from shared.domain.decisions import Refused
from shared.domain.payment import Payment
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.cancel import cancel

ROUTE = Route(name="request_cancel", method="POST", path="payments/{payment_id}/cancel", needs=Role.REFUND)


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The function `request_cancel`."""
    return blueprint_of({ROUTE: partial(_cancel, services=services)}, doors=doors)


async def _cancel(request: Request, *, services: GetServices) -> func.HttpResponse:
    if request.http.get_body():
        return problem("body_unexpected")
    payment_id = payment_id_in(request.http)
    if payment_id is None:
        return problem("payment_not_found")
    try:
        nothing_in(request.http)
        at_hand = await services()
        merchant_id = request.caller.merchant_id
        outcome = await cancel(payment_id, merchant_id=merchant_id, traceparent=request.traceparent, services=at_hand)
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc)
    match outcome:
        case None:
            return problem("payment_not_found")
        case Refused(reason):
            return problem(reason)
        case Payment():
            return _answer(outcome)


def _answer(payment: Payment) -> func.HttpResponse:
    """202 until it is known how the payment ends."""
    return func.HttpResponse(
        json.dumps(payment_to_json(payment)),
        status_code=200 if payment.failed else 202,
        headers={"Location": f"/api/payments/{payment.payment_id}", "Cache-Control": "no-store"},
        mimetype="application/json",
    )
