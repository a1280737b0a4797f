"""Stands in for any service or for the host, so that tests of starting and stopping need none of the real ones.

As the host (it is given `--app`) it answers the payments API from memory; FAKE_HOST_STATUS says how far a payment gets.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.base.serving import Running, serve

_PATHS = {
    "completed": ["initiated", "created", "settled", "completed"],
    "failed": ["initiated", "failed"],
    "created": ["initiated", "created"],
}


class FakeService:
    """Answers on its port, and on a second one when it is given one. Needs little: many are started."""

    def __init__(self) -> None:
        self.port = 0
        self._servers: list[ThreadingHTTPServer] = []

    async def open(self, *ports: int) -> Running:
        for port in ports:
            self._servers.append(ThreadingHTTPServer(("127.0.0.1", port), Answers))
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = self._servers[0].server_port
        return self

    async def close(self) -> None:
        for server in self._servers:
            await asyncio.to_thread(server.shutdown)
            server.server_close()


class Answers(BaseHTTPRequestHandler):
    """What each path is answered."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        status = os.environ.get("FAKE_HOST_STATUS", "completed")
        if path == "/api/health/ready":
            self.answer(200, {})
        elif path == "/environment":
            self.answer(200, dict(os.environ))
        elif path == "/api/ops/payments":
            self.answer(200, rows())
        elif path.startswith("/api/payments/"):
            self.answer(200, events(status) if path.endswith("/events") else {"status": status})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/api/payments":
            self.answer(404, {})
        elif body["amount_minor"] < 1:
            self.answer(400, {"code": "amount_out_of_range"})
        else:
            self.answer(202, {"payment_id": str(uuid.uuid4()), "status": "initiated"})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


def events(status: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    listed = [{"version": n, "type": f"payment.{word}", "occurred_at": now} for n, word in enumerate(_PATHS[status], 1)]
    return {"events": listed}


def rows() -> dict[str, Any]:
    """What an operator is shown: one payment, which moves now."""
    row = {"id": "payment-later", "status": "settled", "amount_minor": 1250, "currency": "EUR", "reference": "later"}
    moved = {"moved_at": datetime.now(UTC).isoformat(), "refunded_minor": 0, "disputed_minor": 0, "broken": []}
    return {"payments": [{**row, **moved}]}


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
