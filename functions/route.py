"""An HTTP request as a trigger, declared once: who is let in, and what every answer carries, whatever becomes of the
request.

Knows no verb.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import azure.functions as func

from functions.caller import NOBODY, Caller, Doors, Refusal, Role
from functions.edge import edge
from functions.failures import called
from functions.guard import READS, foreign_host, foreign_page, odd_body
from functions.problems import problem
from shared.codec.values import trace_id_in

_LOG = logging.getLogger(__name__)

CORRELATION = "X-Correlation-Id"
"""On every answer: the id of the request's trace, under which logs and spans tell of it."""

REFUSED = "caller.refused"
"""The log event, with the fields function and code. What was sent is in none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A function, and where it is called. needs: the role of its callers; None: it is open to everybody."""

    name: str
    method: str
    path: str
    needs: Role | None

    @property
    def level(self) -> func.AuthLevel:
        """Whether the host asks for a function key. Operators have none: they sign in, and the app checks the role."""
        return func.AuthLevel.ANONYMOUS if self.needs in (None, Role.OPERATIONS) else func.AuthLevel.FUNCTION


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, by whom, and the W3C trace context of its trace; empty where nothing is traced."""

    http: func.HttpRequest
    traceparent: str
    caller: Caller


type Respond = Callable[[Request], Awaitable[func.HttpResponse]]


NEEDED: dict[str, Role | None] = {}
"""The role that each function asks for, by its name: what its decorators do not tell."""


def blueprint_of(answers: Mapping[Route, Respond], *, doors: Doors) -> func.Blueprint:
    """A function for each route, answered by what stands beside it."""
    bp = func.Blueprint()
    for route, respond in answers.items():
        on_request(bp, route, doors=doors, respond=respond)
    return bp


def on_request(bp: func.Blueprint, route: Route, *, doors: Doors, respond: Respond) -> None:
    """A request to the route wakes the function, if whoever sends it is let in."""
    NEEDED[route.name] = route.needs

    @edge
    @called(route.name)
    async def in_time(req: func.HttpRequest, traceparent: str) -> func.HttpResponse:
        caller = _let_in(req, route=route, doors=doors)
        if isinstance(caller, Refusal):
            return refused(caller, route=route)
        return await respond(Request(req, traceparent, caller))

    @bp.function_name(route.name)
    @bp.route(route=route.path, methods=[route.method], auth_level=route.level)
    @edge
    @called(route.name)
    async def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        traceparent = context.trace_context.trace_parent or ""
        try:
            response = await in_time(req, traceparent)
        except Exception:  # noqa: BLE001 - it was told of at the edge
            response = problem("unforeseen")
        response.headers[CORRELATION] = trace_id_in(traceparent) or context.invocation_id
        return response


def _let_in(req: func.HttpRequest, *, route: Route, doors: Doors) -> Caller | Refusal:
    """Who calls comes before what they have sent: a stranger learns nothing of that."""
    is_change = route.method not in READS
    is_watched = doors.development is not None and (route.needs is not None or is_change)
    if is_watched and (refusal := foreign_host(req, names=doors.hosts)):
        return refusal
    if is_change and (refusal := foreign_page(req)):
        return refusal
    caller = doors.caller(req, needs=route.needs) if route.needs else NOBODY
    if isinstance(caller, Refusal) or not is_change:
        return caller
    return odd_body(req) or caller


def refused(refusal: Refusal, *, route: Route) -> func.HttpResponse:
    """The answer to somebody who is not let in, which is told where it may be an attack."""
    response = problem(refusal.code, detail=refusal.detail)
    if response.status_code == HTTPStatus.FORBIDDEN:
        fields = {"event_name": REFUSED, "function": route.name, "code": refusal.code}
        _LOG.warning("%s function=%s code=%s", *fields.values(), extra=fields)
    return response
