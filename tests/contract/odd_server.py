"""A server that gives whatever answers a test has written down: a provider's, a gateway's, anybody's.

Each set of answers has a base URL of its own, so one server serves all tests at once. It judges nothing.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local.provider.wire import listening


@dataclass(frozen=True, slots=True)
class Said:
    """One answer as it goes over the wire. body: bytes as they are, else written as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


async def some_at_a_time[T](answers: Iterable[Awaitable[T]]) -> list[T]:
    """All of them, in order. On a busy machine hundreds at once would wait for each other beyond their time limit."""
    gate = asyncio.Semaphore(16)

    async def one(answer: Awaitable[T]) -> T:
        async with gate:
            return await answer

    return await asyncio.gather(*map(one, answers))


NOT_ASKED = Said(500, b"no test has written an answer to this")


@dataclass(slots=True, repr=False)
class OddServer:
    """url: where it listens. sent, headers: method and raw path, and the headers, of each call, by its base URL."""

    url: str = ""
    sent: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    headers: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    _answers: dict[str, tuple[Said, Said, Said]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def answering(self, post: Said = NOT_ASKED, *, asked: Said = NOT_ASKED, listed: Said = NOT_ASKED) -> str:
        """The base URL at which a POST, a question by request id and one by reference get these answers."""
        base = f"{self.url}/{next(self._numbers)}"
        self._answers[base], self.sent[base], self.headers[base] = (post, asked, listed), [], []
        return base

    async def serve(self, request: web.Request) -> web.StreamResponse:
        first = f"/{request.match_info['number']}"
        base = self.url + first
        path = f"/{request.match_info['path']}"
        self.sent[base].append(
            (request.method, request.rel_url.raw_path.removeprefix(f"/{request.match_info['number']}"))
        )
        self.headers[base].append(request.headers)
        post, asked, listed = self._answers[base]
        said = post if request.method == "POST" else asked if path.startswith("/v1/requests/") else listed
        response = web.Response(status=said.status, body=said.content, headers=said.headers)
        if said.status < 200:
            response.force_close()  # the caller waits for a final answer after it, and none comes
        return response


@asynccontextmanager
async def odd_server() -> AsyncIterator[OddServer]:
    server = OddServer()
    application = web.Application()
    application.router.add_route("*", "/{number}/{path:.*}", server.serve)
    async with listening(application, 0) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server
