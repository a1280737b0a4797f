"""The check after a deployment, against an app played by a small server: it passes, and it fails for each fault."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.servicebus.exceptions import ServiceBusAuthorizationError

from infra import smoke_bus
from infra.smoke import Options, main, run
from shared import flow

type Reply = tuple[int, dict[str, Any]]


@dataclass
class PlayedApp:
    """Answers as the app does; a test spoils one of its ways. Playing the provider too, it knows what was charged."""

    build: str = "abc123"
    starts_after: int = 2
    completes_as: str = "completed"
    repeats: bool = True
    refuses_with: str = "request_invalid"
    parks_with: str = "our_fault"
    discard_busy: int = 1
    key: str | None = None
    times_charged: int = 1
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
        if self.key is not None and headers.get("x-functions-key") != self.key:
            return 401, {}
        if method == "POST" and route == "/api/payments":
            return self.accept(body, headers.get("idempotency-key", ""))
        return self.ask(method, route, query)

    def accept(self, body: dict[str, Any], key: str) -> Reply:
        if isinstance(body["amount_minor"], str):
            return 422, {"code": self.refuses_with}
        if body["amount_minor"] != 1:
            return 422, {"code": "idempotency_key_reused"}
        payment_id = key if self.repeats else f"{key}-{len(self.payments)}"
        if body["payment_method"] == "pm_invalid":
            self.payments[payment_id] = "initiated"
            self.died(message_id=f"{payment_id}:1", payment_id=payment_id, reason=self.parks_with)
        else:
            self.payments[payment_id] = self.completes_as
        return 202, {"payment_id": payment_id}

    def ask(self, method: str, route: str, query: str) -> Reply:
        match [method, *route.strip("/").split("/")]:
            case ["GET", "api", "payments", payment_id]:
                return 200, {"status": self.payments[payment_id]}
            case ["GET", "charges", _]:
                return 200, {"times_charged": self.times_charged}
            case ["GET", "api", "ops", "dead-letters"]:
                return 200, self.page(int(query.partition("page=")[2] or 0))
            case ["GET", "api", "ops", "dead-letters", letter_id]:
                return 200, self.letters[int(letter_id)]
            case ["POST", "api", "ops", "dead-letters", letter_id, "discard"]:
                return self.discard(self.letters[int(letter_id)])
        return 404, {}

    def page(self, start: int) -> dict[str, Any]:
        """One letter at a time, so that whoever stops at the first page finds little."""
        found = [each for each in self.letters if each["status"] == "open"]
        return {
            "dead_letters": found[start : start + 1],
            "next_page": str(start + 1) if len(found) > start + 1 else None,
        }

    def died(self, *, message_id: str, payment_id: str | None, reason: str) -> None:
        letter = {"id": str(len(self.letters)), "status": "open", "payment_id": payment_id, "reason": reason}
        self.letters.append(letter | {"message": {"message_id": message_id}})

    def discard(self, letter: dict[str, Any]) -> Reply:
        if self.discard_busy:
            self.discard_busy -= 1
            return 409, {"discarded": False}
        letter["status"] = "discarded"
        self.payments[letter["payment_id"]] = "failed"
        return 200, {"discarded": True}


@pytest.fixture
def app() -> PlayedApp:
    return PlayedApp()


@pytest.fixture
def url(app: PlayedApp) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, reply = app.reply(self.command, self.path, body, headers)
            text = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own word
            """A test prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


def options(url: str, **changes: Any) -> Options:
    return Options(**{"url": url, "expect_build": "abc123", "start_limit_s": 30.0, "limit_s": 30.0, **changes})


