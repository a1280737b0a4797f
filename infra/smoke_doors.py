"""What a stranger tries at the door of the operators' functions, without a token: each way has to end at the door.

Azure's door and the Functions host each read a path in their own way, and the app believes who the door says is there.
So the paths are written as somebody would who wants the two to differ, and each request says by itself who it is from.
Reads only: whatever comes through changes nothing. Standard library only. Knows no payment.
"""

import base64
import json
from functools import partial

from infra.smoke_http import Api, eventually, expect

OPERATORS = "/ops/dead-letters"
OPEN = ("/api/payments", "/api/health", "/api/docs")
"""Below each of them Azure asks for no token, or may not."""

UPWARDS = ("/..", "/%2e%2e", "/%252e%252e", "/..%2f", "/..%5c", "/.%2e", "/x/..", "//..")
"""Back to /api, in ways that not everybody takes for it."""

_PRINCIPAL = {
    "auth_typ": "aad",
    "name_typ": "name",
    "role_typ": "roles",
    "claims": [{"typ": "roles", "val": "Operations"}, {"typ": "name", "val": "a stranger"}],
}
FORGED = {
    "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(_PRINCIPAL).encode()).decode(),
    "X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-0000-0000-000000000000",
    "X-MS-CLIENT-PRINCIPAL-NAME": "a stranger",
    "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
}
"""What the platform alone may say of a caller."""


LEADS_NOWHERE = 400
"""From this status on."""


def ways() -> list[str]:
    """Every path by which the list of dead letters is asked for."""
    plain = [f"/api{OPERATORS}", f"/api/{OPERATORS}", f"/API{OPERATORS.upper()}", f"/api{OPERATORS}/"]
    return plain + [f"{path}{back}{OPERATORS}" for path in OPEN for back in UPWARDS]


def shut(url: str, *, limit_s: float) -> str:
    """Raises SmokeFailed at the first way that leads somewhere. A fault of the server's is no way in."""
    for path in ways():
        for headers, whose in (({}, ""), (FORGED, ", from who says that he is an operator")):
            ask = partial(Api(url, headers).call, "GET", path)
            answer = eventually(ask, what=f"GET {path}", limit_s=limit_s)
            expect(answer.status >= LEADS_NOWHERE, f"4xx for GET {path} without a token{whose}", came=answer)
    return f"{len(ways())} ways to the operators' functions end at the door, with and without a forged name"
