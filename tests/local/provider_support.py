"""What the tests of the local provider share: a client, a clock, a running provider."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from local.provider import start
from local.provider.merchant import MERCHANT_KEY
from local.provider.records import Call
from local.provider.server import utc_now
from local.provider.state import Provider
from local.provider.tokens import Operation
from local.provider.webhook import Receiver
from tests.clock import ManualClock

AMOUNT = {"amount_minor": 1250, "currency": "EUR"}
HOLD_S = 0.05
OTHER_KEY = "whsec_" + "QUFB" * 12
"""Signs events, and is not the one that everybody knows."""


@dataclass
class Client:
    """Calls one provider as the payment `ref` would."""

    http: aiohttp.ClientSession
    base: str

    async def send(self, method: str, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
        """Status code and body; None when there is no body."""
        headers = {"Idempotency-Key": key} if key else {}
        async with self.http.request(method, self.base + path, json=body, headers=headers) as response:
            content = await response.json() if response.content_type == "application/json" else None
            return response.status, content

    async def notify(self, endpoint: str, event: object, *, key: str, secret: str = MERCHANT_KEY) -> int:
        """The status code with which the merchant answers a notification."""
        body, now = json.dumps(event), utc_now()
        headers = {
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(key, now, body),
        }
        async with self.http.post(f"{self.base}/merchant/{endpoint}", data=body, headers=headers) as response:
            return response.status

    async def create(self, method: str = "pm_ok", *, ref: str = "p1", key: str | None = None) -> tuple[int, Any]:
        body = {"payment_reference": ref, **AMOUNT, "payment_method": method}
        return await self.send("POST", "/v1/payments", body, key or f"{ref}:create")

    async def capture(self, created: Any, *, ref: str = "p1", key: str | None = None, **other: Any) -> tuple[int, Any]:
        body = {"payment_reference": ref, **AMOUNT, **other}
        path = f"/v1/payments/{created['provider_payment_id']}/capture"
        return await self.send("POST", path, body, key or f"{ref}:settle")

    async def void(self, created: Any, *, ref: str = "p1", key: str | None = None) -> tuple[int, Any]:
        path = f"/v1/payments/{created['provider_payment_id']}/void"
        return await self.send("POST", path, {"payment_reference": ref}, key or f"{ref}:void")

    async def refund(
        self, created: Any, amount_minor: int = 500, *, ref: str = "p1", refund: str = "r1", key: str | None = None
    ) -> tuple[int, Any]:
        path = f"/v1/payments/{created['provider_payment_id']}/refunds"
        body = {"payment_reference": ref, "refund_reference": refund, "amount_minor": amount_minor, "currency": "EUR"}
        return await self.send("POST", path, body, key or f"{ref}:refund:{refund}")

    async def ask(self, request_id: str) -> tuple[int, Any]:
        return await self.send("GET", f"/v1/requests/{request_id}")

    async def listed(self, ref: str = "p1") -> list[Any]:
        _, found = await self.send("GET", f"/v1/payments?payment_reference={ref}")
        payments: list[Any] = found["payments"]
        return payments

    async def paid(self, method: str = "pm_ok", *, ref: str = "p1") -> Any:
        """A captured payment."""
        _, created = await self.create(method, ref=ref)
        assert (await self.capture(created, ref=ref))[0] == 200
        return created

    async def dispute(self, *, ref: str = "p1", **other: Any) -> tuple[int, Any]:
        return await self.send("POST", "/disputes", {"payment_reference": ref, **other})

    async def decide(self, dispute: Any, word: str) -> tuple[int, Any]:
        return await self.send("POST", f"/disputes/{dispute['dispute_id']}/{word}")

    async def events(self) -> list[Any]:
        listed: list[Any] = (await self.send("GET", "/events"))[1]["events"]
        return listed

    async def charge(self, ref: str = "p1") -> Any:
        return (await self.send("GET", f"/charges/{ref}"))[1]


@pytest.fixture(name="clock")
def manual_clock() -> ManualClock:
    return ManualClock()


@contextlib.asynccontextmanager
async def running(
    data: Path, clock: Callable[[], datetime], *, receiver: Receiver | None = None
) -> AsyncIterator[Client]:
    service = await start(port=0, data=data, clock=clock, slow_s=HOLD_S, hold_s=HOLD_S, receiver=receiver)
    try:
        async with aiohttp.ClientSession() as http:
            yield Client(http, f"http://127.0.0.1:{service.port}")
    finally:
        await service.close()


@pytest_asyncio.fixture(name="provider")
async def running_provider(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Client]:
    async with running(tmp_path, clock) as client:
        yield client


async def hears_nothing(call: Awaitable[object]) -> None:
    """The caller's connection is cut without an answer."""
    with pytest.raises(aiohttp.ClientConnectionError):
        await call


# --- the rules alone, without sockets


def fresh(clock: Callable[[], datetime] | None = None) -> Provider:
    """It tells events, and numbers everything from 0."""
    numbers = itertools.count()
    return Provider(
        clock=clock or ManualClock(),
        new_id=lambda prefix: f"{prefix}{next(numbers)}",
        slow_s=0,
        hold_s=0,
        tells_events=True,
    )


def captured(provider: Provider) -> None:
    """The payment p1 over 10.00, made and captured first of all."""
    for operation in (Operation.CREATE, Operation.CAPTURE):
        call = Call(
            operation=operation,
            request_id=operation,
            payment_reference="p1",
            fingerprint="",
            provider_payment_id="pp_0",
            payment_method="pm_ok",
            amount_minor=1000,
            currency="EUR",
        )
        assert provider.perform(call).status_code < 300
