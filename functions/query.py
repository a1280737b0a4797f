"""query: GET a payment and its events. Translates what is stored into HTTP. Knows no storage."""

import uuid
from collections.abc import Callable, Sequence

import azure.functions as func

from functions.answers import json_answer
from functions.edge import edge
from functions.failures import called
from functions.problems import problem
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from shared.domain.events import PaymentInitiated
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.query import stream_of

type View = Callable[[Sequence[StoredEvent]], dict[str, object]]


def blueprint(services: GetServices) -> func.Blueprint:
    """The functions `get_payment` and `get_payment_events`."""
    bp = func.Blueprint()
    _register(bp, "get_payment", route="payments/{payment_id}", view=_payment, services=services)
    _register(bp, "get_payment_events", route="payments/{payment_id}/events", view=_events, services=services)
    return bp


def _register(bp: func.Blueprint, name: str, *, route: str, view: View, services: GetServices) -> None:
    @bp.function_name(name)
    @bp.route(route=route, methods=["GET"])
    @edge
    @called(name)
    async def show(req: func.HttpRequest) -> func.HttpResponse:
        return await _shown(req, view=view, services=services)


async def _shown(req: func.HttpRequest, *, view: View, services: GetServices) -> func.HttpResponse:
    payment_id = _payment_id(req.route_params["payment_id"])
    if payment_id is None:
        return problem("payment_not_found")
    try:
        stream = await stream_of(payment_id, services=await services())
    except PaymentsError as exc:
        return problem(exc.code)
    return json_answer(view(stream)) if stream else problem("payment_not_found")


def _payment_id(text: str) -> str | None:
    """The id as it is stored: a UUID in lower case. None for other text, which no payment can have."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _payment(stream: Sequence[StoredEvent]) -> dict[str, object]:
    """The merchant's own words are only in the first event, and only the merchant's own API shows them."""
    first = stream[0].event
    own = {"description": first.description, "metadata": first.metadata} if isinstance(first, PaymentInitiated) else {}
    return {**payment_to_json(stream[-1].payment), **own}


def _events(stream: Sequence[StoredEvent]) -> dict[str, object]:
    return {"payment_id": stream[0].payment.payment_id, "events": [event_to_json(stored) for stored in stream]}
