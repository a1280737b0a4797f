"""The master key signature of a request: HMAC-SHA256 over verb, resource type, resource link and date.

Decides one thing, whether the caller holds the key. Knows nothing of what the request asks for.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from local.azure.cosmos.errors import no_authorization, not_implemented, unauthorized
from local.azure.cosmos.keys import is_database_id

EMULATOR_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The public, well-known key of Microsoft's emulator. It protects nothing and opens nothing else."""

_KEY: Final = base64.b64decode(EMULATOR_KEY)


def verify(verb: str, path: tuple[str, ...], *, by_id: bool, headers: Mapping[str, str]) -> None:
    """Raise the service's 401 unless the request was signed with the key.

    by_id: the path consists of resource ids; then not the path is signed but the last id of it, in lower case.
    """
    header = headers.get("authorization")
    if not header:
        raise no_authorization()
    if not unquote(header).startswith("type=master&ver=1.0&sig="):
        raise not_implemented("authorization other than the master key")
    payload = _payload(verb, path, by_id=by_id, date=headers.get("x-ms-date", ""))
    if not _is_signed(payload, header):
        raise unauthorized(payload)


def is_by_id(verb: str, path: tuple[str, ...], *, headers: Mapping[str, str]) -> bool:
    """Whether a path consists of resource ids. One that may be names as well means what its signature says."""
    if path[:1] != ("dbs",) or not is_database_id(*path[1:2]):
        return False
    as_names = _payload(verb, path, by_id=False, date=headers.get("x-ms-date", ""))
    return not _is_signed(as_names, headers.get("authorization", ""))


def _is_signed(payload: str, header: str) -> bool:
    expected = base64.b64encode(hmac.digest(_KEY, payload.encode(), "sha256"))
    return hmac.compare_digest(expected, unquote(header).partition("&sig=")[2].encode())


def _payload(verb: str, path: tuple[str, ...], *, by_id: bool, date: str) -> str:
    """A path of even length names a resource, of odd length a feed: its last segment is the type."""
    kind, link = "", ""
    if path and len(path) % 2 == 0:
        kind, link = path[-2], "/".join(path)
    elif path:
        kind, link = path[-1], "/".join(path[:-1])
    if by_id:
        link = link.rpartition("/")[2].lower()
    return f"{verb.lower()}\n{kind.lower()}\n{link}\n{date.lower()}\n\n"
