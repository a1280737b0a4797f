"""An HTTP request as a trigger, declared once: what every answer carries, whatever becomes of the request.

Knows no verb.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import azure.functions as func

from functions.edge import edge
from functions.failures import called, told
from functions.problems import problem

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

    @bp.function_name(route.name)
    @bp.route(route=route.path, methods=[route.method], auth_level=route.level)
    @edge
    @called(route.name)
    async def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        traceparent = context.trace_context.trace_parent or ""
        response = await _responded(Request(req, traceparent), name=route.name, respond=respond)
        response.headers[CORRELATION] = _trace_id(traceparent) or context.invocation_id
        return response


async def _responded(request: Request, *, name: str, respond: Respond) -> func.HttpResponse:
    """What nobody foresaw is told as what any function raises is, and answered with what a caller can do about it."""
    try:
        with told(name):
            return await respond(request)
    except Exception:  # noqa: BLE001 - it was told
        return problem("unforeseen")


def _trace_id(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""
