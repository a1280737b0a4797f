"""What the tests of the local provider share: a client, a clock, a running provider."""

import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.provider import start
from tests.clock import ManualClock

AMOUNT = {"amount_minor": 1250, "currency": "EUR"}
HOLD_S = 0.05


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

    async def charge(self, ref: str = "p1") -> Any:
        return (await self.send("GET", f"/charges/{ref}"))[1]


@pytest.fixture(name="clock")
def manual_clock() -> ManualClock:
    return ManualClock()


@contextlib.asynccontextmanager
async def running(data: Path, clock: ManualClock) -> AsyncIterator[Client]:
    service = await start(port=0, data=data, clock=clock, slow_s=HOLD_S, hold_s=HOLD_S)
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
