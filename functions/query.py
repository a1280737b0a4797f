"""query: GET a payment and its events, as its merchant or as an operator. Translates what is stored into HTTP.

Knows no storage.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import azure.functions as func

from functions.answers import tagged_answer
from functions.caller import Doors, Role
from functions.problems import problem, problem_of
from functions.route import Request, Route, blueprint_of
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from shared.codec.values import time_to_json
from shared.domain.events import PaymentInitiated
from shared.domain.ledger import ledger_of
from shared.domain.payment import Payment
from shared.domain.stream import StoredEvent
from shared.domain.waiting import Wait
from shared.errors import PaymentsError
from shared.services import GetServices, Services
from shared.verbs.query import stream_of, waiting

type View = Callable[[Sequence[StoredEvent], Services], dict[str, object]]


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """A function for each of VIEWS."""
    return blueprint_of({route: partial(_show, route=route, services=services) for route in VIEWS}, doors=doors)


async def _show(request: Request, *, route: Route, services: GetServices) -> func.HttpResponse:
    merchant_id = None if route.needs is Role.OPERATIONS else request.caller.merchant_id
    return await _shown(request.http, view=VIEWS[route], merchant_id=merchant_id, services=services)


async def _shown(
    req: func.HttpRequest, *, view: View, merchant_id: str | None, services: GetServices
) -> func.HttpResponse:
    """merchant_id: whose payments are seen; None sees all. Of another's payment is said what is said of none."""
    payment_id = payment_id_in(req)
    if payment_id is None:
        return problem("payment_not_found")
    try:
        at_hand = await services()
        stream = await stream_of(payment_id, services=at_hand)
    except PaymentsError as exc:
        return problem_of(exc)
    if not stream or merchant_id not in (None, stream[0].payment.merchant_id):
        return problem("payment_not_found")
    return _as_asked(req, view(stream, at_hand))


def _as_asked(req: func.HttpRequest, shown: dict[str, object]) -> func.HttpResponse:
    """A cache may keep the answer, and has to ask each time."""
    return tagged_answer(req, json.dumps(shown).encode(), headers={"Cache-Control": "private, no-cache"})


def payment_id_in(req: func.HttpRequest) -> str | None:
    """The id as it is stored: a UUID in lower case. None for other text, which no payment can have."""
    try:
        return str(uuid.UUID(req.route_params["payment_id"]))
    except ValueError:
        return None


def _payment(stream: Sequence[StoredEvent], services: Services) -> dict[str, object]:
    """The merchant's own words are only in the first event, and only their own API shows them, and an
    operator's look at the payment."""
    first = stream[0].event
    own = {"description": first.description, "metadata": first.metadata} if isinstance(first, PaymentInitiated) else {}
    held_up = [_wait(wait) for wait in waiting(stream, services=services)]
    shown = {name: value for name, value in payment_to_json(stream[-1].payment).items() if name != "waiting"}
    return {**shown, **own, "ledger": _ledger(stream[-1].payment), **({"waiting": held_up} if held_up else {})}


def _ledger(payment: Payment) -> dict[str, int]:
    ledger = ledger_of(payment)
    return {**asdict(ledger), "net_minor": ledger.net_minor}


def _wait(wait: Wait) -> dict[str, object]:
    said = {"step": wait.step.value, "since": time_to_json(wait.since), "state": wait.state, "reason": wait.reason}
    return {name: value for name, value in said.items() if value is not None}


def _events(stream: Sequence[StoredEvent], _: Services) -> dict[str, object]:
    return _timeline(stream, to_operators=False)


def _events_to_operators(stream: Sequence[StoredEvent], _: Services) -> dict[str, object]:
    return _timeline(stream, to_operators=True)


def _timeline(stream: Sequence[StoredEvent], *, to_operators: bool) -> dict[str, object]:
    lines = [event_to_json(stored, to_operators=to_operators) for stored in stream]
    return {"payment_id": stream[0].payment.payment_id, "events": lines}


def _get(name: str, path: str, *, needs: Role) -> Route:
    return Route(name=name, method="GET", path=path, needs=needs)


VIEWS: dict[Route, View] = {
    _get("get_payment", "payments/{payment_id}", needs=Role.READ): _payment,
    _get("get_payment_events", "payments/{payment_id}/events", needs=Role.READ): _events,
    _get("inspect_payment", "ops/payments/{payment_id}", needs=Role.OPERATIONS): _payment,
    _get("inspect_payment_events", "ops/payments/{payment_id}/events", needs=Role.OPERATIONS): _events_to_operators,
}
