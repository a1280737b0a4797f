"""Times, texts and fingerprints in JSON, and what reading raises for data of another shape. Knows no event."""

import hashlib
import json
import re
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

type Json = dict[str, Any]

MAX_VERSION = 999_999_999
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_PAYMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

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


def trace_id_in(traceparent: str | None) -> str | None:
    """Of a W3C trace context; None where there is none, or another text."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else None


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


def as_text_or_none(value: object) -> str | None:
    """As as_text, and None for null."""
    return None if value is None else as_text(value)


def as_texts(value: object) -> dict[str, str]:
    """An object that holds nothing but texts. Raises as as_text does."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object of texts, got {type(value).__name__}")
    return {as_text(name): as_text(text) for name, text in value.items()}


def as_payment_id(value: object) -> str:
    """Raises TypeError or ValueError for what the ids of messages and documents cannot begin with.

    A message id has at most 128 characters, and an addressed copy adds subscription, run and attempt to it.
    """
    if not _PAYMENT_ID.fullmatch(as_text(value)):
        raise ValueError("not the id of a payment")
    return str(value)


def as_refund_id(value: object) -> str:
    """As as_payment_id: it stands in request ids, and so in the paths of a provider."""
    return as_payment_id(value)


def as_amount(value: object) -> int:
    """Raises ValueError for anything but a whole number of minor units, 1 or more; true is none."""
    if type(value) is not int or value < 1:
        raise ValueError(f"expected an amount, got {reprlib.repr(value)}")
    return value


def as_version(value: object) -> int:
    """Raises ValueError for anything but a whole number from 1 to MAX_VERSION; true is none."""
    if type(value) is not int or not 1 <= value <= MAX_VERSION:
        raise ValueError(f"expected a version, got {reprlib.repr(value)}")
    return value


def shown(value: object, *, at_most: int) -> str:
    """The value in one line that every message, log and record can carry.

    It is clipped to so many characters; line breaks, control characters and lone surrogates become question marks.
    """
    text = value if isinstance(value, str) else reprlib.repr(value)
    return "".join(each if each.isprintable() else "?" for each in text[:at_most])
