"""The product's HTTP functions over a world, called as the Functions worker calls them. No host and no sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from functions import accept, health, query, recover, search
from functions.caller import caller
from shared.services import GetServices, Services
from tests.builders import TRACEPARENT
from tests.flow.kit.world import World


@dataclass(frozen=True, slots=True)
class Answered:
    """status, and the JSON that the function answered."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: Any


class Edge:
    """The functions by name. ops_caller: as the setting OPS_CALLER says. starting: how it gets the world's services."""

    def __init__(self, world: World, *, ops_caller: str = "developer", starting: GetServices | None = None) -> None:
        async def ready() -> Services:
            return world.services

        services = starting or ready
        app = func.FunctionApp()
        app.register_functions(accept.blueprint(services))
        app.register_functions(query.blueprint(services))
        app.register_functions(search.blueprint(services))
        app.register_functions(health.blueprint(services, build_id="abc123"))
        app.register_functions(recover.blueprint(services, caller=caller(ops_caller)))
        self._functions = {each.get_function_name(): each.get_user_function() for each in app.get_functions()}

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
            url=f"/api/{name}",
            headers={"Content-Type": "application/json", **(headers or {})},
            params=dict(params or {}),
            route_params=route,
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        context = SimpleNamespace(
            trace_context=SimpleNamespace(trace_parent=TRACEPARENT), invocation_id="the-invocation"
        )
        answer: func.HttpResponse = await self._functions[name](req=request, context=context)
        body = answer.get_body()
        return Answered(answer.status_code, answer.mimetype, dict(answer.headers), json.loads(body) if body else None)
