"""What a platform of today does not answer yet, played over what it does answer.

Each is left out where the app answers itself: then the tests hold the page to the app.
"""

import json
from collections import defaultdict
from typing import Any

import aiohttp
from playwright.async_api import Route

from tests.browser import played
from tests.browser.desk import Desk
from tests.shop import Shop

LETTERS = "/api/ops/dead-letters"


async def rehearse(desk: Desk, shop: Shop) -> None:
    """Plays what is missing at this platform."""
    if not await _has(shop, "/api/ops/me"):
        await played.play(desk.page, "/api/ops/me", played.me())
        await desk.page.route("**/api/ops/payments/*/notifications/*/resend", _resend)
        await desk.page.route("**/api/ops/payments/*/events", _events)
    if not await _has(shop, "/api/ops/flow"):
        await desk.page.route("**/api/ops/flow", lambda route: _flow(route, shop))
    if not await _has(shop, f"{LETTERS}/summary"):
        await desk.page.route("**/api/ops/dead-letters/summary*", lambda route: _summary(route, shop))


async def _has(shop: Shop, path: str) -> bool:
    return (await shop.http.get(f"{shop.url}{path}")).status != 404


async def _flow(route: Route, shop: Shop) -> None:
    """Something always moves, so that lists are always looked at anew."""
    try:
        found = await shop.http.get(f"{shop.url}{LETTERS}?status=open&limit=200")
    except aiohttp.ClientError:
        await route.abort()
        return
    if found.status != 200:
        await route.fulfill(status=found.status, body=await found.text())
        return
    letters = (await found.json())["dead_letters"]
    parked: dict[str, int] = defaultdict(int)
    for each in letters:
        parked[each["step"]] += 1
    steps = {step: {"parked": {"high": 0, "normal": n, "low": 0}} for step, n in parked.items()}
    high = sum(each["severity"] == "high" for each in letters)
    told = played.letters(open=len(letters), high=high, oldest_s=1 if letters else None)
    body = played.summary(minute={"payment-initiated": 1}, steps=steps, letters=told)
    await route.fulfill(body=json.dumps(body), content_type="application/json")


async def _summary(route: Route, shop: Shop) -> None:
    query = route.request.url.partition("?")[2]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    found = await shop.http.get(f"{shop.url}{LETTERS}?status=open&limit=200{query and f'&{query}'}")
    if found.status != 200:
        await route.fulfill(status=found.status, body=await found.text())
        return
    letters = (await found.json())["dead_letters"]
    for each in letters:
        groups[each["step"], each["reason"], each["severity"]].append(each)
    body = {"groups": [_group(*key, own) for key, own in groups.items()], "open": len(letters), "as_of": "x"}
    await route.fulfill(body=json.dumps(body), content_type="application/json")


def _group(step: str, reason: str, severity: str, own: list[dict[str, Any]]) -> dict[str, Any]:
    times = sorted(each["recorded_at"] for each in own)
    worth = sum(each.get("amount_minor", 0) for each in own)
    return {
        "step": step,
        "reason": reason,
        "severity": severity,
        "letters": len(own),
        "oldest_at": times[0],
        "newest_at": times[-1],
        "payments": len({each["payment_id"] for each in own}),
        "worth": [{"currency": "EUR", "amount_minor": worth}],
    }


async def _resend(route: Route) -> None:
    await route.continue_(url=route.request.url.replace("/api/ops/payments/", "/api/payments/"))


async def _events(route: Route) -> None:
    """Each event is caused by the one before it, as those of a payment are that goes well."""
    answer = await route.fetch()
    if answer.status != 200:
        await route.fulfill(response=answer)
        return
    told = await answer.json()
    for before, event in zip(told["events"], told["events"][1:], strict=False):
        event["caused_by"] = f"{told['payment_id']}:{before['version']}"
        event["attempt"] = 1
    await route.fulfill(response=answer, json=told)
