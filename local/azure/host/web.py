"""HTTP triggers over aiohttp: routes, keys, and the conversion of requests and responses. Must not know other triggers.

Behaves as the Functions host. A method that a route does not take is 404, because there the method is part of the
route. An exception is 500 with an empty body. A Host that no address can be made of is 400.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate

from aiohttp import web

from local.azure.host.admin import Admin
from local.azure.host.errors import InvocationFailed
from local.azure.host.keys import Keys, offered_key
from local.azure.host.pacing import became_true
from local.azure.host.passing import Passing, is_passed
from local.azure.host.traces import Traces
from local.azure.host.triggers import HttpTrigger
from local.azure.host.wire import RpcHttp, RpcHttpCookie, TraceContext, TypedData
from local.azure.host.worker import Function, Invocation

_MAX_BODY_BYTES = 100 * 1024 * 1024  # the documented limit of the Functions host
_OURS = {"content-length", "transfer-encoding", "connection"}  # aiohttp writes these itself
_CUT_WITHIN_S = 0.1  # not 0, which aiohttp takes for no limit
_WELCOME = "<!DOCTYPE html><html><title>The local Functions host</title><p>The function app is running.</html>"

type Invoke = Callable[[Function, Invocation], Awaitable[TypedData | None]]


class WebServer:
    """Serves the app's HTTP functions on 127.0.0.1."""

    def __init__(
        self,
        triggers: Sequence[HttpTrigger],
        *,
        invoke: Invoke,
        keys: Keys,
        traces: Traces,
        admin: Admin,
        passing: Passing,
    ) -> None:
        # The first that matches wins, by the names of the functions and not by what the routes say.
        self._triggers = sorted(triggers, key=lambda trigger: trigger.function.name)
        self._invoke = invoke
        self._keys = keys
        self._traces = traces
        self._admin = admin
        self._passing = passing
        self._runner: web.AppRunner | None = None
        self._under_way = 0
        self.socket: socket.socket | None = None
        """Where callers knock. While it is open they wait, also when nobody accepts them."""

    async def start(self, port: int, *, listening: socket.socket | None = None) -> None:
        """Listen; port 0 takes a free one. `listening`: a socket that does already."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", r"/{path:[\s\S]*}", self._answer)  # also with a line break in it
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CUT_WITHIN_S)
        await self._runner.setup()
        self.socket = listening or socket.create_server(("127.0.0.1", port))
        await web.SockSite(self._runner, self.socket.dup()).start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1]) if self.socket else 0

    async def rest(self) -> None:
        """Accept nobody more."""
        if self._runner:
            for site in list(self._runner.sites):
                await site.stop()

    def hang_up(self) -> None:
        """Whoever knocks now is refused."""
        if self.socket:
            self.socket.close()

    async def until_answered(self, limit_s: float) -> None:
        """Wait for the requests under way, or for the limit."""
        await became_true(lambda: self._under_way == 0, limit_s=limit_s)

    async def abort(self) -> None:
        """Cut every connection, and release the port."""
        self.hang_up()
        if self._runner:
            if self._runner.server:
                await self._runner.server.shutdown(_CUT_WITHIN_S)
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if not _has_an_address(request):
            return web.Response(status=400)
        self._under_way += 1
        try:
            return await self._routed(request)
        finally:
            self._under_way -= 1

    async def _routed(self, request: web.Request) -> web.Response:
        for trigger in self._triggers:
            values = trigger.route.match(request.rel_url.raw_path)
            if values is not None and (not trigger.methods or request.method in trigger.methods):
                return await self._serve(request, trigger=trigger, values=values)
        path = request.path.casefold()
        if path == "/admin" or path.startswith("/admin/"):
            return await self._admin.answer(request, key=offered_key(request.headers, request.query))
        if is_passed(request.path):
            return await self._passing.answer(request)
        if path == "/" and request.method in ("GET", "HEAD"):
            return web.Response(text=_WELCOME, content_type="text/html")
        return web.Response(status=404)

    async def _serve(self, request: web.Request, *, trigger: HttpTrigger, values: dict[str, str]) -> web.Response:
        if not self._keys.open(trigger.auth_level, offered_key(request.headers, request.query)):
            return web.Response(status=401)
        invocation = Invocation(data=TypedData(http=await _rpc_request(request, values)), trace=self._span(request))
        try:
            returned = await self._invoke(trigger.function, invocation)
        except InvocationFailed:
            return web.Response(status=500)  # whoever invoked has logged it
        return _response(returned)

    def _span(self, request: web.Request) -> TraceContext:
        headers = request.headers
        attributes = {
            "http.request.method": request.method,
            "url.path": request.path,
            "url.scheme": request.scheme,
            "server.address": request.url.host or "",
            "network.protocol.version": f"{request.version.major}.{request.version.minor}",
        }
        if agent := headers.get("User-Agent"):
            attributes["user_agent.original"] = agent
        return self._traces.span(
            headers.get("traceparent", ""), state=headers.get("tracestate", ""), attributes=attributes
        )


def _has_an_address(request: web.Request) -> bool:
    """Kestrel refuses a Host that is none, such as one whose port is no number, before anybody looks for a route."""
    try:
        return bool(str(request.url))
    except ValueError:
        return False


async def _rpc_request(request: web.Request, values: dict[str, str]) -> RpcHttp:
    """The host reads no more of a body than Content-Length says: one that comes in chunks is empty."""
    body = await request.read() if request.content_length else b""
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers={name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
        params=values,
        query={name: joined for name in request.query if (joined := ",".join(request.query.getall(name)))},
        body=TypedData(bytes=body) if body else TypedData(),
    )


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
