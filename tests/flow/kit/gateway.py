"""A proxy between the product and the provider, as there may be one in production. It can answer by itself.

It passes every call on, except those for which a test has ordered an answer. Knows no payment.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from local.provider.wire import listening


@dataclass(frozen=True, slots=True)
class _Answer:
    """status 0: the call is passed on, and is done, but is never answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Gateway:
    """url: what the product is given as the provider's address. seen: method and path of each call."""

    target: str
    http: aiohttp.ClientSession
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    _posts: deque[_Answer] = field(default_factory=deque)
    _gets: deque[_Answer] = field(default_factory=deque)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def answers(
        self, status: int, *, headers: Mapping[str, str] | None = None, body: Any = None, times: int = 1
    ) -> None:
        """The next POSTs get this answer, and never reach the provider."""
        self._posts.extend([_Answer(status, headers or {}, body or {})] * times)

    def answers_when_asked(
        self, status: int, *, body: Any = None, headers: Mapping[str, str] | None = None, times: int = 1
    ) -> None:
        """The next GETs, with which the product asks, get this answer."""
        self._gets.extend([_Answer(status, headers or {}, body or {})] * times)

    def does_it_without_answering(self) -> None:
        """The next POST reaches the provider, and the caller waits in vain."""
        self._posts.append(_Answer(0, {}, {}))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        waiting = self._posts if request.method == "POST" else self._gets
        answer = waiting.popleft() if waiting else None
        if answer is not None and answer.status:
            return web.json_response(answer.body, status=answer.status, headers=answer.headers)
        passed = await self._pass_on(request)
        if answer is not None:
            await self._closing.wait()
        return passed

    async def _pass_on(self, request: web.Request) -> web.Response:
        kept = {name: value for name, value in request.headers.items() if name != "Host"}
        url, body = self.target + request.path_qs, await request.read()
        async with self.http.request(request.method, url, data=body, headers=kept) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)

    def stop_holding(self) -> None:
        self._closing.set()


@asynccontextmanager
async def gateway_to(target: str) -> AsyncIterator[Gateway]:
    async with aiohttp.ClientSession() as http:
        gateway = Gateway(target, http)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", gateway.serve)
        async with listening(application, 0) as port:
            gateway.url = f"http://127.0.0.1:{port}"
            try:
                yield gateway
            finally:
                gateway.stop_holding()
