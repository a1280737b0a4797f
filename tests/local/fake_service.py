"""Stands in for any service or for the host, so that tests of starting and stopping need none of the real ones.

As the host (it is given `--app`) it answers the payments API from memory; FAKE_HOST_STATUS says how far a payment gets.
"""

import argparse
import contextlib
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from local.base.serving import Running, serve
from local.provider.wire import listening

_PATHS = {
    "completed": ["initiated", "created", "settled", "completed"],
    "failed": ["initiated", "failed"],
    "created": ["initiated", "created"],
}


class FakeService:
    """Answers on its port, and on a second one when it is given one."""

    def __init__(self) -> None:
        self.port = 0
        self._listening = contextlib.AsyncExitStack()

    async def open(self, *ports: int) -> Running:
        bound = [await self._listening.enter_async_context(listening(application(), port)) for port in ports]
        self.port = bound[0]
        return self

    async def close(self) -> None:
        await self._listening.aclose()


async def accept(request: web.Request) -> web.Response:
    body = await request.json()
    if body["amount_minor"] < 1:
        return web.json_response({"code": "amount_out_of_range"}, status=400)
    return web.json_response({"payment_id": str(uuid.uuid4()), "status": "initiated"}, status=202)


async def get(request: web.Request) -> web.Response:
    return web.json_response({"status": os.environ.get("FAKE_HOST_STATUS", "completed")})


async def events(request: web.Request) -> web.Response:
    now = datetime.now(UTC).isoformat()
    path = _PATHS[os.environ.get("FAKE_HOST_STATUS", "completed")]
    listed = [{"version": n, "type": f"payment.{word}", "occurred_at": now} for n, word in enumerate(path, 1)]
    return web.json_response({"events": listed})


async def rows(request: web.Request) -> web.Response:
    """What an operator is shown: one payment, which moves now."""
    row = {"id": "payment-later", "status": "settled", "amount_minor": 1250, "currency": "EUR", "reference": "later"}
    moved = {"moved_at": datetime.now(UTC).isoformat(), "refunded_minor": 0, "disputed_minor": 0, "broken": []}
    return web.json_response({"payments": [{**row, **moved}]})


async def environment(request: web.Request) -> web.Response:
    return web.json_response(dict(os.environ))


async def ready(request: web.Request) -> web.Response:
    return web.Response()


def application() -> web.Application:
    application = web.Application()
    application.add_routes(
        [
            web.post("/api/payments", accept),
            web.get("/api/payments/{payment_id}", get),
            web.get("/api/payments/{payment_id}/events", events),
            web.get("/api/ops/payments", rows),
            web.get("/api/health/ready", ready),
            web.get("/environment", environment),
        ]
    )
    return application


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--admin-port", type=int, action="append", default=[])
    options, _ = parser.parse_known_args()
    name = "host" if options.app else "servicebus" if options.admin_port else "cosmos"
    if options.data:
        (options.data / f"{name}.pid").write_text(str(os.getpid()))
        (options.data / f"{name}.sqlite").touch()
    sys.stderr.write(f"the last words of {name}\n")
    if os.environ.get("FAKE_REFUSES") == name:
        return 3
    return serve(name, lambda: FakeService().open(options.port, *options.admin_port), port=options.port)


if __name__ == "__main__":
    sys.exit(main())
