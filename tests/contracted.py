"""Holds every answer of the app to the contract that is committed, whoever asked: so the models cannot lie.

An answer of the Functions host itself (nothing is there, no key, a worker that died) has no body, and says nothing.
"""

import json
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp

from contracts.checking import Contract, Given, event_faults

ROOT = Path(__file__).parents[1]
CONTRACT = Contract(json.loads((ROOT / "functions" / "openapi.json").read_text()))
API = "/api/"


def hold(operation_id: str, given: Given) -> None:
    """Fails with all that is not as it is said."""
    faults = CONTRACT.faults(operation_id, given)
    assert faults == [], "\n".join(faults)


def hold_event(event: dict[str, Any]) -> None:
    """As hold, of an integration event as another component takes it off its subscription."""
    schema = json.loads((ROOT / "docs/contracts/events" / f"{event['type']}.schema.json").read_text())
    assert event_faults(schema, event) == []


def holding(url: str) -> aiohttp.TraceConfig:
    """For a client: each answer from this address is held to the contract, before the test sees it."""
    trace = aiohttp.TraceConfig()

    async def answered(_: aiohttp.ClientSession, __: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        if str(end.url.origin()) == url and end.url.path.startswith(API):
            await _hold(end)

    trace.on_request_end.append(answered)
    return trace


async def _hold(end: aiohttp.TraceRequestEndParams) -> None:
    response, body = end.response, await end.response.read()
    if not body and (response.status >= 500 or response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)):
        return
    name = CONTRACT.named(end.method, end.url.raw_path)
    assert name is not None, f"{end.method} {end.url.path} answers {response.status} and is not in the contract"
    is_json = "json" in response.content_type
    read = json.loads(body) if body and is_json else body or None
    hold(name, Given(status=response.status, headers=response.headers, body=read))
