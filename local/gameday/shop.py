"""Both sides of the counter: a merchant that orders and repeats until it is answered, and an operator that looks after
what is left. Knows no fault and judges nothing.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

type Json = dict[str, Any]

EVERY_S = 0.5
AMOUNT_MINOR, CURRENCY = 1250, "EUR"
_REPEAT_S = 0.3
_LOOK_LIMIT = aiohttp.ClientTimeout(total=4)
"""Whoever looks and has no answer by then has seen enough."""
_ANY_FAULT = (aiohttp.ClientError, TimeoutError, ValueError)


class NotAnswered(Exception):
    """The app did not answer, or said no."""


@dataclass(slots=True)
class Shop:
    """A merchant and an operator of one platform. refusals: how often an order was answered with no, or not at all."""

    http: aiohttp.ClientSession
    url: str
    provider_url: str
    ordered: dict[str, str] = field(default_factory=dict)
    """Each payment that was accepted, by the key of its order."""
    refusals: int = 0

    async def order(self, key: str) -> None:
        """Until it is accepted: with a key an order may be repeated."""
        order: Json = {"amount_minor": AMOUNT_MINOR, "currency": CURRENCY, "payment_method": "pm_ok", "reference": key}
        order["notification_url"] = f"{self.provider_url}/merchant/ok"
        while key not in self.ordered:
            try:
                async with self.http.post(
                    f"{self.url}/api/payments", json=order, headers={"Idempotency-Key": key}
                ) as response:
                    answer = await response.json(content_type=None)
                    if response.status == 202:
                        self.ordered[key] = answer["payment_id"]
                        return
            except _ANY_FAULT:
                pass
            self.refusals += 1
            await asyncio.sleep(_REPEAT_S)

    async def order_all_the_time(self, prefix: str) -> None:
        """One order every half second, whatever becomes of those before, until cancelled; then those are waited for."""
        orders: set[asyncio.Task[None]] = set()
        try:
            while True:
                orders.add(asyncio.create_task(self.order(f"{prefix}-{len(orders) + 1}")))
                await asyncio.sleep(EVERY_S)
        finally:
            await asyncio.gather(*orders)

    def of(self, prefix: str) -> list[str]:
        """The payments whose keys begin so."""
        return [payment_id for key, payment_id in self.ordered.items() if key.startswith(f"{prefix}-")]

    async def ask(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - as aiohttp takes them
        """Raises NotAnswered."""
        try:
            async with self.http.request(method, self.url + path, **options) as response:
                if response.status >= 300:
                    raise NotAnswered(f"{method} {path} answered {response.status}")
                answer: Json = await response.json(content_type=None)
                return answer
        except _ANY_FAULT as exc:
            raise NotAnswered(f"{method} {path}: {type(exc).__name__}") from exc

    async def rows(self) -> list[Json]:
        """The newest payments, as operators see them."""
        rows: list[Json] = (await self.ask("GET", "/api/ops/payments?limit=200", timeout=_LOOK_LIMIT))["payments"]
        return rows

    async def open_letters(self) -> list[Json]:
        path = "/api/ops/dead-letters?status=open&limit=200"
        letters: list[Json] = (await self.ask("GET", path, timeout=_LOOK_LIMIT))["dead_letters"]
        return letters

    async def look_after(self, letters: Iterable[Json]) -> None:
        """Replays what belongs to a payment; what belongs to none is nothing that anybody is owed, and is discarded."""
        for letter in letters:
            why: Json = {"reason": "game day: a message of nobody"}
            if letter.get("payment_id"):
                await self.ask("POST", f"/api/ops/dead-letters/{letter['id']}/replay", json={})
            else:
                await self.ask("POST", f"/api/ops/dead-letters/{letter['id']}/discard", json=why)

    async def charges(self) -> dict[str, Json]:
        """What the provider has done, by payment."""
        async with self.http.get(f"{self.provider_url}/charges") as response:
            return {charge["payment_id"]: charge for charge in (await response.json())["charges"]}
