"""Reads the client principal that Azure's built-in authentication adds to a request. Believes it: ask only where the
platform overwrites what a client sends. Knows no route.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

HEADER = "x-ms-client-principal"
_NAME = f"{HEADER}-name"

_ROLES = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
_APPLICATION = frozenset({"azp", "appid"})
_OBJECT = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
"""The platform renames some claims of the token on their way: each by the names that it may have."""

_AUDIENCE = frozenset({"aud"})
"""Who signs in with a browser has an ID token, which names no application but the one that it was made for.

https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
"""

_LONGEST_ID, _LONGEST_NAME = 64, 128


class Unreadable(ValueError):
    """It is not what the platform writes, or it names no application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """application: the client id of what calls, also where it calls for a person. name: of the person, if it is one."""

    application: str
    name: str
    roles: frozenset[str]


def principal_in(headers: Mapping[str, str]) -> Principal:
    """Raises Unreadable."""
    claims = _claims(headers[HEADER])
    calls = any(kind in _APPLICATION for kind, _ in claims)
    application = _only(claims, _APPLICATION if calls else _AUDIENCE)
    object_ids = [value for kind, value in claims if kind in _OBJECT]
    name = next((each for each in (headers.get(_NAME, ""), *object_ids) if _is_plain(each, _LONGEST_NAME)), application)
    return Principal(
        application=application, name=name, roles=frozenset(value for kind, value in claims if kind in _ROLES)
    )


def _claims(header: str) -> list[tuple[str, str]]:
    try:
        stated = json.loads(base64.b64decode(header, validate=True))
        return [(_text(claim["typ"]), _text(claim["val"])) for claim in stated["claims"]]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError) as exc:
        raise Unreadable(type(exc).__name__) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _only(claims: list[tuple[str, str]], kinds: frozenset[str]) -> str:
    """The one value; two that differ would be a choice."""
    values = {value for kind, value in claims if kind in kinds}
    if len(values) != 1 or not _is_plain(found := values.pop(), _LONGEST_ID):
        raise Unreadable("application")
    return found


def _is_plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
