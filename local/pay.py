"""`python -m local pay`: posts payments to the function app, follows each until it rests, and shows how long it took.

Uses the HTTP API only, so it works against any place where the app runs.
"""

import asyncio
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from terminal.text import printable

type Json = dict[str, Any]

_ENDED = frozenset({"completed", "failed", "voided"})
_ASK_AGAIN_S = (0.02, 0.05, 0.1, 0.25)  # soon at first, for most payments rest within a second; then patiently


class Refused(Exception):
    """The app did not accept the payment."""


class NotAtRest(Exception):
    """The payment is not where it should be within the limit, or a person has to look at it before it goes on."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is posted."""

    amount_minor: int = 1250
    currency: str = "EUR"
    payment_method: str = "pm_ok"
    reference: str = "order-1"
    notification_url: str | None = None
    idempotency_key: str | None = None

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "payment_method": self.payment_method,
            "reference": self.reference,
        }
        return body if self.notification_url is None else body | {"notification_url": self.notification_url}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the payment's stream."""

    type: str
    occurred_at: datetime

    @classmethod
    def parse(cls, type: str, occurred_at: str) -> Self:  # noqa: A002 - the field's name
        return cls(type, datetime.fromisoformat(occurred_at))


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that rests."""

    payment_id: str
    status: str
    events: Sequence[Event]
    """At least one: a payment begins with the event that initiates it."""
    code: str | None = None
    """Why it has failed."""

    @property
    def took_ms(self) -> float:
        """From the first event to the last."""
        return _ms(self.events[0], self.events[-1])

    def timeline(self) -> str:
        why = f" ({self.code})" if self.code else ""
        lines = [f"payment {self.payment_id} {self.status}{why} after {self.took_ms:.0f} ms"]
        earlier = self.events[0]
        for event in self.events:
            time = event.occurred_at.strftime("%H:%M:%S.%f")[:-3]
            word = event.type.rpartition(".")[2]
            lines.append(f"  {time}  {word:<10} {_ms(earlier, event):+7.0f} ms")
            earlier = event
        return "\n".join(map(printable, lines))


async def pay(http: aiohttp.ClientSession, url: str, *, order: Order, limit_s: float) -> Paid:
    """Posts the order and returns when it rests. Raises Refused, NotAtRest, aiohttp.ClientError.

    NotAtRest also, and at once, when it waits for a person.
    """
    try:
        payment_id = await _post(http, url, order=order)
    except aiohttp.ClientConnectorError as exc:
        port = urlsplit(url).port
        starts = f"`make run` starts it, or `make emulators` and func start --port {port}"
        raise Refused(f"no function app runs at {url}: {starts}") from exc
    payment_url = f"{url}/api/payments/{payment_id}"
    try:
        async with asyncio.timeout(limit_s):
            payment = await _follow(http, payment_url)
    except TimeoutError as exc:
        reached = ", ".join(event.type for event in await _events(http, payment_url)) or "no event"
        raise NotAtRest(f"payment {payment_id} is not at rest after {limit_s:g} s; it has {reached}") from exc
    if not _is_at_rest(payment):
        raise NotAtRest(_waits_for_a_person(payment, url=url))
    failed = payment.get("failed") or {}
    return Paid(payment_id, payment["status"], await _events(http, payment_url), code=failed.get("code"))


def summary(paid: Sequence[Paid]) -> str:
    """How many ended in which way, and how long the completed ones took."""
    statuses = {
        status: sum(each.status == status for each in paid) for status in sorted({each.status for each in paid})
    }
    took = sorted(each.took_ms for each in paid if each.status == "completed")
    counted = ", ".join(f"{count} {status}" for status, count in statuses.items())
    if not took:
        return counted
    p95 = took[math.ceil(0.95 * len(took)) - 1]
    return f"{counted}; time to completed: median {statistics.median(took):.0f} ms, p95 {p95:.0f} ms"


async def _post(http: aiohttp.ClientSession, url: str, *, order: Order) -> str:
    headers = {"Idempotency-Key": order.idempotency_key} if order.idempotency_key else {}
    async with http.post(f"{url}/api/payments", json=order.body(), headers=headers) as response:
        if response.status != 202:
            raise Refused(f"POST {url}/api/payments answered {response.status}: {await response.text()}")
        accepted: dict[str, Any] = await response.json()
        return str(accepted["payment_id"])


async def _follow(http: aiohttp.ClientSession, url: str) -> Json:
    """The payment, once it rests or waits for a person. While the app cannot be asked (it restarts), asked again."""
    asked = 0
    while not (payment := await _shown(http, url)) or not (_is_at_rest(payment) or _parked(payment)):
        await asyncio.sleep(_ASK_AGAIN_S[min(asked // 5, len(_ASK_AGAIN_S) - 1)])
        asked += 1
    return payment


async def _shown(http: aiohttp.ClientSession, url: str) -> Json | None:
    try:
        async with http.get(url) as response:
            return await response.json() if response.status == 200 else None
    except aiohttp.ClientError:
        return None


def _is_at_rest(payment: Json) -> bool:
    """One that failed after the provider had authorised it is voided first, unless its money was taken."""
    is_voided_yet = payment["status"] == "failed" and "created" in payment and "settled" not in payment
    return payment["status"] in _ENDED and not is_voided_yet


def _parked(payment: Json) -> list[Json]:
    return [wait for wait in payment.get("waiting", ()) if wait["state"] == "parked"]


def _waits_for_a_person(payment: Json, *, url: str) -> str:
    why = ", ".join(f"{wait['step']} is parked ({wait.get('reason', 'unknown')})" for wait in _parked(payment))
    look = f"python -m ops --url {url} payment {payment['payment_id']}"
    return f"payment {payment['payment_id']} is {payment['status']} and waits for a person: {why}; look at it: {look}"


async def _events(http: aiohttp.ClientSession, url: str) -> list[Event]:
    async with http.get(f"{url}/events", raise_for_status=True) as response:
        stored = (await response.json())["events"]
        return [Event.parse(each["type"], each["occurred_at"]) for each in stored]


def _ms(earlier: Event, later: Event) -> float:
    return (later.occurred_at - earlier.occurred_at).total_seconds() * 1000
