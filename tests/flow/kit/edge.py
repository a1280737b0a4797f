"""The product's HTTP functions over a world, called as the Functions worker calls them. No host and no sockets.

Each answer is held to the contract.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from contracts.checking import Given
from contracts.endpoints import PAGES
from functions import (
    accept,
    cancel,
    console,
    contract,
    erase,
    health,
    hear,
    me,
    notifications,
    query,
    recover,
    refund,
    search,
    watch,
)
from functions.caller import Doors
from functions.requests import Reach
from shared.services import GetServices, Services
from tests.builders import TRACEPARENT
from tests.contracted import hold
from tests.flow.kit.doors import LOCAL
from tests.flow.kit.functions import Functions
from tests.flow.kit.world import World

_OVER_SERVICES: tuple[Any, ...] = (cancel, refund, hear, erase, query, notifications, search, recover)
"""Those that need nothing else."""
TRACE_URL = "https://traces.example/trace/{trace_id}"


@dataclass(frozen=True, slots=True)
class Answered:
    """status, and the JSON that the function answered."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: Any


class Edge:
    """The functions by name. doors: who is let in. starting: how it gets the world's services."""

    def __init__(self, world: World, *, doors: Doors = LOCAL, starting: GetServices | None = None) -> None:
        async def ready() -> Services:
            return world.services

        services = starting or ready
        built = {"doors": doors, "build_id": "abc123"}
        self._functions = Functions(
            {
                accept: partial(accept.blueprint, services, doors=doors, reach=Reach(anywhere=True)),
                **{file: partial(file.blueprint, services, doors=doors) for file in _OVER_SERVICES},
                **{file: partial(file.blueprint, services, **built) for file in (watch, health)},
                **{file: partial(file.blueprint, doors=doors) for file in (contract, console)},
                me: partial(me.blueprint, doors=doors, trace_url=TRACE_URL),
            }
        )

    async def ask(
        self,
        name: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **route: str,
    ) -> Answered:
        """Call a function that takes no body."""
        return await self.send(name, b"", headers=headers, params=params, **route)

    async def send(
        self,
        name: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        **route: str,
    ) -> Answered:
        """Call a function. body: bytes as they are, anything else as JSON."""
        request = func.HttpRequest(
            method="POST",
            url=f"/api/{name}?{urlencode(params or {}, errors='surrogatepass')}",
            headers={"Host": "127.0.0.1:7071", "Content-Type": "application/json", **(headers or {})},
            params={each: value for each, value in (params or {}).items() if value},  # the host hands over no more
            route_params=route,
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        context = SimpleNamespace(
            trace_context=SimpleNamespace(trace_parent=TRACEPARENT), invocation_id="the-invocation"
        )
        answer: func.HttpResponse = await self._functions[name].get_user_function()(req=request, context=context)
        answered = _read(answer)
        told = {**answered.headers, "Content-Type": answered.media_type}
        if name not in PAGES:
            hold(name, Given(status=answered.status, headers=told, body=answered.body))
        return answered


def _read(answer: func.HttpResponse) -> Answered:
    body = answer.get_body()
    read = json.loads(body) if body and "json" in answer.mimetype else body or None
    return Answered(answer.status_code, answer.mimetype, dict(answer.headers), read)
