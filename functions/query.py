"""query: GET a payment and its events. Translates what is stored into HTTP. Knows no storage."""

import json
import uuid
from collections.abc import Callable, Sequence

import azure.functions as func

from functions.answers import tagged_answer
from functions.problems import problem, problem_of
from functions.route import Request, Route, on_request
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from shared.codec.values import time_to_json
from shared.domain.events import PaymentInitiated
from shared.domain.stream import StoredEvent
from shared.domain.waiting import Wait
from shared.errors import PaymentsError
from shared.services import GetServices, Services
from shared.verbs.query import stream_of, waiting

type View = Callable[[Sequence[StoredEvent], Services], dict[str, object]]


def blueprint(services: GetServices) -> func.Blueprint:
    """The functions `get_payment` and `get_payment_events`."""
    bp = func.Blueprint()
    for route, view in VIEWS.items():
        _register(bp, route, view=view, services=services)
    return bp


def _register(bp: func.Blueprint, route: Route, *, view: View, services: GetServices) -> None:
    async def respond(request: Request) -> func.HttpResponse:
        return await _shown(request.http, view=view, services=services)

    on_request(bp, route, respond=respond)


async def _shown(req: func.HttpRequest, *, view: View, services: GetServices) -> func.HttpResponse:
    payment_id = _payment_id(req.route_params["payment_id"])
    if payment_id is None:
        return problem("payment_not_found")
    try:
        at_hand = await services()
        stream = await stream_of(payment_id, services=at_hand)
    except PaymentsError as exc:
        return problem_of(exc)
    return _as_asked(req, view(stream, at_hand)) if stream else problem("payment_not_found")


def _as_asked(req: func.HttpRequest, shown: dict[str, object]) -> func.HttpResponse:
    """A cache may keep the answer, and has to ask each time."""
    return tagged_answer(req, json.dumps(shown).encode(), headers={"Cache-Control": "private, no-cache"})


def _payment_id(text: str) -> str | None:
    """The id as it is stored: a UUID in lower case. None for other text, which no payment can have."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _payment(stream: Sequence[StoredEvent], services: Services) -> dict[str, object]:
    """The merchant's own words are only in the first event, and only the merchant's own API shows them."""
    first = stream[0].event
    own = {"description": first.description, "metadata": first.metadata} if isinstance(first, PaymentInitiated) else {}
    held_up = [_wait(wait) for wait in waiting(stream, services=services)]
    shown = {name: value for name, value in payment_to_json(stream[-1].payment).items() if name != "waiting"}
    return {**shown, **own, **({"waiting": held_up} if held_up else {})}


def _wait(wait: Wait) -> dict[str, object]:
    said = {"step": wait.step.value, "since": time_to_json(wait.since), "state": wait.state, "reason": wait.reason}
    return {name: value for name, value in said.items() if value is not None}


def _events(stream: Sequence[StoredEvent], _: Services) -> dict[str, object]:
    return {"payment_id": stream[0].payment.payment_id, "events": [event_to_json(stored) for stored in stream]}


VIEWS: dict[Route, View] = {
    Route(name="get_payment", method="GET", path="payments/{payment_id}"): _payment,
    Route(name="get_payment_events", method="GET", path="payments/{payment_id}/events"): _events,
}
