"""Requests read and refusals written: what the routes share. Decides nothing about payments."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.provider.records import Answer, refusal
from local.provider.store import Record

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MalformedError(Exception):
    """The request cannot be read; the message names the field."""


@web.middleware
async def malformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except MalformedError as exc:
        return shown(refusal(400, "invalid_request", message=f"{exc}."))
    except web.HTTPNotFound:
        return shown(refusal(404, "not_implemented", message=f"not implemented: {request.method} {request.path}"))
    except web.HTTPMethodNotAllowed:
        return shown(refusal(405, "not_implemented", message=f"not implemented: {request.method} {request.path}"))


def shown(answer: Answer) -> web.Response:
    return web.json_response(dict(answer.body), status=answer.status_code, headers=answer.headers)


async def json_object(request: web.Request) -> Record:
    try:
        body = json.loads(await request.read() or b"null")
    except ValueError as exc:
        raise MalformedError("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise MalformedError("the body is not a JSON object")
    return body


def text(body: Record, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{name} must be a text")
    return value


def integer(body: Record, name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedError(f"{name} must be an integer")
    return value


def boolean(body: Record, name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise MalformedError(f"{name} must be true or false")
    return value
