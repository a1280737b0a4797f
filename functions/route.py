"""An HTTP request as a trigger, declared once: what every answer carries, whatever becomes of the request.

Knows no verb.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import azure.functions as func

from functions.edge import edge
from functions.failures import called
from functions.problems import problem

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
CORRELATION = "X-Correlation-Id"
"""On every answer: the id of the request's trace, under which logs and spans tell of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A function, and where it is called. level: whose key opens it."""

    name: str
    method: str
    path: str
    level: func.AuthLevel = func.AuthLevel.FUNCTION


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, and the W3C trace context of its trace; empty where nothing is traced."""

    http: func.HttpRequest
    traceparent: str


type Respond = Callable[[Request], Awaitable[func.HttpResponse]]


def on_request(bp: func.Blueprint, route: Route, *, respond: Respond) -> None:
    """A request to the route wakes the function."""

    in_time = edge(called(route.name)(respond))

    @bp.function_name(route.name)
    @bp.route(route=route.path, methods=[route.method], auth_level=route.level)
    @edge
    @called(route.name)
    async def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        traceparent = context.trace_context.trace_parent or ""
        try:
            response = await in_time(Request(req, traceparent))
        except Exception:  # noqa: BLE001 - it was told of at the edge
            response = problem("unforeseen")
        response.headers[CORRELATION] = _trace_id(traceparent) or context.invocation_id
        return response


def _trace_id(traceparent: str) -> str:
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else ""