def test_it_passes_an_app_that_works_and_leaves_no_dead_letter_open(
    app: PlayedApp, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(options(url, provider_url=url)) == 0

    printed = capsys.readouterr().out
    assert re.findall(r"^(\S+) +(\w+):", printed, re.MULTILINE) == [
        ("ok", "live"),
        ("ok", "ready"),
        ("ok", "pays"),
        ("ok", "refuses"),
        ("ok", "parked"),
    ]
    assert [letter["status"] for letter in app.letters] == ["discarded"]


def test_it_waits_until_the_new_build_answers(app: PlayedApp, url: str) -> None:
    app.starts_after = 5

    assert run(options(url)) == 0

    assert app.health_asked == 6


def test_it_sends_its_key_from_the_environment(app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app.key = "a-key"
    monkeypatch.setenv("SMOKE_KEY", "a-key")

    assert main(["--url", url, "--limit-s", "30"]) == 0


def test_a_dead_letter_is_found_among_the_pages_of_others(app: PlayedApp, url: str) -> None:
    for number in range(3):
        app.died(message_id=f"other-{number}", payment_id=f"other-{number}", reason="retries_exhausted")

    assert run(options(url)) == 0

    assert [letter["status"] for letter in app.letters] == ["open", "open", "open", "discarded"]


def spoil(**changes: object) -> Callable[[PlayedApp], None]:
    def spoiled(app: PlayedApp) -> None:
        for name, value in changes.items():
            setattr(app, name, value)

    return spoiled


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (spoil(build="older"), "live: GET /api/health: not within 0.3 s"),
        (spoil(completes_as="failed"), "pays: expected payment .* completed"),
        (spoil(completes_as="settled"), "pays: GET /api/payments/.*: not within"),
        (spoil(repeats=False), "pays: expected the first answer again"),
        (spoil(times_charged=2), "pays: expected charged once"),
        (spoil(refuses_with="another"), "refuses: expected 422 request_invalid"),
        (spoil(parks_with="retries_exhausted"), "parked: expected a dead letter with reason our_fault"),
        (spoil(discard_busy=10**6), "parked: POST .*/discard: not within"),
        (spoil(key="another"), "pays: expected 202 for a payment; came 401"),
    ],
)
def test_it_fails_and_says_why(
    fault: Callable[[PlayedApp], None],
    failed: str,
    app: PlayedApp,
    url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault(app)

    assert run(options(url, provider_url=url, start_limit_s=0.3, limit_s=0.3)) == 1

    assert re.search(f"^FAILED  {failed}", capsys.readouterr().out, re.MULTILINE)


def test_an_app_that_does_not_answer_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(options("http://127.0.0.1:1", start_limit_s=0)) == 1

    assert "ConnectionRefusedError" in capsys.readouterr().out


@pytest.mark.parametrize("quicker", [[1], [4, 3], [4, 4, 4, 4, 0]])
def test_the_brokers_road_is_tried_again_when_the_step_was_quicker(
    quicker: list[int], app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`quicker`: how many of the four messages the step gets first, in each try."""
    tries = iter(quicker)

    def dead_letter(_bus: str, *, message_ids: set[str], reason: str) -> None:
        parked = next(tries)
        for number, message_id in enumerate(sorted(message_ids)):
            app.died(message_id=message_id, payment_id=None, reason="unreadable" if number < parked else reason)

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)

    assert run(options(url, bus="Endpoint=sb://played")) == 0

    assert "forwarded: dead letters" in capsys.readouterr().out
    assert {letter["status"] for letter in app.letters} == {"discarded"}


def test_a_step_that_gets_every_message_first_fails_it(
    app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dead_letter(_bus: str, *, message_ids: set[str], reason: str) -> None:
        for message_id in message_ids:
            app.died(message_id=message_id, payment_id=None, reason="unreadable")

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)

    assert run(options(url, bus="Endpoint=sb://played")) == 1

    assert "FAILED  forwarded: of 20 messages" in capsys.readouterr().out


def test_a_bus_that_refuses_fails_it_and_names_the_roles(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(_bus: str) -> None:
        raise ServiceBusAuthorizationError

    monkeypatch.setattr(smoke_bus, "_client", refuses)

    assert run(options(url, bus="bus.example")) == 1

    assert re.search(r"^FAILED  forwarded: .*Data Sender and Receiver", capsys.readouterr().out, re.MULTILINE)


def test_the_step_whose_messages_it_dead_letters_is_one_of_the_topology() -> None:
    assert (smoke_bus.TOPIC, smoke_bus.SUBSCRIPTION) in {
        (place.topic, place.subscription) for place in flow.PLACE_OF.values()
    }
