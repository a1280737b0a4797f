"""What holds of every request of a merchant with a body: its size, its type, its Idempotency-Key. Knows no model."""

import re

import azure.functions as func

from functions.problems import problem

MAX_BODY_BYTES = 65_536
"""A request within all field limits is far smaller, even with every character as a JSON escape."""

KEY = "idempotency-key"

_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
"""No comma: it is what the Functions host puts between the values of a header that was sent twice."""


def refusal_of(req: func.HttpRequest) -> func.HttpResponse | None:
    """The answer to a request that is not read any further; None when it is."""
    key = req.headers.get(KEY)
    if len(req.get_body()) > MAX_BODY_BYTES:
        return problem("body_too_large", detail=f"At most {MAX_BODY_BYTES} bytes.")
    if req.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        return problem("unsupported_media_type")
    if key is not None and not _KEY.fullmatch(key):
        return problem("idempotency_key_invalid")
    return None
