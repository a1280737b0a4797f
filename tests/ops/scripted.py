"""An app and a provider whose answers a test writes down, to see what the operator's command makes of them."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from ops.__main__ import main

type Json = dict[str, Any]
type Script = Callable[[Asked], tuple[int, Any]]


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Json
    headers: dict[str, str]
    nth: int
    """How often this path was asked before."""


@dataclass
class Scripted:
    """Answers by method and path; what has no script is not found."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, route: str, *answers: tuple[int, Any]) -> None:
        """One answer after another, the last one for ever."""
        self.scripts[route] = lambda asked: answers[min(asked.nth, len(answers) - 1)]

    def hold(self, route: str) -> None:
        """What is asked there from now on is not answered."""
        self.held.add(route)

    def cut(self, route: str) -> None:
        """Who asks there hears that nobody is there any more."""
        self.on(route, (0, None))

    def to(self, route: str) -> list[Asked]:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == route]

    async def answer(self, request: web.Request) -> web.Response:
        route = f"{request.method} {request.path}"
        body = json.loads(await request.read() or b"{}")
        asked = Asked(
            request.method, request.path, dict(request.query), body, dict(request.headers), len(self.to(route))
        )
        self.asked.append(asked)
        if route in self.held:
            await self.over.wait()
        status, answer = self.scripts.get(route, _not_found)(asked)
        if status == 0 and request.transport is not None:
            request.transport.close()
            return web.Response()
        if isinstance(answer, str):
            return web.Response(status=status, text=answer)
        return web.json_response(answer, status=status)


def _not_found(asked: Asked) -> tuple[int, Any]:
    return 404, {"title": "There is nothing here.", "code": "not_found"}


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    script = Scripted()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", script.answer)
    async with TestServer(application) as server:
        script.url = str(server.make_url("")).rstrip("/")
        yield script
        script.over.set()


HEARS_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Tests that run in the background have inherited that SIGINT is ignored."""


async def started(
    app: Scripted, *arguments: str, stdin: int | None = None, stderr: int | None = None
) -> asyncio.subprocess.Process:
    """The command as a process of its own, that hears Ctrl-C. stderr: a pipe if not given."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HEARS_CTRL_C,
        *(sys.executable, "-m", "ops", "--url", app.url, *arguments),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if stderr is None else stderr,
    )


async def ops(app: Scripted | str, *arguments: str) -> int:
    """The exit code of the command, which runs in a loop of its own."""
    url = app if isinstance(app, str) else app.url
    return await asyncio.to_thread(main, ["--url", url, *arguments])


def letter(number: int, **changes: Any) -> Json:
    """A dead letter as the list shows it."""
    return {
        "id": f"00000000-0000-0000-0000-{number:012}",
        "status": "open",
        "step": "create",
        "source": "payment-initiated/create",
        "reason": "retries_exhausted",
        "description": "busy after 6 attempts: answered 503",
        "severity": "normal",
        "payment_id": f"payment-{number}",
        "event_id": f"payment-{number}:1",
        "cause": f"payment-{number}:1",
        "recorded_at": "2026-01-02T12:00:00.000000Z",
        "as_of": 2,
        **changes,
    }


def whole(number: int, **changes: Any) -> Json:
    """A dead letter as it is shown alone."""
    message = {"message_id": f"payment-{number}:1", "body": '{"id": 1}', "attempt": 5, "delivery_count": 1}
    return {
        **letter(number),
        "message": message,
        "history": [],
        "payment": None,
        "replay_would": {"verdict": "replayed", "why": "the payment is initiated and owes create"},
        **changes,
    }


def page_of(letters: Sequence[Json], next_page: str | None = None) -> Json:
    return {"dead_letters": list(letters), "next_page": next_page, "as_of": "2026-01-02T13:00:00.000000Z"}


def verdict(number: int, word: str = "replayed") -> Json:
    cause = f"payment-{number}:3" if word == "replayed" else None
    return {"letter_id": letter(number)["id"], "verdict": word, "why": f"because {number}", "cause": cause}
