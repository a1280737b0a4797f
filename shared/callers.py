"""How the settings about callers are read, and where they may not be used. Knows no request."""

import base64
import binascii
import json
import re
from collections import Counter
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


_PREFIX = "whsec_"
_SECRETS_AT_MOST, _SHORTEST_SECRET, _LONGEST_SECRET = 2, 24, 64
_PUBLISHED = b"local development"
"""In the secret of local.settings.sample.json, which everybody can read."""


def webhook_secrets(text: str) -> tuple[str, ...]:
    """The secrets of Standard Webhooks, between spaces: one, or two while one follows the other. Empty when one of them
    is none.
    """
    secrets = tuple(text.split())
    return secrets if len(secrets) <= _SECRETS_AT_MOST and all(map(_key_of, secrets)) else ()


def secrets_of_merchants(text: str) -> Mapping[str, tuple[str, ...]]:
    """The secrets by which each merchant knows us, from a JSON object: merchant, then its secrets as above, the newest
    first. What cannot be used is left out: of one merchant, or of all where it is no such object. A merchant that
    stands there twice has none, since nobody knows which of them are its. A secret that stands with two merchants is
    neither's: each could write to the other in our name.
    """
    table = _said_of_merchants(text)
    known_to = Counter(key for said in table.values() for key in set(map(_key_of, _words(said))))
    found = {
        merchant: tuple(each for each in webhook_secrets(said[0]) if known_to[_key_of(each)] == 1)
        for merchant, said in table.items()
        if len(said) == 1 and isinstance(said[0], str)
    }
    return {merchant: secrets for merchant, secrets in found.items() if secrets}


def has_published(text: str) -> bool:
    """Whether a secret of that object stands in this repository, also one that is left out."""
    return any(is_published(word) for said in _said_of_merchants(text).values() for word in _words(said))


def _said_of_merchants(text: str) -> Mapping[str, list[object]]:
    """Empty for what is no JSON object."""
    try:
        table = json.loads(text, object_pairs_hook=_all_said)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _all_said(pairs: list[tuple[str, object]]) -> dict[str, list[object]]:
    said: dict[str, list[object]] = {}
    for name, value in pairs:
        said.setdefault(name, []).append(value)
    return said


def _words(said: list[object]) -> list[str]:
    return [word for each in said if isinstance(each, str) for word in each.split()]


def is_published(secret: str) -> bool:
    """Whether it stands in this repository."""
    return _PUBLISHED in _key_of(secret)


def _key_of(secret: str) -> bytes:
    """Empty for what is no secret of that form."""
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True) if encoded != secret else b""
    except (binascii.Error, ValueError):
        return b""
    return key if _SHORTEST_SECRET <= len(key) <= _LONGEST_SECRET else b""


def host_names(text: str) -> frozenset[str]:
    """Names between commas, in small letters."""
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def beyond_this_platform(
    platform: Mapping[str, str], *, vouched: Mapping[str, bool], for_laptops: Mapping[str, str], has_identity: bool
) -> list[str]:
    """Why the settings are too trusting for where this process runs. platform: what it says
    of itself. vouched: by setting, whether it says `entra`. for_laptops: by setting, what its value would do elsewhere.

    A client can write the header of the client principal itself. So it is believed only where the platform overwrites
    it, which it does nowhere but on Azure, with its authentication on.
    """
    says = platform.get(SIGN_IN, "").strip().lower()
    is_signed_in, is_off = says in ("true", "1"), says in ("false", "0")
    is_on_azure = is_signed_in or any(platform.get(mark) for mark in ON_AZURE)
    faults = []
    if is_on_azure or has_identity:
        faults += [f"{setting}: {does}, so it is only for a laptop" for setting, does in for_laptops.items()]
    for setting in [name for name, is_entra in vouched.items() if is_entra]:
        if is_off:
            faults.append(f"{setting}: entra needs the platform's authentication, and {SIGN_IN} says that it is off")
        elif not is_on_azure:
            faults.append(f"{setting}: entra is for Azure: here anybody could write the header that it believes")
    return faults
