"""A client of the running platform, as a merchant's shop is one: it posts payments, repeats them, and watches them.

It uses only what any client has: HTTP, and an Idempotency-Key for what it may have to repeat.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from local.supervisor import Platform
from tests.contracted import holding

FINISHED = ("completed", "failed", "voided")
ASK_EVERY_S, ASK_AT_LEAST_EVERY_S = 0.05, 0.4
"""At first, and after a while: many who ask all the time are a load of their own."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer, read."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shop:
    """A client of one running platform."""

    http: aiohttp.ClientSession
    url: str
    provider_url: str

    async def post(self, *, key: str | None = None, raw: bytes | None = None, **changes: Any) -> Answered:
        """One POST /api/payments, no repeats. Raises aiohttp.ClientError."""
        order = {"amount_minor": 1250, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1", **changes}
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        sent: dict[str, Any] = {"json": order} if raw is None else {"data": raw}
        async with self.http.post(f"{self.url}/api/payments", headers=headers, **sent) as response:
            return Answered(response.status, dict(response.headers), await response.json(content_type=None))

    async def get(self, path: str) -> Answered:
        """Raises aiohttp.ClientError."""
        async with self.http.get(f"{self.url}{path}") as response:
            return Answered(response.status, dict(response.headers), await response.json(content_type=None))

    async def cancel(self, payment_id: str) -> Answered:
        """Raises aiohttp.ClientError."""
        async with self.http.post(f"{self.url}/api/payments/{payment_id}/cancel") as response:
            return Answered(response.status, dict(response.headers), await response.json(content_type=None))

    async def refund(self, payment_id: str, *, key: str, **body: Any) -> Answered:
        """Raises aiohttp.ClientError."""
        url, headers = f"{self.url}/api/payments/{payment_id}/refunds", {"Idempotency-Key": key}
        async with self.http.post(url, json=body, headers=headers) as response:
            return Answered(response.status, dict(response.headers), await response.json(content_type=None))

    async def refunded(self, payment_id: str, *, at: Sequence[str] = ("refunded", "failed")) -> dict[str, Any]:
        """The payment, once all of its refunds have one of these statuses. The wait ends with the test's own limit."""
        while True:
            with suppress(aiohttp.ClientError):
                answered = await self.get(f"/api/payments/{payment_id}")
                refunds = answered.body.get("refunds", []) if answered.status == 200 else []
                if refunds and all(refund["status"] in at for refund in refunds):
                    return answered.body
            await asyncio.sleep(ASK_EVERY_S)

    async def disputed(self, payment_id: str, *statuses: str) -> dict[str, Any]:
        """The payment, once its disputes have these statuses. The wait ends with the test's own limit."""
        while True:
            with suppress(aiohttp.ClientError):
                answered = await self.get(f"/api/payments/{payment_id}")
                if answered.status == 200 and _statuses(answered.body) == statuses:
                    return answered.body
            await asyncio.sleep(ASK_EVERY_S)

    async def order(self, key: str, **changes: Any) -> str:
        """Post until it is accepted, as a client with a key may; the payment id."""
        while True:
            try:
                answered = await self.post(key=key, **changes)
            except aiohttp.ClientError:
                answered = None
            if answered is not None and answered.status == 202:
                return str(answered.body["payment_id"])
            assert answered is None or answered.status >= 500, answered
            await asyncio.sleep(ASK_EVERY_S)

    async def order_many(self, count: int, *, at_a_time: int = 16, prefix: str = "order", **changes: Any) -> list[str]:
        """That many payments, each under its own key."""
        gate = asyncio.Semaphore(at_a_time)

        async def one(number: int) -> str:
            async with gate:
                return await self.order(f"{prefix}-{number}", reference=f"{prefix}-{number}", **changes)

        return await asyncio.gather(*(one(number) for number in range(count)))

    async def finished(self, payment_id: str, *, at: Sequence[str] = FINISHED) -> dict[str, Any]:
        """The payment, once it has one of these statuses. The wait ends with the test's own limit."""
        pause_s = ASK_EVERY_S
        while True:
            try:
                answered = await self.get(f"/api/payments/{payment_id}")
                if answered.status == 200 and answered.body["status"] in at:
                    return answered.body
            except aiohttp.ClientError:
                pass  # the app is being started again
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.3, ASK_AT_LEAST_EVERY_S)

    async def finished_many(self, payment_ids: Sequence[str]) -> list[dict[str, Any]]:
        gate = asyncio.Semaphore(8)

        async def one(payment_id: str) -> dict[str, Any]:
            async with gate:
                return await self.finished(payment_id)

        return await asyncio.gather(*(one(payment_id) for payment_id in payment_ids))

    async def events(self, payment_id: str) -> list[dict[str, Any]]:
        answered = await self.get(f"/api/payments/{payment_id}/events")
        assert answered.status == 200, answered
        events: list[dict[str, Any]] = answered.body["events"]
        return events

    async def charges(self) -> dict[str, dict[str, Any]]:
        """What the provider has done, by payment id."""
        async with self.http.get(f"{self.provider_url}/charges") as response:
            return {charge["payment_id"]: charge for charge in (await response.json())["charges"]}

    async def tell_provider(self, path: str, **body: Any) -> dict[str, Any]:
        """Its answer; {} where it has no body."""
        async with self.http.post(f"{self.provider_url}{path}", json=body) as response:
            assert response.status < 300, await response.text()
            answer: dict[str, Any] = {} if response.status == 204 else await response.json()
            return answer

    async def news(self, payment_id: str) -> list[dict[str, Any]]:
        """What the provider has to tell of the payment by itself, and how far that has come."""
        async with self.http.get(f"{self.provider_url}/events", params={"payment_reference": payment_id}) as response:
            events: list[dict[str, Any]] = (await response.json())["events"]
            return events


def _statuses(payment: dict[str, Any]) -> tuple[str, ...]:
    return tuple(dispute["status"] for dispute in payment.get("disputes", []))


@asynccontextmanager
async def open_shop(platform: Platform) -> AsyncIterator[Shop]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, trace_configs=[holding(platform.url)]) as http:
        yield Shop(http, platform.url, platform.provider_url)
