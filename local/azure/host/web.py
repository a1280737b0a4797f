"""HTTP triggers over aiohttp: routes, keys, and the conversion of requests and responses. Must not know other triggers.

Behaves as the Functions host. A method that a route does not take is 404, because there the method is part of the
route. An exception is 500 with an empty body.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import web

from local.azure.host.errors import InvocationFailed
from local.azure.host.triggers import HttpTrigger
from local.azure.host.wire import RpcHttp, RpcHttpCookie, TraceContext, TypedData
from local.azure.host.worker import Function, Invocation, new_trace_parent

_MAX_BODY_BYTES = 100 * 1024 * 1024  # the documented limit of the Functions host
_OURS = {"content-length", "transfer-encoding", "connection"}  # aiohttp writes these itself
_TRACE_PARENT_LENGTH = 55
_CUT_WITHIN_S = 0.1  # not 0, which aiohttp takes for no limit

_log = logging.getLogger(__name__)

type Invoke = Callable[[Function, Invocation], Awaitable[TypedData | None]]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that callers must bring. Without `required` nobody is asked, as with `func start`."""

    required: bool = False
    function_key: str = ""
    admin_key: str = ""

    def open(self, auth_level: str, offered: str) -> bool:
        if not self.required or auth_level == "ANONYMOUS":
            return True
        accepted = [self.admin_key] if auth_level == "ADMIN" else [self.function_key, self.admin_key]
        return any(key and hmac.compare_digest(key.encode(), offered.encode()) for key in accepted)


class WebServer:
    """Serves the app's HTTP functions on 127.0.0.1."""

    def __init__(self, triggers: Sequence[HttpTrigger], *, invoke: Invoke, keys: Keys) -> None:
        self._triggers = sorted(triggers, key=lambda trigger: trigger.route.precedence)
        self._invoke = invoke
        self._keys = keys
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int, *, drain_s: float) -> None:
        """Listen; port 0 takes a free one. Closing waits up to `drain_s` for requests under way."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_s)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def abort(self) -> None:
        """Cut the connections that `close` would still wait for, and release the port."""
        if self._runner and self._runner.server:
            await self._runner.server.shutdown(_CUT_WITHIN_S)
        await self.close()

    async def _answer(self, request: web.Request) -> web.Response:
        for trigger in self._triggers:
            values = trigger.route.match(request.rel_url.raw_path)
            if values is not None and (not trigger.methods or request.method in trigger.methods):
                return await self._serve(request, trigger=trigger, values=values)
        return web.Response(status=404)

    async def _serve(self, request: web.Request, *, trigger: HttpTrigger, values: dict[str, str]) -> web.Response:
        offered = request.headers.get("x-functions-key") or request.query.get("code") or ""
        if not self._keys.open(trigger.auth_level, offered):
            return web.Response(status=401)
        invocation = Invocation(
            data=TypedData(http=await _rpc_request(request, values)),
            trace=TraceContext(_trace_parent(request), request.headers.get("tracestate", "")),
        )
        try:
            returned = await self._invoke(trigger.function, invocation)
        except InvocationFailed:
            return web.Response(status=500)  # whoever invoked has logged it
        return _response(returned)


async def _rpc_request(request: web.Request, values: dict[str, str]) -> RpcHttp:
    body = await request.read()
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers={name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers},
        params=values,
        query={name: joined for name in request.query if (joined := ",".join(request.query.getall(name)))},
        body=TypedData(bytes=body) if body else TypedData(),
    )


def _trace_parent(request: web.Request) -> str:
    given = request.headers.get("traceparent", "")
    return given if len(given) == _TRACE_PARENT_LENGTH and given.count("-") == 3 else new_trace_parent()


def _response(returned: TypedData | None) -> web.Response:
    kind = returned.WhichOneof("data") if returned is not None else None
    if returned is None or kind is None:
        return web.Response(status=204)
    if kind == "string":
        return web.Response(text=returned.string)
    answer: RpcHttp = returned.http
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _OURS}
    body = answer.body.bytes if answer.body is not None else b""
    response = web.Response(status=int(answer.status_code), headers=headers, body=body)
    for cookie in answer.cookies or ():
        _set_cookie(response, cookie)
    return response


def _set_cookie(response: web.Response, cookie: RpcHttpCookie) -> None:
    response.set_cookie(
        cookie.name,
        cookie.value,
        domain=(cookie.domain and cookie.domain.value) or None,
        path=(cookie.path and cookie.path.value) or "/",
        expires=formatdate(cookie.expires.value.seconds, usegmt=True) if cookie.expires else None,
        secure=bool(cookie.secure and cookie.secure.value),
        httponly=bool(cookie.http_only and cookie.http_only.value),
        samesite=cookie.same_site,
        max_age=int(cookie.max_age.value) if cookie.max_age else None,
    )
