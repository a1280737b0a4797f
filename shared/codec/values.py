"""Times, texts and fingerprints in JSON, and what reading raises for data of another shape. Knows no event."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

type Json = dict[str, Any]


NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises for data of another shape; times at the edge of the calendar overflow, deep nesting recurses."""


def time_to_json(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_from_json(text: str) -> datetime:
    """Raises ValueError for a time without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text}")
    return moment.astimezone(UTC)


def fingerprint(request: Mapping[str, object]) -> str:
    """sha256 of the canonical JSON: the order of the fields does not matter."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_text(value: object) -> str:
    """Raises TypeError for what is not text, ValueError for text that cannot be sent."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    value.encode()
    return value
