"""What the document says in prose, and the headers and keys that many operations have in common. Knows no operation."""

from typing import Any

from functions.idempotency import REPLAYED
from functions.route import CORRELATION

ABOUT = """A payment processor. A payment is accepted, then carried out step by step; look at it, or be told.

**What may change.** Within a version fields, operations and problem codes are added, and nothing is taken away or
renamed: ignore what you do not know. Texts with `x-extensible-enum` name the values so far; more may come. Requests are
closed: an unknown field is refused.

**Errors** are problem documents (RFC 9457) with a stable `code`. An answer without a body is the host's.

**Times** are RFC 3339 in UTC. **Amounts** are integers in minor units of their currency (ISO 4217; the list of codes is
ISO's, and is no part of this version)."""

WEBHOOKS = "webhooks"
"""A tag of their own. Generators write a class per tag: those of one name would overwrite each other."""
TAGS = {
    "payments": "For merchants.",
    "operations": "For operators: the flow, the read model, dead letters.",
    "provider": "For the payment provider.",
    "health": "For probes and deployments.",
    "contract": "How this API is called.",
    WEBHOOKS: "For merchants' own servers: what they are sent.",
}

_KEY = "Of the Functions host."
_LEAKS = "Addresses end up in logs: use the header."
SECURITY: dict[str, dict[str, Any]] = {
    "FunctionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key", "description": _KEY},
    "FunctionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code", "description": f"{_KEY} {_LEAKS}"},
    "Entra": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of Microsoft Entra ID with the role that is named. A deployment may ask merchants for "
        "one beside the key. On a laptop nobody signs in.",
    },
}
_ETAG = r'^(W/)?"[0-9a-f]{32}"$'
_TRUE = {"type": "string", "const": "true"}

HEADERS: dict[str, dict[str, Any]] = {
    CORRELATION: {
        "required": True,
        "description": "The trace under which logs and spans tell of the request. Name it when you ask for help.",
        "schema": {"type": "string", "minLength": 1},
    },
    "Location": {
        "required": True,
        "description": "Where the payment is.",
        "schema": {"type": "string", "pattern": "^/api/payments/[0-9a-f-]{36}$"},
    },
    REPLAYED: {"description": "The request had been accepted before.", "schema": _TRUE},
    "ETag": {
        "required": True,
        "description": "For If-None-Match.",
        "schema": {"type": "string", "pattern": _ETAG},
    },
    "Retry-After": {
        "required": True,
        "description": "Seconds to wait before the same request is sent again.",
        "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    },
}
"""Of answers."""

SIGNATURE = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The headers of Standard Webhooks."""

REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "description": "Your own id of this request: 1 to 255 visible ASCII characters without a comma. Keep it for "
        "repeats, and use it for nothing else.",
        "schema": {"type": "string", "format": "idempotency-key", "pattern": r"^[!-+\--~]{1,255}$"},
    },
    "webhook-id": {
        "description": "Of the event, the same in each repeat.",
        "schema": {"type": "string", "minLength": 1},
    },
    "webhook-timestamp": {
        "description": "When this was sent, in seconds since 1970. More than five minutes off is refused.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
    },
    "webhook-signature": {
        "description": "`v1,` and the base64 of an HMAC-SHA256 over id, timestamp, body. Several stand between spaces.",
        "schema": {"type": "string", "pattern": "^v1,[A-Za-z0-9+/]+={0,2}( v1,[A-Za-z0-9+/]+={0,2})*$"},
    },
    "If-None-Match": {
        "description": "The ETag that you have. While nothing has changed, the answer is 304 without a body.",
        "schema": {"type": "string"},
    },
}
