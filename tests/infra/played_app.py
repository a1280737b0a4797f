"""An app played by a small server: it answers as ours does, and a test spoils one of its ways."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

type Reply = tuple[int, Any]


@dataclass
class PlayedApp:
    """Answers as the app does; a test spoils one of its ways. Playing the provider too, it knows what was charged.

    key, token: what opens it, where it is locked: the payments by key, with api_auth entra by both, and the operators'
    functions by token. believes: a part of a path at which it takes a forged name for the platform's word.
    orders: what it was sent as payments, by key. loses: so many of them it takes, and its answer does not get back.
    settles_after: a payment is settled at the next refund that is asked for after so many. refund_answers: what it
    answers first, before it takes a refund; refunds: those that it took, by their key. refunds_as: their status, or how
    they are held up.
    news: what it answers to what is told without a signature.
    takes_package, deployments: what its deployment site answers first, before it takes and deploys a package.
    """

    build: str = "abc123"
    starts_after: int = 2
    completes_as: str = "completed"
    repeats: bool = True
    refuses_with: str = "request_invalid"
    parks_with: str = "our_fault"
    discard_busy: int = 1
    api_auth: str = "key"
    key: str | None = None
    token: str | None = None
    lacks_role: bool = False
    believes: str = ""
    times_charged: int = 1
    voids_as: str = "voided"
    refunds_as: str = "refunded"
    loses: int = 0
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    settles_after: int = 0
    refund_answers: list[int] = field(default_factory=list)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    projects: bool = True
    tells: bool = True
    records: bool = True
    news: list[Reply] = field(default_factory=lambda: [(403, {"code": "signature_refused"})])
    takes_package: list[int] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    packages: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    health_asked: int = 0
    payments: dict[str, str] = field(default_factory=dict)
    letters: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, method: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> Reply:
        route, _, query = path.partition("?")
        if route == "/api/health":
            self.health_asked += 1
            return 200, {"build": self.build if self.health_asked > self.starts_after else "older"}
        if route == "/api/health/ready":
            return 200, {"checks": {"store": "ok", "bus": "ok"}}
        if (method, route) == ("POST", "/api/provider/events"):
            return self.news.pop(0) if len(self.news) > 1 else self.news[0]
        if refused := self.locked(route, headers):
            return refused
        if method == "POST" and route == "/api/payments":
            return self.accept(body, headers.get("idempotency-key", ""))
        if method == "POST" and route.endswith("/refunds"):
            return self.give_back(route.split("/")[3], body, headers.get("idempotency-key", ""))
        return self.ask(method, route, query)

    def locked(self, route: str, headers: dict[str, str]) -> Reply | None:
        """As Azure's door, the host and the app do together."""
        if self.believes and self.believes in route and "x-ms-client-principal" in headers:
            return 200, {"dead_letters": [], "next_page": None}
        has_token = headers.get("authorization") == f"Bearer {self.token}"
        of_operators = route.startswith("/api/ops/")
        if not of_operators and not route.startswith("/api/payments"):
            return None
        if self.token is not None and not has_token and (of_operators or self.api_auth == "entra"):
            return 401, {}
        if of_operators:
            return (403, {"code": "role_missing"}) if self.lacks_role else None
        return (401, {}) if self.key is not None and headers.get("x-functions-key") != self.key else None

    def accept(self, body: dict[str, Any], key: str) -> Reply:
        if isinstance(body["amount_minor"], str):
            return 422, {"code": self.refuses_with}
        if body["amount_minor"] != 1:
            return 422, {"code": "idempotency_key_reused"}
        self.orders[key] = body
        payment_id = key if self.repeats else f"{key}-{len(self.payments)}"
        if body["payment_method"] == "pm_settle_declined":
            self.payments[payment_id] = self.voids_as
        elif body["payment_method"] == "pm_invalid":
            self.payments[payment_id] = "initiated"
            self.died(message_id=f"{payment_id}:1", payment_id=payment_id, reason=self.parks_with)
        else:
            self.payments[payment_id] = self.completes_as
        if self.loses:
            self.loses -= 1
            return 504, {}
        return 202, {"payment_id": payment_id}

    def give_back(self, payment_id: str, body: dict[str, Any], key: str) -> Reply:
        """In full, once for each key."""
        status = self.refund_answers.pop(0) if self.refund_answers else 202
        if status != 202:
            return status, {"code": "role_missing" if status == 403 else "store_busy"}
        if body or not key:
            return 422, {"code": "request_invalid"}
        if self.payments[payment_id] not in {"settled", "completed"}:
            self.settles_after -= 1
            self.payments[payment_id] = "completed" if self.settles_after == 0 else self.payments[payment_id]
            return 409, {"code": "not_settled"}
        held_up = {"step": f"refund:refund-{key}", "state": self.refunds_as, "since": "now", "reason": "our_fault"}
        is_held_up = self.refunds_as in {"parked", "retrying"}
        refund = {"payment_id": payment_id, "refund_id": f"refund-{key}"}
        refund |= {"status": "pending" if is_held_up else self.refunds_as}
        self.waiting += [held_up] if is_held_up else []
        return 202, {**self.refunds.setdefault(key, refund), "status": "pending"}

    def ask(self, method: str, route: str, query: str) -> Reply:
        match [method, *route.strip("/").split("/")]:
            case ["GET", "api", "payments", payment_id]:
                refunds = [each for each in self.refunds.values() if each["payment_id"] == payment_id]
                lists = {"refunds": refunds, "waiting": self.waiting}
                filled = {name: each for name, each in lists.items() if each}
                return 200, {"status": self.payments[payment_id], "description": "x" * 500, **filled}
            case ["GET", "api", "payments", _, "events"]:
                return 200, {"events": [{"type": "payment.failure_told"}] if self.tells else []}
            case ["GET", "charges", _]:
                return 200, {"times_charged": self.times_charged}
            case ["GET", "api", "ops", "dead-letters"]:
                return 200, self.page(int(query.partition("page=")[2] or 0))
            case ["GET", "api", "ops", "dead-letters", letter_id]:
                letter = self.letters[int(letter_id)]
                status = self.payments.get(letter["payment_id"]) if self.projects else "initiated"
                return 200, {**letter, "payment": {"status": status}}
            case ["GET", "api", "deployments", _]:
                return self.deployment()
            case ["POST", "api", "ops", "dead-letters", letter_id, "discard"]:
                return self.discard(self.letters[int(letter_id)])
        return 404, {}

    def take(self, package: bytes) -> Reply:
        """As the deployment site does."""
        status = self.takes_package.pop(0) if self.takes_package else 202
        if status != 202:
            return status, {"Message": "This request is not authorized to perform this operation."}
        self.packages.append(package)
        return 202, "deployment-1"

    def deployment(self) -> Reply:
        state = self.deployments.pop(0) if self.deployments else {"status": 4}
        return state.pop("code", 200), state

    def page(self, start: int) -> dict[str, Any]:
        """One letter at a time, so that whoever stops at the first page finds little."""
        found = [each for each in self.letters if each["status"] == "open"]
        return {
            "dead_letters": found[start : start + 1],
            "next_page": str(start + 1) if len(found) > start + 1 else None,
        }

    def died(self, *, message_id: str, payment_id: str | None, reason: str) -> None:
        if not self.records:
            return
        letter = {"id": str(len(self.letters)), "status": "open", "payment_id": payment_id, "reason": reason}
        self.letters.append(letter | {"message": {"message_id": message_id}})

    def discard(self, letter: dict[str, Any]) -> Reply:
        if self.discard_busy:
            self.discard_busy -= 1
            return 409, {"discarded": False}
        letter["status"] = "discarded"
        self.payments[letter["payment_id"]] = "failed"
        return 200, {"discarded": True}


@contextmanager
def serving(app: PlayedApp) -> Iterator[str]:
    """The address at which it answers."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            app.asked.append(f"{self.command} {self.path} {headers.get('authorization', '')}".strip())
            if self.path.startswith("/api/publish"):
                status, reply = app.take(body)
            else:
                status, reply = app.reply(self.command, self.path, json.loads(body or b"{}"), headers)
            text = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own word
            """A test prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    answering.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        answering.join()
        server.server_close()
