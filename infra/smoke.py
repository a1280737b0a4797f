"""The check after a deployment, over the HTTP API only: `python infra/smoke.py --url URL [--expect-build SHA] ...`.

The same against Azure, `func start` and `make run`. It waits for the build, pays once, has the money given back, tries
what the API promises, and forces a dead letter: through our own parking and, with `--bus`, through the broker's
forwarding too. What it forced it discards. Needs the standard library only (`--bus` needs what requirements.txt pins).
Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import os
import sys
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.smoke_doors import shut
from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, SmokeFailed, eventually, expect
from infra.smoke_letters import Json, Letters
from infra.smoke_refund import Refund

REASON, BROKER_TRIES, MESSAGES = "smoke_test", 5, 4
"""A step that listens gets some of the messages before the smoke test does; seldom all."""

AT_REST = frozenset({"completed", "failed", "voided"})
DOES_NOT_HAPPEN = {
    "initiated": "publish_events or create_payment",
    "created": "publish_events or settle_payment",
    "settled": "publish_events or notify_merchant",
    "failed": "publish_events or void_payment",
}
"""The functions that bring a payment on from each status. tests/infra/test_smoke.py holds them to shared/flow.py."""

PARKS, RECORDS = "publish_events, create_payment or record_dead_letter", "the forward or record_dead_letter"

TOLD = "payment.failure_told"

SMALLEST = 1
"""In minor units. A real provider takes it at every deployment, until it has given it back."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. until: by the monotonic clock, from then on no check is begun.

    key opens the payments' functions, bearer those of operators, and where api_auth is `entra` those of payments too.
    """

    url: str
    expect_build: str | None = None
    provider_url: str | None = None
    api_auth: str = "key"
    key: str | None = None
    bearer: str | None = None
    bus: str | None = None
    bus_token: str | None = None
    notification_url: str | None = None
    payment_method: str = "pm_ok"
    parking_method: str = "pm_invalid"
    voiding_method: str = "pm_settle_declined"
    start_limit_s: float = 300.0
    limit_s: float = 120.0
    until: float | None = None


class Smoke:
    """The checks; each returns what it found, in one line."""

    def __init__(self, options: Options) -> None:
        self._options = options
        url, by_key = options.url.rstrip("/"), {"x-functions-key": options.key} if options.key else {}
        by_token = {"Authorization": f"Bearer {options.bearer}"} if options.bearer else {}
        # Each only where it is asked for: Azure may tell the app of a token that nobody asked for, and two have called.
        self._api = Api(url, by_key | by_token if options.api_auth == "entra" else by_key)
        self._letters = Letters(Api(url, by_token), options.limit_s)
        self._run = uuid.uuid4().hex

    def checks(self) -> dict[str, Callable[[], str]]:
        """By name, in the order in which they make sense."""
        checks = {"live": self.live, "ready": self.ready, "pays": self.pays, "refunds": self.refunds}
        checks["refuses"] = self.refuses
        if self._options.bearer:
            checks["shut"] = self.shut
        if self._options.voiding_method:
            checks["voids"] = self.voids
        if self._options.parking_method:
            checks["parked"] = self.parked
        if self._options.bus:
            checks["forwarded"] = self.forwarded
        return checks

    def live(self) -> str:
        """Waits until the new build answers: a deployment is a restart."""
        build = self._options.expect_build

        def is_new(answer: Answer) -> bool:
            return answer.status == 200 and build in {None, answer.body["build"]}

        return self._api.until("GET", "/api/health", is_it=is_new, limit_s=self._options.start_limit_s).text

    def ready(self) -> str:
        """Store and bus answer: the identity has its roles."""
        limit_s = self._options.start_limit_s
        ready = self._api.until("GET", "/api/health/ready", is_it=lambda answer: answer.status == 200, limit_s=limit_s)
        return ready.text

    def pays(self) -> str:
        """One payment to completed, charged once; the same request again gets the same answer.

        Whatever ends this run from here on, who reads it knows what was taken, and how to give it back.
        """
        first = self._paid()
        payment_id, refund = first.body["payment_id"], self._refund_of(first)
        print(f"NOTE    payment {payment_id} is under way; if this run does not refund it: {refund}", flush=True)
        self._rests(payment_id, "completed")
        again = self._paid()
        expect(again.body == first.body, "the first answer again for a repeated request", came=again)
        return f"payment {payment_id} completed; repeated, the same answer{self._charged_once(payment_id)}"

    def refunds(self) -> str:
        """What was taken is given back: in production it is money."""
        refund = self._refund_of(self._paid())
        return f"payment {refund.payment_id} given back, refund {refund.done(self._api, limit_s=self._options.limit_s)}"

    def refuses(self) -> str:
        """A wrong request is refused with a stable code, and so is a key that was used for another request."""
        order = self._order(self._options.payment_method)
        wrong = self._api.call("POST", "/api/payments", body=order | {"amount_minor": "12"})
        expect(wrong.status == 422 and wrong.body["code"] == "request_invalid", "422 request_invalid", came=wrong)
        other = self._api.call("POST", "/api/payments", body=order | {"amount_minor": 2}, key=f"smoke-{self._run}")
        is_reused = other.status == 422 and other.body["code"] == "idempotency_key_reused"
        expect(is_reused, "422 idempotency_key_reused", came=other)
        return "422 request_invalid, 422 idempotency_key_reused"

    def shut(self) -> str:
        """Where operators show a token, nobody operates without one."""
        return shut(self._options.url.rstrip("/"), limit_s=self._options.limit_s)

    def voids(self) -> str:
        """What the provider reserves and then declines to settle is released."""
        accepted = self._accepted(self._order(self._options.voiding_method), f"smoke-voids-{self._run}")
        payment_id = accepted.body["payment_id"]
        self._rests(payment_id, "voided", at_rest=frozenset({"completed", "voided"}))
        return f"payment {payment_id} voided{self._told(payment_id)}"

    def parked(self) -> str:
        """Our own road: what the provider calls our fault is parked at once; discarding it ends the payment."""
        accepted = self._accepted(self._order(self._options.parking_method), f"smoke-parked-{self._run}")
        payment_id = accepted.body["payment_id"]
        (letter,) = self._letters.recorded(lambda each: bool(each["payment_id"] == payment_id), count=1, by=PARKS)
        expect(letter["reason"] == "our_fault", "a dead letter with reason our_fault", came=letter)
        self._letters.discard(letter)
        self._rests(payment_id, "failed")
        self._letters.shows(letter, "failed")
        return f"dead letter {letter['id']} our_fault, discarded; payment {payment_id} failed, and its row says so"

    def forwarded(self) -> str:
        """The broker's road: what dies in a step's subscription is forwarded to the same topic."""
        for attempt in range(1, BROKER_TRIES + 1):
            reasons = self._reasons_of_death({f"smoke-{self._run}-{attempt}-{number}" for number in range(MESSAGES)})
            if REASON in reasons:
                return f"dead letters {', '.join(reasons)}, discarded"
        raise SmokeFailed(f"of {BROKER_TRIES * MESSAGES} messages the step was quicker to get every one")

    def _reasons_of_death(self, message_ids: Collection[str]) -> list[str]:
        from infra.smoke_bus import dead_letter  # needs the SDK; the other checks do without

        def is_ours(letter: Json) -> bool:
            return self._letters.message_of(letter) in message_ids

        def killed() -> None:
            dead_letter(str(options.bus), message_ids=message_ids, reason=REASON, token=options.bus_token)

        options = self._options
        eventually(killed, what="a message on the bus", limit_s=options.start_limit_s, pause_s=1.0)
        letters = self._letters.recorded(is_ours, count=len(message_ids), by=RECORDS)
        for letter in letters:
            self._letters.discard(letter)
        return [letter["reason"] for letter in letters]

    def _paid(self) -> Answer:
        """The one payment of this run, however often it is asked for."""
        return self._accepted(self._order(self._options.payment_method), f"smoke-{self._run}")

    def _refund_of(self, paid: Answer) -> Refund:
        return Refund(payment_id=paid.body["payment_id"], key=f"smoke-refund-{self._run}")

    def _order(self, payment_method: str) -> Json:
        order: Json = {"amount_minor": SMALLEST, "currency": "EUR", "reference": "smoke"}
        order["payment_method"] = payment_method
        merchant = self._merchant
        return order | ({"notification_url": merchant} if merchant else {})

    @property
    def _merchant(self) -> str | None:
        """Whom to tell how a payment ended. The local provider plays a merchant too."""
        provider = self._options.provider_url
        return self._options.notification_url or (f"{provider.rstrip('/')}/merchant/ok" if provider else None)

    def _accepted(self, order: Json, key: str) -> Answer:
        """Sends until it is accepted: that is what the key is for."""

        def is_taken(answer: Answer) -> bool:
            return answer.status not in TRY_AGAIN

        taken = self._api.until(
            "POST", "/api/payments", is_it=is_taken, limit_s=self._options.limit_s, body=order, key=key
        )
        expect(taken.status == 202, "202 for a payment", came=taken)
        return taken

    def _rests(self, payment_id: str, wanted: str, *, at_rest: Collection[str] = AT_REST) -> None:
        """Waits until the payment rests, and expects the status. If it stands still, says which step did not happen."""

        def ask() -> Answer:
            answer = self._api.call("GET", f"/api/payments/{payment_id}")
            if answer.status != 200:
                raise NotYet(str(answer))
            status = answer.body["status"]
            if status not in at_rest:
                raise NotYet(f"{status}, so {DOES_NOT_HAPPEN.get(status, 'a step')} did not happen; {answer}")
            return answer

        answer = eventually(ask, what=f"GET /api/payments/{payment_id}", limit_s=self._options.limit_s)
        expect(answer.body["status"] == wanted, f"payment {payment_id} {wanted}", came=answer)

    def _told(self, payment_id: str) -> str:
        """Waits until the merchant was told of the failure. With nobody to tell, that function is not seen."""
        if self._merchant is None:
            return ""

        def ask() -> None:
            if TOLD not in self._api.call("GET", f"/api/payments/{payment_id}/events").text:
                raise NotYet("notify_merchant_of_failure did not happen")

        eventually(ask, what=f"{TOLD} of payment {payment_id}", limit_s=self._options.limit_s)
        return "; the merchant was told"

    def _charged_once(self, payment_id: str) -> str:
        """Asks the local provider, which counts; a real one has no such page."""
        if self._options.provider_url is None:
            return ""
        charge = Api(self._options.provider_url.rstrip("/")).call("GET", f"/charges/{payment_id}")
        expect(charge.status == 200 and charge.body["times_charged"] == 1, "charged once", came=charge)
        return "; charged once"


def run(options: Options) -> int:
    """One line per check, up to the first that fails. Returns the exit code."""
    for name, check in Smoke(options).checks().items():
        started = time.monotonic()
        try:
            expect(options.until is None or started < options.until, "it to begin in time", came="the end of the limit")
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
    parser.add_argument("--api-auth", choices=["key", "entra"], default="key", help="entra: SMOKE_BEARER pays too")
    parser.add_argument("--bus", help="a connection string, or a namespace (uses your Azure CLI sign-in)")
    parser.add_argument("--notification-url", help="answers every POST with 204: whom to tell how payments ended")
    parser.add_argument("--payment-method", default=defaults.payment_method, help="a token that completes")
    parser.add_argument("--parking-method", default=defaults.parking_method, help="is our fault; empty: not tried")
    parser.add_argument("--voiding-method", default=defaults.voiding_method, help="settling declined; empty: not tried")
    parser.add_argument("--start-limit-s", type=float, default=defaults.start_limit_s)
    parser.add_argument("--limit-s", type=float, default=defaults.limit_s)
    return run(Options(**vars(parser.parse_args(arguments)), bearer=os.environ.get("SMOKE_BEARER")))


if __name__ == "__main__":
    sys.exit(main())
