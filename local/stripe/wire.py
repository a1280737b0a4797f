"""The imitation's HTTP: reads forms, writes answers, decides nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from local.stripe.state import Account, Json, refused

type Keep = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Keeps nothing."""


def application(
    account: Account, *, hold_s: float, keep: Keep = nothing, closing: asyncio.Event | None = None
) -> web.Application:
    """hold_s: how long the caller of a lost answer waits until the connection is cut, if nobody closes before.

    keep: returns when what was done is on disk; no answer leaves before.
    """
    answers = _Answers(account, hold_s, keep, closing or asyncio.Event())
    served = web.Application(middlewares=[_said_by_name])
    served.router.add_get("/v1/payment_intents", answers.intents)
    served.router.add_get("/v1/payment_intents/{id}", answers.intent)
    served.router.add_get("/v1/refunds", answers.refunds)
    served.router.add_post("/v1/{path:.*}", answers.post)
    return served


@dataclass(frozen=True, slots=True)
class _Answers:
    account: Account
    hold_s: float
    keep: Keep
    closing: asyncio.Event

    async def post(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = self.account.perform(request.path, form, key=request.headers.get("Idempotency-Key", ""))
        await self.keep()
        if answer.is_lost:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), self.hold_s)
            if request.transport is not None:
                request.transport.abort()
        return web.json_response(answer.body, status=answer.status)

    async def intent(self, request: web.Request) -> web.StreamResponse:
        found = self.account.intents.get(request.match_info["id"])
        return web.json_response(found) if found else _missing()

    async def intents(self, request: web.Request) -> web.StreamResponse:
        first, last = _number(request, "created[gte]", default=0), _number(request, "created[lte]", default=2**40)
        before = _number(request, "created[lt]", default=2**40)
        made = [each for each in self.account.intents.values() if first <= each["created"] <= last]
        return _page([each for each in made if each["created"] < before], request)

    async def refunds(self, request: web.Request) -> web.StreamResponse:
        intent_id = request.query.get("payment_intent")
        if intent_id not in self.account.intents:
            return _missing(param="payment_intent")
        found = self.account.refunds_of(intent_id)
        await self.keep()
        return _page(found, request)


def _missing(**more: str) -> web.Response:
    answer = refused(404, "invalid_request_error", code="resource_missing", **more)
    return web.json_response(answer.body, status=answer.status)


@web.middleware
async def _said_by_name(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What is not there is said in Stripe's form and in that of the local provider, which tools may expect."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        why = f"The imitation of Stripe has no {request.method} {request.path}: no disputes and no list of charges."
        error = {"type": "invalid_request_error", "code": "not_implemented", "message": why}
        return web.json_response({"error": error, "code": "not_implemented", "message": why}, status=404)
    except ValueError as exc:
        error = {"type": "invalid_request_error", "code": "parameter_invalid_integer", "message": f"{exc}."}
        return web.json_response({"error": error}, status=400)


def _number(request: web.Request, name: str, *, default: int) -> int:
    """Raises ValueError."""
    said = request.query.get(name, str(default))
    if not (said.isascii() and said.isdecimal()):
        raise ValueError(f"{name} is not a number")
    return int(said)


def _page(found: list[Json], request: web.Request) -> web.Response:
    """Newest first, from behind `starting_after`. Raises ValueError for an id that is not in the list."""
    listed, limit = found[::-1], _number(request, "limit", default=10)
    last = request.query.get("starting_after")
    after = [each["id"] for each in listed].index(last) + 1 if last else 0
    page = listed[after : after + limit]
    return web.json_response({"object": "list", "data": page, "has_more": after + limit < len(listed)})
