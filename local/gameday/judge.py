"""Whether anything was lost or done twice: by the streams, by the provider's books, and by what the merchant was told.

Changes nothing. A finding is a sentence; no finding is the only good news.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

from local.gameday.shop import AMOUNT_MINOR, CURRENCY, Json, NotAnswered, Shop

ROOT = Path(__file__).parents[2]
_RECONCILE_WITHIN_S = 120.0
_ONCE = ("payment.initiated", "payment.created", "payment.settled", "payment.completed")


async def findings(shop: Shop) -> list[str]:
    """Of all orders that were accepted."""
    charges = await shop.charges()
    told = await _told(shop)
    found = of_orders(shop.ordered, charged=charges)
    for key, payment_id in shop.ordered.items():
        words = [each async for each in _of_one(shop, payment_id, charge=charges.get(payment_id))]
        if not told[payment_id]:
            words.append("its merchant was not told")
        if words:
            found.append(f"{key} ({payment_id}): {'; '.join(words)}")
    return [*found, *await _reconciled(shop)]


async def _of_one(shop: Shop, payment_id: str, *, charge: Json | None) -> AsyncIterator[str]:
    try:
        payment = await shop.ask("GET", f"/api/payments/{payment_id}")
        events = (await shop.ask("GET", f"/api/payments/{payment_id}/events"))["events"]
    except NotAnswered as exc:
        yield str(exc)
        return
    if payment["status"] != "completed":
        yield f"it is {payment['status']}, and was to be completed"
    for words in of_stream(events):
        yield words
    times = charge["times_charged"] if charge else 0
    if times != 1:
        yield f"the provider took the money {times} times"
    if charge and (charge["amount_minor"], charge["currency"]) != (AMOUNT_MINOR, CURRENCY):
        yield f"the provider took {charge['amount_minor']} {charge['currency']}, and not {AMOUNT_MINOR} {CURRENCY}"


def of_orders(ordered: Mapping[str, str], *, charged: Iterable[str]) -> list[str]:
    """What is wrong between orders and payments: one order is one payment, also where it was sent more than once."""
    found = [] if ordered else ["no order was accepted, so nothing was judged"]
    counts = Counter(ordered.values())
    found += [
        f"{counts[each]} orders were answered with the same payment {each}" for each in counts if counts[each] > 1
    ]
    return found + [
        f"the provider took money for {each}, which nobody has ordered" for each in charged if not counts[each]
    ]


def of_stream(events: Iterable[Json]) -> list[str]:
    """What is wrong with one payment's events: a gap or a step backwards, or a fact that is missing or there twice."""
    listed = list(events)
    versions = [event["version"] for event in listed]
    counts = Counter(event["type"] for event in listed)
    found = [] if versions == sorted(set(versions)) and versions[:1] == [1] else [f"its versions are {versions}"]
    return found + [f"{name} is there {counts[name]} times" for name in _ONCE if counts[name] != 1]


async def _told(shop: Shop) -> Counter[str]:
    """How often the merchant took a notification, by payment."""
    told: Counter[str] = Counter()
    async with shop.http.get(f"{shop.provider_url}/merchant/notifications") as response:
        for notification in (await response.json())["notifications"]:
            told[notification["payment_id"]] += notification["times_accepted"]
    return told


async def _reconciled(shop: Shop) -> list[str]:
    """By the operator's own command."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "reconcile", "--url", shop.url, "--provider-url", shop.provider_url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_RECONCILE_WITHIN_S):
            said, _ = await command.communicate()
    except TimeoutError:
        command.kill()
        await command.wait()
        return [f"reconcile did not end within {_RECONCILE_WITHIN_S:g} s"]
    return [f"reconcile: {said.decode(errors='replace').strip()}"] if command.returncode else []
