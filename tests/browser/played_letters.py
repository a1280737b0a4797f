"""A box of dead letters, played in the browser: as many as a test wants, and what the app would say of them.

It goes through them as the app does: a page at a time, in an order of its own. Knows no rule of replay.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, Route

from tests.browser import played
from tests.browser.played import play

AT = "2026-11-30T19:00:00Z"
LATER = "2026-11-30T20:00:00Z"
REPLAYED = "create is started again"


def letter(number: int, **changes: Any) -> dict[str, Any]:
    """An open letter of a payment of its own."""
    payment_id = f"{number:08}-0000-4000-8000-000000000000"
    return {
        "id": f"letter-{number}",
        "status": "open",
        "step": "create",
        "reason": "retries_exhausted",
        "severity": "normal",
        "source": "payment-initiated/create",
        "description": "busy after 3 attempts",
        "payment_id": payment_id,
        "event_id": f"{payment_id}:1",
        "cause": f"{payment_id}:1",
        "recorded_at": AT,
        "reference": f"order-{number}",
        "amount_minor": 1250,
        "currency": "EUR",
        **changes,
    }


@dataclass
class Box:
    """letters: what is in it. refuses: from how many that were replayed on the app fails. heard: what was asked for."""

    letters: list[dict[str, Any]]
    refuses: int | None = None
    becomes: Callable[[dict[str, Any]], None] = lambda each: each.update(status="taken_up")
    heard: list[str] = field(default_factory=list)
    _replayed: int = 0

    async def put_in(self, page: Page) -> None:
        """From here on the page asks this box. Something always moves."""
        await play(page, "/api/ops/flow", lambda: played.summary(minute={"payment-initiated": 1}))
        await page.route("**/api/ops/dead-letters**", self._answer)
        await page.route("**/api/ops/dead-letters/**", self._answer)

    def all_are(self, status: str) -> None:
        for each in self.letters:
            each["status"] = status

    async def _answer(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        self.heard.append(url.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path.removeprefix("/api/ops/dead-letters").strip("/").split("/"):
            case [""]:
                await route.fulfill(json=self._page(asked))
            case ["summary"]:
                await route.fulfill(json=self._summary())
            case ["replay"]:
                await self._replay(route, json.loads(route.request.post_data or "{}"))
            case [letter_id, "discard"]:
                money = f"ch_{letter_id}"
                why = f"it would be noted that {money} was given back"
                await route.fulfill(json={"discarded": True, "why": why, "cause": None, "money": money})
            case _:
                await route.fulfill(status=404, json={"title": "There is no such letter."})

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        since = asked.get("recorded_from", "")
        found = [each for each in self.letters if each["status"] == asked["status"] and each["recorded_at"] >= since]
        found = [each for each in found if each["reason"] == asked.get("reason", each["reason"])]
        begin = int(asked.get("page") or 0)
        end = begin + int(asked["limit"])
        return {"dead_letters": found[begin:end], "next_page": str(end) if end < len(found) else None, "as_of": LATER}

    def _summary(self) -> dict[str, Any]:
        here = [each for each in self.letters if each["status"] == "open"]
        same = {"step": "create", "reason": "retries_exhausted", "severity": "normal"}
        times = {"oldest_at": AT, "newest_at": AT}
        worth = [{"currency": "EUR", "amount_minor": 1250 * len(here)}]
        group = {**same, **times, "letters": len(here), "payments": len(here), "worth": worth}
        return {"groups": [group] if here else [], "open": len(here), "as_of": LATER}

    async def _replay(self, route: Route, asked: dict[str, Any]) -> None:
        """As the app does it: a page of those that are open at its beginning."""
        begin = int(asked.get("page") or 0)
        if not asked["dry_run"] and self.refuses is not None and self._replayed >= self.refuses:
            await route.abort()
            return
        found = self.letters[begin : begin + asked["limit"]]
        end = begin + asked["limit"]
        results = [self._verdict(each, is_dry=asked["dry_run"]) for each in found if each["status"] == "open"]
        next_page = str(end) if end < len(self.letters) else None
        await route.fulfill(json={"dry_run": asked["dry_run"], "results": results, "next_page": next_page})

    def _verdict(self, each: dict[str, Any], *, is_dry: bool) -> dict[str, Any]:
        if not is_dry:
            self._replayed += 1
            self.becomes(each)
        cause = None if is_dry else f"{each['payment_id']}:9"
        return {"letter_id": each["id"], "verdict": "replayed", "why": REPLAYED, "cause": cause}
