"""Who is let in, as in the places where the app runs; and the headers of who signs in."""

import base64
import json
from dataclasses import replace

from functions.caller import Doors

LOCAL = Doors(
    merchant_id="merchant-1",
    merchants={},
    payments_by_entra=False,
    operations_by_entra=False,
    development="developer",
    hosts=frozenset(),
)
"""As on a laptop: whoever calls is the development principal."""

SIGNED_IN = replace(LOCAL, payments_by_entra=True, operations_by_entra=True, development=None)
"""As on Azure, where everybody signs in."""
WITH_KEYS = replace(LOCAL, operations_by_entra=True, development=None)
"""As on Azure by default: merchants show a key, which means merchant-1, and operators sign in."""


def principal(*roles: str, application: str = "app-1", name: str = "", **claims: str) -> dict[str, str]:
    """The headers that Azure's authentication adds. claims: more of them, by their kind."""
    every = [("azp", application), *(("roles", role) for role in roles), *claims.items()]
    stated = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in every]}
    encoded = base64.b64encode(json.dumps(stated).encode()).decode()
    return {"x-ms-client-principal": encoded, **({"x-ms-client-principal-name": name} if name else {})}
