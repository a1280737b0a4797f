"""What a stranger tries at the door of the operators' functions, without a token: each way has to end at the door.
And what the provider's own door, which is open, answers to one.

Azure's door and the Functions host each read a path in their own way, and the app believes who the door says is there.
So the paths are written as somebody would who wants the two to differ, and each request says by itself who it is from.
Whatever comes through changes nothing: it reads, or is news of nothing. Standard library only. Knows no payment.
"""
# ruff: noqa: T201 - the smoke test's answer is what it prints

import base64
import json
from functools import partial

from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, SmokeFailed, eventually, expect

OPERATORS = "/ops/dead-letters"
NEWS = "/api/provider/events"
OPEN = ("/api/payments", "/api/health", "/api/docs", "/api/console", "/api/openapi.json", NEWS)
"""At each of them, or below, Azure asks for no token, or may not. tests/infra/test_smoke_doors.py holds them to
infra/modules/functionapp.bicep."""

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


NOT_HEARD = (
    "the app knows no provider-webhook-secrets, so disputes will not be heard; where the provider tells of them, put "
    "its secrets into the vault (docs/deploy.md)"
)


def hears(url: str, *, limit_s: float) -> str:
    """The provider comes to the app without a token, and who does not sign is not taken for it. Raises SmokeFailed."""
    answer = eventually(lambda: _to_news_of_nobody(url), what=f"POST {NEWS}", limit_s=limit_s)
    if answer.status == 503:
        print(f"NOTE    {NOT_HEARD}", flush=True)
        return "the door is open, and nobody is known who may tell anything"
    if answer.status != 403 or answer.body.get("code") != "signature_refused":
        do = "the provider has to reach the app: openPaths in infra/modules/functionapp.bicep, hear_provider in the app"
        raise SmokeFailed(f"expected 403 signature_refused for POST {NEWS} without a signature; came {answer}", do=do)
    return "what nobody has signed is refused"


def _to_news_of_nobody(url: str) -> Answer:
    answer = Api(url).call("POST", NEWS, body={})
    if answer.status in TRY_AGAIN and (answer.status != 503 or answer.body.get("code") != "provider_not_known"):
        raise NotYet(str(answer))
    return answer
