"""The check after a deployment, over the HTTP API only: `python infra/smoke.py --url URL [--expect-build SHA] ...`.

The same against Azure, `func start` and `make run`. It waits for the build, pays once, tries what the API promises, and
forces a dead letter: through our own parking and, with `--bus`, through the broker's forwarding too. What it forced it
discards. Needs the standard library only (`--bus` needs what requirements.txt pins). Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

CALL_LIMIT_S = 30
"""For one call; an instance that starts takes some seconds to answer its first."""

BROKER_TRIES = 5  # a message that expires at once may still be handed over in time; then the next one is sent
EXPIRED = "TTLExpiredException"  # the broker's reason for what it dead-letters for its age
AT_REST = frozenset({"completed", "failed", "voided"})
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})

type Json = dict[str, Any]


class SmokeFailed(Exception):
    """What was expected and what came instead."""


class NotYet(Exception):
    """It may still come; says what was seen."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    url: str
    expect_build: str | None = None
    provider_url: str | None = None
    key: str | None = None
    bearer: str | None = None
    bus: str | None = None
    payment_method: str = "pm_ok"
    parking_method: str = "pm_invalid"
    start_limit_s: float = 300.0
    limit_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """Raises NotYet for what is no JSON: the error page of a gateway before an app that starts."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise NotYet(f"{self} is no JSON") from None

    def __str__(self) -> str:
        return f"{self.status} {self.text[:500]}"


@dataclass(frozen=True, slots=True)
class Api:
    """One server. A connection per call: what is slow does not matter here, what is stale does."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, *, body: object = None, key: str | None = None) -> Answer:
        """`key` is the Idempotency-Key. Raises NotYet when nothing answers."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=CALL_LIMIT_S)
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {}), "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, parts.path.rstrip("/") + path, body=sent, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as exc:
            raise NotYet(f"{method} {self.url}{path}: {type(exc).__name__} {exc}") from exc
        finally:
            connection.close()


def eventually[T](ask: Callable[[], T], *, what: str, limit_s: float) -> T:
    """What `ask` returns once it no longer raises NotYet. Raises SmokeFailed with what was seen last."""
    until, pause_s = time.monotonic() + limit_s, 0.05
    while True:
        try:
            return ask()
        except NotYet as seen:
            if time.monotonic() >= until:
                raise SmokeFailed(f"{what}: not within {limit_s:g} s; last seen: {seen}") from seen
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 2.0)


def expect(holds: bool, what: str, came: object) -> None:  # noqa: FBT001 - it reads as the sentence it is
    """Raises SmokeFailed unless it holds."""
    if not holds:
        raise SmokeFailed(f"expected {what}; came {came}")


class Smoke:
    """The checks; each returns what it found, in one line."""

    def __init__(self, options: Options) -> None:
        self._options = options
        headers = {"x-functions-key": options.key} if options.key else {}
        if options.bearer:
            headers["Authorization"] = f"Bearer {options.bearer}"
        self._api = Api(options.url.rstrip("/"), headers)
        self._run = uuid.uuid4().hex

    def checks(self) -> dict[str, Callable[[], str]]:
        """By name, in the order in which they make sense."""
        checks = {"live": self.live, "ready": self.ready, "pays": self.pays, "refuses": self.refuses}
        if self._options.parking_method:
            checks["parked"] = self.parked
        if self._options.bus:
            checks["forwarded"] = self.forwarded
        return checks

    def live(self) -> str:
        """Waits out the restart that a deployment is: until the new build answers."""
        build = self._options.expect_build

        def is_new(answer: Answer) -> bool:
            return answer.status == 200 and build in {None, answer.body["build"]}

        return self._until("GET", "/api/health", is_new, limit_s=self._options.start_limit_s).text

    def ready(self) -> str:
        """Store and bus answer: the identity has its roles."""
        limit_s = self._options.start_limit_s
        return self._until("GET", "/api/health/ready", lambda answer: answer.status == 200, limit_s=limit_s).text

    def pays(self) -> str:
        """One payment to completed, charged once; the same request again gets the same answer."""
        order, key = self._order(self._options.payment_method), f"smoke-{self._run}"
        first = self._accepted(order, key)
        payment_id = first.body["payment_id"]
        self._rests(payment_id, "completed")
        again = self._accepted(order, key)
        expect(again.body == first.body, "the first answer again for a repeated request", again)
        return f"payment {payment_id} completed; repeated, the same answer{self._charged_once(payment_id)}"

    def refuses(self) -> str:
        """A wrong request is refused with a stable code, and so is a key that was used for another request."""
        order = self._order(self._options.payment_method)
        wrong = self._api.call("POST", "/api/payments", body=order | {"amount_minor": "12"})
        expect(wrong.status == 422 and wrong.body["code"] == "request_invalid", "422 request_invalid", wrong)
        other = self._api.call("POST", "/api/payments", body=order | {"amount_minor": 2}, key=f"smoke-{self._run}")
        is_reused = other.status == 422 and other.body["code"] == "idempotency_key_reused"
        expect(is_reused, "422 idempotency_key_reused", other)
        return "422 request_invalid, 422 idempotency_key_reused"

    def parked(self) -> str:
        """Our own road: what the provider calls our fault is parked at once; discarding it ends the payment."""
        accepted = self._accepted(self._order(self._options.parking_method), f"smoke-parked-{self._run}")
        payment_id = accepted.body["payment_id"]
        letter = self._recorded(lambda each: bool(each["payment_id"] == payment_id))
        expect(letter["reason"] == "our_fault", "a dead letter with reason our_fault", letter)
        self._discard(letter)
        self._rests(payment_id, "failed")
        return f"dead letter {letter['id']} our_fault, discarded; payment {payment_id} failed"

    def forwarded(self) -> str:
        """The broker's road: what expires in a step's subscription is forwarded to the same topic."""
        for attempt in range(1, BROKER_TRIES + 1):
            letter = self._expired(f"smoke-{self._run}-{attempt}")
            if letter["reason"] == EXPIRED:
                return f"dead letter {letter['id']} {EXPIRED}, discarded; tries: {attempt}"
        raise SmokeFailed(f"{BROKER_TRIES} messages that expire at once were all handed over before they did")

    def _expired(self, message_id: str) -> Json:
        """Sent by a child: it needs the SDK, this file does not. The environment keeps a key out of `ps`."""
        command = [sys.executable, str(Path(__file__).with_name("smoke_bus.py")), message_id]
        environment = {**os.environ, "SMOKE_BUS": str(self._options.bus)}
        sent = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        expect(sent.returncode == 0, "a message sent", sent.stderr[-500:])
        letter = self._recorded(lambda each: each["payment_id"] is None and self._message_of(each) == message_id)
        self._discard(letter)
        return letter

    def _message_of(self, letter: Json) -> str:
        whole = self._api.call("GET", f"/api/ops/dead-letters/{letter['id']}")
        return str(whole.body["message"]["message_id"])

    def _order(self, payment_method: str) -> Json:
        order: Json = {"amount_minor": 1, "currency": "EUR", "payment_method": payment_method, "reference": "smoke"}
        merchant = self._options.provider_url
        return order | ({"notification_url": f"{merchant.rstrip('/')}/merchant/ok"} if merchant else {})

    def _until(
        self, method: str, path: str, is_it: Callable[[Answer], bool], *, limit_s: float = 0, **sent: object
    ) -> Answer:
        """Sends until the answer is one to go on with."""

        def ask() -> Answer:
            answer = self._api.call(method, path, **sent)  # type: ignore[arg-type] # body and key
            if not is_it(answer):
                raise NotYet(str(answer))
            return answer

        return eventually(ask, what=f"{method} {path}", limit_s=limit_s or self._options.limit_s)

    def _accepted(self, order: Json, key: str) -> Answer:
        """Sends until it is accepted: that is what the key is for."""
        taken = self._until("POST", "/api/payments", lambda each: each.status not in _TRY_AGAIN, body=order, key=key)
        expect(taken.status == 202, "202 for a payment", taken)
        return taken

    def _rests(self, payment_id: str, wanted: str) -> None:
        """Waits until the payment rests, and expects the status."""

        def rests(answer: Answer) -> bool:
            return answer.status == 200 and answer.body["status"] in AT_REST

        answer = self._until("GET", f"/api/payments/{payment_id}", rests)
        expect(answer.body["status"] == wanted, f"payment {payment_id} {wanted}", answer)

    def _charged_once(self, payment_id: str) -> str:
        """Asks the local provider, which counts; a real one has no such page."""
        if self._options.provider_url is None:
            return ""
        charge = Api(self._options.provider_url.rstrip("/")).call("GET", f"/charges/{payment_id}")
        expect(charge.status == 200 and charge.body["times_charged"] == 1, "charged once", charge)
        return "; charged once"

    def _recorded(self, is_ours: Callable[[Json], bool]) -> Json:
        """The open dead letter that is ours, when it has been recorded."""

        def letter() -> Json:
            query = {"status": "open"}
            while True:
                answer = self._api.call("GET", f"/api/ops/dead-letters?{urlencode(query)}")
                expect(answer.status in {200} | _TRY_AGAIN, "200 for the list of dead letters", answer)
                ours = [each for each in answer.body.get("dead_letters", ()) if is_ours(each)]
                if ours:
                    return dict(ours[0])
                if not answer.body.get("next_page"):
                    raise NotYet("not among those that are open")
                query["page"] = answer.body["next_page"]

        return eventually(letter, what="a recorded dead letter", limit_s=self._options.limit_s)

    def _discard(self, letter: Json) -> None:
        """409: the provider could not be asked, and nothing was done."""
        path, busy = f"/api/ops/dead-letters/{letter['id']}/discard", _TRY_AGAIN | {409}
        answer = self._until("POST", path, lambda each: each.status not in busy, body={"reason": "smoke test"})
        expect(answer.status == 200, "200 for a discard", answer)


def run(options: Options) -> int:
    """One line per check, up to the first that fails. Returns the exit code."""
    for name, check in Smoke(options).checks().items():
        started = time.monotonic()
        try:
            found = check()
        except (SmokeFailed, NotYet) as exc:
            print(f"FAILED  {name}: {exc}", flush=True)
            return 1
        print(f"ok      {name}: {found} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    defaults = Options(url="")
    parser = argparse.ArgumentParser(prog="python infra/smoke.py", description="Does the deployed app work?")
    parser.add_argument("--url", required=True, help="the app's address, without /api")
    parser.add_argument("--expect-build", help="wait for this build id")
    parser.add_argument("--provider-url", help="a local provider, to be notified and asked what it charged")
    parser.add_argument("--key", default=os.environ.get("SMOKE_KEY"), help="a function key; better in SMOKE_KEY")
    parser.add_argument("--bus", help="a connection string, or a namespace for whoever is signed in to the Azure CLI")
    parser.add_argument("--payment-method", default=defaults.payment_method, help="a token that completes")
    parser.add_argument("--parking-method", default=defaults.parking_method, help="is our fault; empty: not tried")
    parser.add_argument("--start-limit-s", type=float, default=defaults.start_limit_s)
    parser.add_argument("--limit-s", type=float, default=defaults.limit_s)
    return run(Options(**vars(parser.parse_args(arguments)), bearer=os.environ.get("SMOKE_BEARER")))


if __name__ == "__main__":
    sys.exit(main())
