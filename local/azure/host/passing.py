"""Paths below /local: passed to whoever runs the platform that this host is a part of. Must not know what they mean.

Where nobody does, as under `func start` and in Azure, there are none. No page of another site is heard, and nobody who
asks under a foreign name: behind it processes are killed. Where the host asks for keys, it takes the admin key.
"""

import contextlib
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from local.azure.host.keys import Keys, offered_key
from local.base.guard import why_refused

_HEADER = "X-Platform-Token"
_LIMIT = aiohttp.ClientTimeout(total=20)
_MOST_BYTES = 65_536
_PLAIN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs the platform: where it is asked, and by which token it knows us."""

    address: str
    token: str


def is_passed(path: str) -> bool:
    return path == "/local" or path.startswith("/local/")


class Passing:
    """Asks the runner what callers ask us."""

    def __init__(self, runner: Runner | None, *, keys: Keys) -> None:
        self._runner = runner
        self._keys = keys

    async def answer(self, request: web.Request) -> web.Response:
        if self._runner is None:
            return web.Response(status=404)
        if not self._keys.open("ADMIN", offered_key(request.headers, request.query)):
            return web.Response(status=401)
        refused = await _refusal(request)
        return refused or await self._passed(request, self._runner)

    async def _passed(self, request: web.Request, runner: Runner) -> web.Response:
        url = f"{runner.address}/{request.rel_url.raw_path.removeprefix('/local').lstrip('/')}"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
            async with (
                aiohttp.ClientSession(timeout=_LIMIT) as http,
                http.request(request.method, url, headers={_HEADER: runner.token}, allow_redirects=False) as response,
            ):
                body, kind = await response.read(), response.content_type
                return web.Response(status=response.status, body=body, content_type=kind, headers=_PLAIN)
        return _problem(502, "platform_away", title="Whoever runs this platform does not answer.")


async def _refusal(request: web.Request) -> web.Response | None:
    if refused := why_refused(request.headers):
        code, title = refused
        return _problem(403, code, title=title)
    if request.method not in ("GET", "POST"):
        return web.Response(status=404)
    if (request.content_length or 0) > _MOST_BYTES:
        return _problem(413, "body_too_large", title="No request here needs a body.")
    if await request.read() and request.content_type != "application/json":
        return _problem(415, "unsupported_media_type", title="Send the request as application/json.")
    return None


def _problem(status: int, code: str, *, title: str) -> web.Response:
    document = {"title": title, "status": status, "code": code}
    return web.json_response(document, status=status, content_type="application/problem+json", headers=_PLAIN)
