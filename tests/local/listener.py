"""A merchant's server that is told of events: answers as a test has scripted, and keeps what arrived."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from local.provider.webhook import LOCAL_KEY, Receiver
from local.provider.wire import listening
from tests.waiting import until

PATH = "/api/provider/events"


class Odd(StrEnum):
    """Answers that are none, or lead elsewhere."""

    HANGS = "never answers"
    CUTS = "cuts the connection"
    REDIRECTS = "sends the caller elsewhere"


@dataclass(frozen=True, slots=True)
class Told:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, key: str = LOCAL_KEY) -> Any:
        """The body, if the signature and its time are right; else the official library raises."""
        return Webhook(key).verify(self.body, self.headers)

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(slots=True)
class Listener:
    """script: the next answers; after them each is 204. port: 0 until it listens."""

    script: deque[int | Odd] = field(default_factory=deque)
    told: list[Told] = field(default_factory=list)
    port: int = 0
    under_way: int = 0
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def receiver(self) -> Receiver:
        """With all the time in the world: no attempt ends because a test takes long."""
        return Receiver(f"http://127.0.0.1:{self.port}{PATH}", limit_s=3600)

    def answers(self, *script: int | Odd) -> None:
        self.script.extend(script)

    async def hears(self, times: int) -> list[Told]:
        """Waits until that many requests have arrived in all."""
        await until(lambda: len(self.told) >= times, what=lambda: f"{len(self.told)} of {times}: {self.told}")
        return self.told

    def let_go(self) -> None:
        """Every request that hangs is answered 204, and none hangs from now on."""
        self._closing.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.told.append(Told(request.path, headers, await request.read()))
        answer = self.script.popleft() if self.script else 204
        if answer is Odd.HANGS:
            await self._hang()
        if answer is Odd.CUTS and request.transport is not None:
            request.transport.abort()
        if answer is Odd.REDIRECTS:
            raise web.HTTPTemporaryRedirect("/elsewhere")
        return web.Response(status=answer if isinstance(answer, int) else 204)

    async def _hang(self) -> None:
        self.under_way += 1
        try:
            await self._closing.wait()
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def listening_merchant(port: int = 0) -> AsyncIterator[Listener]:
    listener = Listener()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", listener.serve)
    async with listening(application, port) as listener.port:
        try:
            yield listener
        finally:
            listener.let_go()
