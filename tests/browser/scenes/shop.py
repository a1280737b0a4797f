"""What all scenes share: when it is, who sells, and by which ids."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

type Json = dict[str, Any]

NOW = datetime(2026, 11, 30, 10, 24, 7, tzinfo=UTC)
MERCHANT, CURRENCY = "merchant-1", "EUR"


def at(ago_s: float) -> str:
    return (NOW - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def payment_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.org/{name}"))
