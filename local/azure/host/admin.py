"""The host's own paths below /admin: its state, its functions, a call of one by hand. Must not know the app's routes.

Only the admin key opens them, but for the ping. On a laptop nobody has a key, so no page of another site is heard. What
is called by hand runs in the background: the caller learns that it was accepted.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from local.azure.host.delivery import by_hand
from local.azure.host.errors import InvocationFailed
from local.azure.host.keys import Keys
from local.azure.host.timer import timer_by_hand
from local.azure.host.wire import TypedData
from local.azure.host.worker import Function, Invocation
from local.base.guard import why_refused

type Invoke = Callable[[Function, Invocation], Awaitable[TypedData | None]]


class Admin:
    """Answers what is asked below /admin."""

    def __init__(self, functions: Sequence[Function], *, invoke: Invoke, keys: Keys) -> None:
        self._functions = {function.name.casefold(): function for function in functions}
        self._invoke = invoke
        self._keys = keys
        self._calls: set[asyncio.Task[None]] = set()

    async def answer(self, request: web.Request, *, key: str) -> web.Response:
        match [part.casefold() for part in request.path.split("/") if part][1:]:
            case ["host", "ping"]:
                return web.Response()
            case _ if refused := self._refusal(key):
                return refused
            case _ if why_refused(request.headers):
                return web.Response(status=403)
            case ["host", "status"]:
                return web.json_response({"state": "Running", "processUptime": 0, "errors": []})
            case ["functions"]:
                return web.json_response([_described(function) for function in self._functions.values()])
            case ["functions", name] if name in self._functions:
                return await self._on_function(request, self._functions[name])
            case _:
                return web.Response(status=404)

    def _refusal(self, key: str) -> web.Response | None:
        if self._keys.open("ADMIN", key):
            return None
        if self._keys.open("FUNCTION", key):
            return web.Response(status=403)
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    async def _on_function(self, request: web.Request, function: Function) -> web.Response:
        if request.method != "POST":
            return web.json_response(_described(function))
        if request.content_type != "application/json":
            return web.Response(status=415)
        try:
            told: Any = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        given = told.get("input", "") if isinstance(told, dict) else None
        if not isinstance(given, str):
            return web.Response(status=400)
        call = asyncio.create_task(self._call(function, given))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return web.Response(status=202)

    async def _call(self, function: Function, given: str) -> None:
        try:
            await self._invoke(function, _invocation(function, given))
        except InvocationFailed:
            return  # whoever invoked has logged it


def _described(function: Function) -> dict[str, object]:
    return {"name": function.name, "config": {"bindings": list(function.bindings)}, "language": "python"}


def _invocation(function: Function, given: str) -> Invocation:
    match function.trigger["type"]:
        case "serviceBusTrigger":
            return by_hand(given, binary=str(function.trigger.get("dataType", "")).upper() == "BINARY")
        case "timerTrigger":
            return Invocation(TypedData(json=timer_by_hand()))
        case _:
            return Invocation(TypedData(string=given))
