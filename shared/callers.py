"""How the settings about callers are read, and where they may not be used. Knows no request."""

import json
import re
from collections.abc import Mapping

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_MERCHANT = 64

ON_AZURE = (
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_SITE_NAME",
    "WEBSITE_OWNER_NAME",
    "WEBSITE_SKU",
    "WEBSITE_POD_NAME",
    "LEGION_SERVICE_HOST",
)
"""What the platform sets and no laptop has; one is enough. shared/settings.py reads each of them.

By the first, App Service is known to the Functions host, and Flex Consumption by the last three. WEBSITE_HOSTNAME is
missing, because Core Tools sets it too, and CONTAINER_NAME, because any container may.
"""

SIGN_IN = "WEBSITE_AUTH_ENABLED"
"""What App Service says of its built-in authentication. That Flex Consumption says it too was not seen."""


def merchants_by_key(text: str) -> Mapping[str, str]:
    """Merchants by the SHA-256 of their function key, from a JSON object. Raises ValueError, which repeats no value."""
    try:
        table = json.loads(text, object_pairs_hook=_each_once)
    except (json.JSONDecodeError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ValueError("must be a JSON object: the SHA-256 of a key in lower-case hexadecimal, then its merchant")
    if not all(_DIGEST.fullmatch(digest) for digest in table):
        raise ValueError("each name must be the SHA-256 of a key: 64 hexadecimal digits, and never the key itself")
    if not all(isinstance(merchant, str) and 1 <= len(merchant) <= _LONGEST_MERCHANT for merchant in table.values()):
        raise ValueError(f"each merchant must be a text of 1 to {_LONGEST_MERCHANT} characters")
    return _each_once([(digest.lower(), merchant) for digest, merchant in table.items()])


def _each_once[V](pairs: list[tuple[str, V]]) -> dict[str, V]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands there twice, so nobody knows whose it is")
    return table


def host_names(text: str) -> frozenset[str]:
    """Names between commas, in small letters."""
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def beyond_this_platform(
    platform: Mapping[str, str], *, vouched: Mapping[str, bool], has_development_principal: bool, has_identity: bool
) -> list[str]:
    """Why the settings are too trusting for where this process runs. platform: what it says
    of itself. vouched: by setting, whether it says `entra`.

    A client can write the header of the client principal itself. So it is believed only where the platform overwrites
    it, which it does nowhere but on Azure, with its authentication on.
    """
    says = platform.get(SIGN_IN, "").strip().lower()
    is_signed_in, is_off = says in ("true", "1"), says in ("false", "0")
    is_on_azure = is_signed_in or any(platform.get(mark) for mark in ON_AZURE)
    faults = []
    if has_development_principal and (is_on_azure or has_identity):
        faults.append("DEVELOPMENT_PRINCIPAL: lets everybody in, so it is only for a laptop: take it away on Azure")
    for setting in [name for name, is_entra in vouched.items() if is_entra]:
        if is_off:
            faults.append(f"{setting}: entra needs the platform's authentication, and {SIGN_IN} says that it is off")
        elif not is_on_azure:
            faults.append(f"{setting}: entra is for Azure: here anybody could write the header that it believes")
    return faults
