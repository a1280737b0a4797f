"""Which requests a page of another site could have sent, and which were sent to a foreign name of this machine.

The same questions that the app asks at its own doors, for what local services answer by themselves: none of them asks
who calls, so anything that a developer's browser loads would break the provider or read messages. Knows no path.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

_OWN_FETCHES = frozenset({"same-origin", "none"})
_USUAL_PORT = {"http": 80, "https": 443}


def why_refused(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The code and the words of a 403; None for who is heard. headers: found as `Host`, `Origin`, `Sec-Fetch-Site`."""
    if is_foreign_host(headers):
        return "host_refused", "This machine is not asked under that name."
    if is_foreign_page(headers):
        return "origin_refused", "A page of another site may not see or change anything here."
    return None


def is_foreign_host(headers: Mapping[str, str]) -> bool:
    """A page whose name leads to this machine (DNS rebinding) is of the same origin as what it asks."""
    name = _parts(f"//{headers.get('Host', '')}").hostname or ""
    return name != "localhost" and not _is_loopback(name)


def is_foreign_page(headers: Mapping[str, str]) -> bool:
    """Browsers reach what listens on a laptop for any page, and say which page it was. Who is none says nothing."""
    if headers.get("Sec-Fetch-Site", "none") not in _OWN_FETCHES:
        return True
    origin = headers.get("Origin")
    return origin is not None and not _is_own(_parts(origin), host=headers.get("Host", ""))


def _is_own(origin: SplitResult, *, host: str) -> bool:
    if origin.scheme not in _USUAL_PORT or not origin.hostname:
        return False
    asked = _parts(f"{origin.scheme}://{host}")
    return (origin.hostname, _port(origin)) == (asked.hostname, _port(asked))


def _port(address: SplitResult) -> int | None:
    return address.port or _USUAL_PORT.get(address.scheme)


def _parts(address: str) -> SplitResult:
    """Without a host where it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
