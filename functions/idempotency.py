"""The Idempotency-Key of a request, and what is said of a repeat. Knows no verb."""

import re

import azure.functions as func

REPLAYED = "Idempotent-Replayed"
"""`true` on the answer to a request that had been accepted before."""

_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
"""No comma: it is what the Functions host puts between the values of a header that was sent twice."""


class KeyInvalid(ValueError):
    """The key is none that can be told apart from others."""


def key_in(req: func.HttpRequest) -> str | None:
    """None for a request without one. Raises KeyInvalid."""
    key = req.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise KeyInvalid
    return str(key) if key is not None else None
