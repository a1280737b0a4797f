"""query: GET a payment, its events, and the app's health. Translates what is stored into HTTP."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

import azure.functions as func

from functions.problems import problem
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from shared.domain.events import PaymentInitiated
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError
from shared.services import Services
from shared.verbs.query import readiness, stream_of

type Getter = Callable[[], Awaitable[Services]]

READY_CACHE_S = 5


def blueprint(services: Getter, *, build_id: str) -> func.Blueprint:
    """The functions `get_payment`, `get_payment_events`, `health` and `ready`."""
    bp = func.Blueprint()

    @bp.function_name("get_payment")
    @bp.route(route="payments/{payment_id}", methods=["GET"])
    async def get_payment(req: func.HttpRequest) -> func.HttpResponse:
        return await _answer(req, services, _payment)

    @bp.function_name("get_payment_events")
    @bp.route(route="payments/{payment_id}/events", methods=["GET"])
    async def get_payment_events(req: func.HttpRequest) -> func.HttpResponse:
        return await _answer(req, services, _events)

    lately = _Lately(services)

    @bp.function_name("health")
    @bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger binds by this name
        return _json({"status": "live", "build": build_id})

    @bp.function_name("ready")
    @bp.route(route="health/ready", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def ready(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger binds by this name
        checks = await lately.checks()
        return _json({"checks": checks}, status=200 if set(checks.values()) == {"ok"} else 503)

    return bp


class _Lately:
    """Readiness as it was at most READY_CACHE_S ago: probes come often, and each check costs a read and a send."""

    def __init__(self, services: Getter) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._checks: dict[str, str] = {}
        self._until = 0.0

    async def checks(self) -> dict[str, str]:
        async with self._lock:
            if time.monotonic() >= self._until:
                self._checks = await readiness(services=await self._services())
                self._until = time.monotonic() + READY_CACHE_S
            return self._checks


async def _answer(
    req: func.HttpRequest, services: Getter, view: Callable[[Sequence[StoredEvent]], dict[str, object]]
) -> func.HttpResponse:
    payment_id = _payment_id(req.route_params["payment_id"])
    if payment_id is None:
        return problem("payment_not_found")
    try:
        stream = await stream_of(payment_id, services=await services())
    except PaymentsError as exc:
        return problem(exc.code)
    return _json(view(stream)) if stream else problem("payment_not_found")


def _payment_id(text: str) -> str | None:
    """Ids are UUIDs in lower case; what is none need not be looked for."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _payment(stream: Sequence[StoredEvent]) -> dict[str, object]:
    """The merchant's own words stand only in the first event, and only the merchant's own API shows them."""
    first = stream[0].event
    own = {"description": first.description, "metadata": first.metadata} if isinstance(first, PaymentInitiated) else {}
    return {**payment_to_json(stream[-1].payment), **own}


def _events(stream: Sequence[StoredEvent]) -> dict[str, object]:
    return {"payment_id": stream[0].payment.payment_id, "events": [event_to_json(stored) for stored in stream]}


def _json(body: dict[str, object], *, status: int = 200) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")
