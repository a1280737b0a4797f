"""Readers of the feed that ask to wait: they are answered when something was written, or when their time is over.

Of our own making, for the local Functions host: with it an idle platform sleeps instead of asking forty times a second.
Whoever does not send the header is answered at once, as everywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from local.azure.cosmos.wire import Call, Request, Response

HEADER: Final = "x-local-wait-ms"
GATHER_S: Final = 0.04
"""After the first write: what is written in the same moment comes in the same page."""
NOT_MODIFIED: Final = 304


class Waits:
    """Who waits for the next write of this account, whatever it is about."""

    def __init__(self) -> None:
        self._written = asyncio.Event()
        self._ended = False

    def written(self) -> None:
        """Something was written, and is durable."""
        self._written.set()
        self._written = asyncio.Event()

    def end(self) -> None:
        """Nobody waits any more."""
        self._ended = True
        self.written()

    async def answer(
        self, request: Request, call: Call, *, submit: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """The answer to a request, which a feed without news delays for as long as its reader wants."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (request.wait_s(HEADER) if call.operation == "feed" else 0.0)
        while True:
            written = self._written  # before it is looked: what is written meanwhile counts
            response = await submit(request)
            if response.status != NOT_MODIFIED or not await self._comes(written, until - loop.time()):
                return response

    async def _comes(self, written: asyncio.Event, seconds: float) -> bool:
        """Whether it is worth looking again."""
        if seconds <= 0 or self._ended:
            return False
        try:
            async with asyncio.timeout(seconds):
                await written.wait()
        except TimeoutError:
            return False
        if not self._ended:
            await asyncio.sleep(GATHER_S)
        return True
