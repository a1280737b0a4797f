"""Answers of the operators' endpoints, played in the browser, for what no platform can be brought to in a moment.

The steps and topics are those of the product's own map.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Page, Route

from local.provider.tokens import TOKENS
from shared import flow
from shared.codec.facts import FORMS
from shared.domain.notice import NOTICE_EVENTS

BUCKETS = 60
MAY = {"cancel": True, "refund": True, "pay": True, "resend": True}


def me(**changes: Any) -> dict[str, Any]:
    return {"name": "developer", "roles": ["Operations"], "may": MAY, "trace_url": None, **changes}


def summary(*, minute: Mapping[str, int] | None = None, steps: Mapping[str, Any] | None = None, **changes: Any) -> Any:
    """GET /api/ops/flow of a system at rest. minute: events by topic. steps: what is not nothing, by step."""
    rates = minute or {}
    changed = steps or {}
    return {
        "as_of": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "build": "abc123",
        "feeds": {"publish": {"lag_s": 0.0, "unread": 0}, "project": {"lag_s": 0.0, "unread": 0}},
        "topics": [
            {
                "topic": route.topic,
                "event": FORMS[route.event].name,
                "events": [FORMS[route.event].name],
                "minute": rates.get(route.topic, 0),
                "curve": [0] * (BUCKETS - 6) + [0, 0, 0, 0, 0, rates.get(route.topic, 0)],
            }
            for route in flow.MAP
        ]
        + [
            {
                "topic": flow.NOTICES,
                "event": None,
                "events": [FORMS[event].name for event in NOTICE_EVENTS],
                "minute": rates.get(flow.NOTICES, 0),
                "curve": [0] * BUCKETS,
            }
        ],
        "steps": [
            {
                "step": step.value,
                "topic": place.topic,
                "subscription": place.subscription,
                "function": flow.FUNCTION_OF[step],
                "appends": APPENDS.get(step.value, []),
                "owed": 0,
                "late": 0,
                "oldest_s": None,
                "parked": {"high": 0, "normal": 0, "low": 0},
                "retries": {"attempts": 16, "longest_wait_s": 900.0},
                **changed.get(step.value, {}),
            }
            for step, place in flow.PLACE_OF.items()
        ],
        "ends": {word: {"minute": 0, "curve": [0] * BUCKETS} for word in ("completed", "failed", "voided")},
        "times": {name: {"p50": None, "p99": None, "curve": [None] * BUCKETS} for name in ("completed_s", "certain_s")},
        "letters": letters(),
        "bucket_s": 10,
        "since": "2026-11-30T19:00:00Z",
        **changes,
    }


def letters(**changes: Any) -> dict[str, Any]:
    nothing = {"high": 0, "normal": 0, "low": 0}
    ages = [{"up_to_s": up_to, "n": 0} for up_to in (60, 600, 3600, None)]
    return {"open": 0, "high": 0, "oldest_s": None, "by_age": ages, "elsewhere": nothing, **changes}


APPENDS = {
    "create": ["payment.created", "payment.failed"],
    "settle": ["payment.settled", "payment.failed"],
    "notify": ["payment.completed"],
    "cancel": ["payment.voided", "payment.failed", "payment.settled"],
    "void": ["payment.voided"],
    "refund": ["payment.refunded", "payment.refund_failed"],
    "notify_failure": ["payment.failure_told"],
    "notice": ["payment.merchant_told"],
}


async def play(page: Page, path: str, body: Any, *, status: int = 200) -> None:
    """Answers each request to the path, whatever its query, with the body, or with what the body, called, returns."""

    async def answer(route: Route) -> None:
        said = body() if callable(body) else body
        media_type = "application/json" if status < 400 else "application/problem+json"
        await route.fulfill(status=status, body=json.dumps(said), content_type=media_type)

    await page.route(lambda url: url.split("?")[0].endswith(path), answer)


def platform_at_rest(**parts: dict[str, Any]) -> dict[str, Any]:
    """GET /local/ of a platform that runs. parts: what is different of a part, by its name."""
    names = ("cosmos", "servicebus", "provider", "host")
    return {
        "as_of": "2026-11-30T19:00:00Z",
        "parts": [{**_part(name), **parts.get(name, {})} for name in names],
        "provider": {"api": "regis", "state": "ok", "can": ["break", "repair"]},
        "payment_methods": sorted(TOKENS),
        "notification_url": "",
    }


def _part(name: str) -> dict[str, Any]:
    return {
        "part": name,
        "state": "up",
        "since": "2026-11-30T19:00:00Z",
        "pid": 4711,
        "can": ["kill"] if name == "host" else ["kill", "freeze"],
        "deaths": 0,
        "last_death": None,
        "again_at": None,
    }
