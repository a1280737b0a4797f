"""What the suite needs of a provider beside its adapter: one that behaves as it is told, and shows what it did.

Whoever writes an adapter writes one of these over a sandbox or an imitation of the provider. Knows no check.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Protocol

import aiohttp

from local import provider as local_provider
from local.provider.wire import listening
from local.stripe.state import Account
from local.stripe.wire import application
from shared.adapters.provider.client import HttpProvider
from shared.adapters.stripe.client import StripeProvider
from shared.ports.provider import Provider
from tests.builders import NOON
from tests.contract.odd_server import OddServer, Said, odd_server

SHORT_S = 0.4
"""The time limit of an adapter in checks that let a call time out."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What the provider really did for one payment. captured_minor: 0 and "" as long as nothing was captured.

    Amounts are in the minor units of ISO 4217, whatever the provider writes.
    """

    authorised: int = 0
    captured_minor: int = 0
    currency: str = ""
    is_voided: bool = False
    refunded_minor: dict[str, int] = field(default_factory=dict)


class Bench(Protocol):
    """One provider, for one check. Its methods of payment by what they make it do: ok, declined, invalid, down (does
    nothing until `repair`), create_times_out, settle_times_out, refund_times_out (does it, once, without an answer),
    settle_declined, refund_declined.
    """

    def adapter(self, *, limit_s: float = 5.0) -> Provider:
        """The adapter under test, before this provider."""

    def before_a_stranger(self, status: int, body: bytes) -> Provider:
        """The adapter, before something that answers everything so, and is not the provider."""

    def unreachable(self) -> Provider:
        """The adapter, at an address where nobody listens."""

    def method(self, behaviour: str) -> str:
        """The payment method that brings this behaviour."""

    async def repair(self) -> None:
        """What was down works from now on."""

    async def forget(self) -> None:
        """All request ids so far are as if the provider had never had them."""

    async def moved(self, payment_id: str) -> Moved:
        """What was really done."""


type OpenBench = Callable[[], AbstractAsyncContextManager[Bench]]


class RegisBench:
    """The local provider, and the adapter that ships for it."""

    _METHODS: ClassVar = {
        "ok": "pm_ok",
        "declined": "pm_declined",
        "invalid": "pm_invalid",
        "down": "pm_down",
        "create_times_out": "pm_times_out_once",
        "settle_times_out": "pm_settle_times_out_once",
        "refund_times_out": "pm_refund_times_out_once",
        "settle_declined": "pm_settle_declined",
        "refund_declined": "pm_refund_declined",
    }

    def __init__(self, http: aiohttp.ClientSession, odd: OddServer, *, url: str) -> None:
        self._http = http
        self._odd = odd
        self._url = url

    def adapter(self, *, limit_s: float = 5.0) -> Provider:
        return self._at(self._url, limit_s=limit_s)

    def before_a_stranger(self, status: int, body: bytes) -> Provider:
        said = Said(status, body)
        return self._at(self._odd.answering(said, asked=said, listed=said))

    def unreachable(self) -> Provider:
        return self._at("http://127.0.0.1:9")

    def method(self, behaviour: str) -> str:
        return self._METHODS[behaviour]

    async def repair(self) -> None:
        await self._tell("/repair", {})

    async def forget(self) -> None:
        await self._tell("/mode", {"remember_requests_s": 0})

    async def moved(self, payment_id: str) -> Moved:
        async with self._http.get(f"{self._url}/charges/{payment_id}") as response:
            charge = await response.json() if response.status == 200 else {}
        query = {"payment_reference": payment_id}
        async with self._http.get(f"{self._url}/v1/payments", params=query) as response:
            tries = [each for each in (await response.json())["payments"] if each["status"] != "declined"]
        captured = [each for each in tries if each["status"] == "captured"]
        refunds = [each for taken in captured for each in taken["refunds"] if each["status"] == "refunded"]
        minor: dict[str, int] = {}
        for each in refunds:
            minor[each["refund_reference"]] = minor.get(each["refund_reference"], 0) + each["amount_minor"]
        return Moved(
            authorised=len(tries),
            captured_minor=sum(each["amount_minor"] for each in captured) * charge.get("times_charged", 0),
            currency=captured[0]["currency"] if captured else "",
            is_voided=bool(charge.get("voided")),
            refunded_minor=minor,
        )

    def _at(self, url: str, *, limit_s: float = 5.0) -> Provider:
        return HttpProvider(self._http, base_url=url, api_key="key", limit_s=limit_s)

    async def _tell(self, path: str, body: dict[str, object]) -> None:
        async with self._http.post(f"{self._url}{path}", json=body) as response:
            assert response.status < 300, await response.text()


@asynccontextmanager
async def regis() -> AsyncIterator[Bench]:
    """A local provider of its own. What times out is cut after the adapter has given up."""
    with TemporaryDirectory() as folder:
        running = await local_provider.start(port=0, data=Path(folder), hold_s=10 * SHORT_S)
        try:
            async with aiohttp.ClientSession() as http, odd_server() as odd:
                yield RegisBench(http, odd, url=f"http://127.0.0.1:{running.port}")
        finally:
            await running.close()


class StripeBench:
    """The imitation of Stripe's API, and the adapter for it."""

    _METHODS: ClassVar = {
        "ok": "pm_card_visa",
        "declined": "pm_card_chargeDeclined",
        "invalid": "pm_card_parameterUnknown",
        "down": "pm_card_rateLimited",
        "create_times_out": "pm_card_createTimesOut",
        "settle_times_out": "pm_card_captureTimesOut",
        "refund_times_out": "pm_card_refundTimesOut",
        "settle_declined": "pm_card_captureDeclined",
        "refund_declined": "pm_card_refundDeclined",
    }

    _MINOR: ClassVar = {"isk": Fraction(1, 100), "mga": Fraction(100)}
    """A unit of Stripe's in minor units of ISO 4217, where they differ."""

    def __init__(self, http: aiohttp.ClientSession, odd: OddServer, *, url: str, account: Account) -> None:
        self._http = http
        self._odd = odd
        self._url = url
        self._account = account

    def adapter(self, *, limit_s: float = 5.0) -> Provider:
        return self._at(self._url, limit_s=limit_s)

    def before_a_stranger(self, status: int, body: bytes) -> Provider:
        said = Said(status, body)
        return self._at(self._odd.answering(said, asked=said, listed=said))

    def unreachable(self) -> Provider:
        return self._at("http://127.0.0.1:9")

    def method(self, behaviour: str) -> str:
        return self._METHODS[behaviour]

    async def repair(self) -> None:
        self._account.is_broken = False

    async def forget(self) -> None:
        self._account.forget()

    async def moved(self, payment_id: str) -> Moved:
        own = [each for each in self._account.intents.values() if each["metadata"]["payment_id"] == payment_id]
        tries = [each for each in own if each["status"] not in ("requires_payment_method", "requires_confirmation")]
        captured = [each for each in tries if each["status"] == "succeeded"]
        minor: dict[str, int] = {}
        for each in self._account.refunds.values():
            if each["status"] == "succeeded" and each["payment_intent"] in {taken["id"] for taken in captured}:
                name = each["metadata"]["refund_id"]
                minor[name] = minor.get(name, 0) + self._minor(each["amount"], each["currency"])
        return Moved(
            authorised=len(tries),
            captured_minor=sum(self._minor(each["amount_received"], each["currency"]) for each in captured),
            currency=captured[0]["currency"].upper() if captured else "",
            is_voided=any(each["status"] == "canceled" for each in tries),
            refunded_minor=minor,
        )

    def _minor(self, amount: int, currency: str) -> int:
        minor = amount * self._MINOR.get(currency, Fraction(1))
        assert minor.denominator == 1, (amount, currency)
        return int(minor)

    def _at(self, url: str, *, limit_s: float = 5.0) -> Provider:
        return StripeProvider(self._http, base_url=url, api_key="sk_test_1", limit_s=limit_s)


@asynccontextmanager
async def stripe() -> AsyncIterator[Bench]:
    """An imitation of its own, at the time of the builders' payments."""
    account = Account(clock=lambda: NOON + timedelta(seconds=1))
    async with (
        aiohttp.ClientSession() as http,
        odd_server() as odd,
        listening(application(account, hold_s=2 * SHORT_S), 0) as port,
    ):
        yield StripeBench(http, odd, url=f"http://127.0.0.1:{port}", account=account)


ADAPTERS: dict[str, OpenBench] = {"regis": regis, "stripe": stripe}
"""The adapters of this repository."""


def named(name: str) -> OpenBench:
    """One of ours, or somebody's `package.module:function`. Raises KeyError, ImportError, AttributeError."""
    module, colon, function = name.partition(":")
    if not colon:
        return ADAPTERS[name]
    found: OpenBench = getattr(import_module(module), function)
    return found
