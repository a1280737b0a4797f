"""health: whether this app is alive, and whether what it needs answers. For probes and deployments. Knows no rule."""

import asyncio
import time

import azure.functions as func

from functions.answers import json_answer
from functions.caller import Doors
from functions.route import Request, Route, blueprint_of
from shared.errors import StoreBusy
from shared.services import GetServices
from shared.verbs.query import readiness

HEALTH = Route(name="health", method="GET", path="health", needs=None)
READY = Route(name="ready", method="GET", path="health/ready", needs=None)

READY_CACHE_S = 5
START_LIMIT_S = 10.0
"""How long a probe waits for a process that cannot reach the store. The process goes on trying."""


def blueprint(services: GetServices, *, doors: Doors, build_id: str) -> func.Blueprint:
    """The functions `health` and `ready`; both are open to everybody."""
    lately = _Lately(services)

    async def health(_: Request) -> func.HttpResponse:
        return json_answer({"status": "live", "build": build_id})

    async def ready(_: Request) -> func.HttpResponse:
        checks = await lately.checks()
        return json_answer({"checks": checks}, status=200 if set(checks.values()) == {"ok"} else 503)

    return blueprint_of({HEALTH: health, READY: ready}, doors=doors)


class _Lately:
    """Readiness as it was at most READY_CACHE_S ago: probes come often, and each check costs a read and a send.

    Whoever asks meanwhile waits for the same answer, and not for long: probes are open to everybody, and must not fill
    the process in front of those who pay.
    """

    def __init__(self, services: GetServices) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._checks: dict[str, str] = {}
        self._until = 0.0

    async def checks(self) -> dict[str, str]:
        async with self._lock:
            if time.monotonic() >= self._until:
                self._checks = await self._look()
                self._until = time.monotonic() + READY_CACHE_S
            return self._checks

    async def _look(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                services = await self._services()
        except (StoreBusy, TimeoutError):
            return {"store": StoreBusy.__name__}
        return await readiness(services=services)
