"""The check after a deployment, over the HTTP API only: `python infra/smoke.py --url URL [--expect-build SHA] ...`.

The same against Azure, `func start` and `make run`. It waits for the build, pays once, has the money given back, tries
what the API promises, and forces a dead letter: through our own parking and, with `--bus`, through the broker's
forwarding too. What it forced it discards. Needs the standard library only (`--bus` needs what requirements.txt pins).
Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import os
import secrets
import string
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.smoke_doors import hears, shut
from infra.smoke_http import Answer, Api, NotYet, SmokeFailed, eventually, expect
from infra.smoke_letters import Json, Letters
from infra.smoke_options import Options
from infra.smoke_payments import Payments
from infra.smoke_refund import Refund

REASON, BROKER_TRIES, MESSAGES = "smoke_test", 5, 4
"""A step that listens gets some of the messages before the smoke test does; seldom all."""

PARKS, RECORDS = "publish_events, create_payment or record_dead_letter", "the forward or record_dead_letter"

REFUNDS = "refunds"
"""The check that gives back what was paid."""

LETTERS = 24
"""By which a run is told from every other."""

SMALLEST = 1
"""In minor units. A real provider takes it at every deployment, until it has given it back."""


class Smoke:
    """The checks; each returns what it found, in one line. may_owe: a payment was sent, and may have taken money."""

    def __init__(self, options: Options) -> None:
        self._options = options
        url, by_key = options.url.rstrip("/"), {"x-functions-key": options.key} if options.key else {}
        by_token = {"Authorization": f"Bearer {options.bearer}"} if options.bearer else {}
        # Each only where it is asked for: Azure may tell the app of a token that nobody asked for, and two have called.
        self._api = Api(url, by_key | by_token if options.api_auth == "entra" else by_key)
        self._payments = Payments(self._api, options.limit_s)
        self._letters = Letters(Api(url, by_token), options.limit_s)
        # Letters alone: digits in a row may read as a card number, which the API refuses in a reference.
        self._run = "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS))
        self.may_owe = False

    def checks(self) -> dict[str, Callable[[], str]]:
        """By name, in the order in which they make sense."""
        checks = {"live": self.live, "ready": self.ready, "pays": self.pays, REFUNDS: self.refunds}
        checks |= {"refuses": self.refuses, "hears": self.hears}
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
        where = f"GET /api/payments?reference={self._key} finds it if no line below names it"
        print(f"NOTE    a payment is sent under the Idempotency-Key {self._key}: {where}", flush=True)
        self.may_owe = True
        first = self._paid()
        payment_id, refund = first.body["payment_id"], self._refund_of(first)
        print(f"NOTE    payment {payment_id} is under way; if this run does not refund it: {refund}", flush=True)
        self._payments.rests(payment_id, "completed")
        again = self._paid()
        expect(again.body == first.body, "the first answer again for a repeated request", came=again)
        return f"payment {payment_id} completed; repeated, the same answer{self._charged_once(payment_id)}"

    def refunds(self) -> str:
        """What was taken is given back: in production it is money.

        Whether anything was, the same request under the same key says, also where its first answer was lost.
        """
        return self._refund_of(self._paid()).done(self._api, limit_s=self._options.limit_s)

    def refuses(self) -> str:
        """A wrong request is refused with a stable code, and so is a key that was used for another request."""
        order = self._order(self._options.payment_method)
        wrong = self._api.call("POST", "/api/payments", body=order | {"amount_minor": "12"})
        expect(wrong.status == 422 and wrong.body["code"] == "request_invalid", "422 request_invalid", came=wrong)
        other = self._api.call("POST", "/api/payments", body=order | {"amount_minor": 2}, key=self._key)
        is_reused = other.status == 422 and other.body["code"] == "idempotency_key_reused"
        expect(is_reused, "422 idempotency_key_reused", came=other)
        return "422 request_invalid, 422 idempotency_key_reused"

    def hears(self) -> str:
        """The provider can tell something, and nobody else."""
        return hears(self._options.url.rstrip("/"), limit_s=self._options.limit_s)

    def shut(self) -> str:
        """Where operators show a token, nobody operates without one."""
        return shut(self._options.url.rstrip("/"), limit_s=self._options.limit_s)

    def voids(self) -> str:
        """What the provider reserves and then declines to settle is released."""
        accepted = self._payments.accepted(self._order(self._options.voiding_method), key=f"smoke-voids-{self._run}")
        payment_id = accepted.body["payment_id"]
        owed = Refund(payment_id=payment_id, key=f"smoke-refund-voids-{self._run}")
        at_rest = frozenset({"completed", "voided"})
        self._payments.rests(payment_id, "voided", at_rest=at_rest, do=f"it took money; to give it back: {owed}")
        if self._merchant is None:
            return f"payment {payment_id} voided"  # with nobody to tell, that function is not seen
        self._payments.told_of_failure(payment_id)
        return f"payment {payment_id} voided; the merchant was told"

    def parked(self) -> str:
        """Our own road: what the provider calls our fault is parked at once; discarding it ends the payment."""
        accepted = self._payments.accepted(self._order(self._options.parking_method), key=f"smoke-parked-{self._run}")
        payment_id = accepted.body["payment_id"]
        (letter,) = self._letters.recorded(
            lambda each: bool(each["payment_id"] == payment_id), count=1, by=PARKS, of=f" of payment {payment_id}"
        )
        expect(letter["reason"] == "our_fault", "a dead letter with reason our_fault", came=letter)
        self._letters.discard(letter)
        self._payments.rests(payment_id, "failed")
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
        return self._payments.accepted(self._order(self._options.payment_method), key=self._key)

    @property
    def _key(self) -> str:
        """Of the one payment that is meant to take money; and its reference, by which it is found without its id."""
        return f"smoke-{self._run}"

    def _refund_of(self, paid: Answer) -> Refund:
        return Refund(payment_id=paid.body["payment_id"], key=f"smoke-refund-{self._run}")

    def _order(self, payment_method: str) -> Json:
        order: Json = {"amount_minor": SMALLEST, "currency": "EUR", "reference": self._key}
        order["payment_method"] = payment_method
        merchant = self._merchant
        return order | ({"notification_url": merchant} if merchant else {})

    @property
    def _merchant(self) -> str | None:
        """Whom to tell how a payment ended. The local provider plays a merchant too."""
        provider = self._options.provider_url
        return self._options.notification_url or (f"{provider.rstrip('/')}/merchant/ok" if provider else None)

    def _charged_once(self, payment_id: str) -> str:
        """Asks the local provider, which counts; a real one has no such page."""
        if self._options.provider_url is None:
            return ""
        charge = Api(self._options.provider_url.rstrip("/")).call("GET", f"/charges/{payment_id}")
        expect(charge.status == 200 and charge.body["times_charged"] == 1, "charged once", came=charge)
        return "; charged once"


def run(options: Options) -> int:
    """One line per check, up to the first that fails. What was paid is given back whatever has failed, and however late
    it is. Returns the exit code."""
    smoke, code = Smoke(options), 0
    for name, check in smoke.checks().items():
        if name == REFUNDS and smoke.may_owe:
            code |= _ended(name, check, until=None)
        elif not code:
            code = _ended(name, check, until=options.until)
    return code


def _ended(name: str, check: Callable[[], str], *, until: float | None) -> int:
    started = time.monotonic()
    try:
        expect(until is None or started < until, "it to begin in time", came="the end of the limit")
        found = check()
    except (SmokeFailed, NotYet) as exc:
        do = exc.do if isinstance(exc, SmokeFailed) else ""
        print(f"FAILED  {name}: {exc}", *([f"NEXT    {do}"] if do else []), sep="\n", flush=True)
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
