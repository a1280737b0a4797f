"""What is refused whoever calls: pages of other sites in somebody's browser, foreign names of this host, and bodies
that no request here has. Knows no caller.
"""

import ipaddress
import json
import re
from collections.abc import Collection
from itertools import accumulate
from urllib.parse import SplitResult, urlsplit

import azure.functions as func

from functions.caller import Refusal

MAX_BODY_BYTES = 65_536
"""A payment request within all field limits is far smaller, even with every character as a JSON escape; so are all."""

MAX_DEPTH = 16
"""Objects and lists inside one another. The deepest body that can be accepted has two. One with a few more is told
which field is wrong; one with far more was made to exhaust whoever walks through it.
"""

READS = frozenset({"GET"})
_OWN_FETCHES = frozenset({"same-origin", "none"})
_USUAL_PORT = {"http": 80, "https": 443}
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def foreign_host(req: func.HttpRequest, *, names: Collection[str]) -> Refusal | None:
    """For a laptop, where nobody signs in. A page whose name leads to this machine (DNS rebinding) is of the same
    origin as what it asks, and only the Host header shows it.
    """
    name = _parts(f"//{req.headers.get('host', '')}").hostname or ""
    return None if name == "localhost" or name in names or _is_loopback(name) else Refusal("host_refused")


def foreign_page(req: func.HttpRequest) -> Refusal | None:
    """Browsers send cookies, and reach what listens on a laptop, for any page. But they say which page it was."""
    if req.headers.get("sec-fetch-site", "none") not in _OWN_FETCHES:
        return Refusal("origin_refused")
    origin = req.headers.get("origin")
    if origin is None or _is_own(_parts(origin), host=req.headers.get("host", "")):
        return None
    return Refusal("origin_refused")


def odd_body(req: func.HttpRequest) -> Refusal | None:
    """A form's body is never JSON, and a page of another site cannot send JSON without being asked first."""
    body = req.get_body()
    if len(body) > MAX_BODY_BYTES:
        return Refusal("body_too_large", f"At most {MAX_BODY_BYTES} bytes.")
    media_type = req.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and media_type != "application/json":
        return Refusal("unsupported_media_type")
    if _depth(body) > MAX_DEPTH:
        return Refusal("body_too_deep", f"At most {MAX_DEPTH} objects and lists inside one another.")
    return None


def _depth(body: bytes) -> int:
    """How many brackets stand open at once at most, outside of texts. Whether they are closed, a parser will say.

    Read in the encoding in which a parser would read it.
    """
    outside = _TEXT.sub("", body.decode(json.detect_encoding(body), errors="replace"))
    return max(accumulate(_STEPS.get(each, 0) for each in outside), default=0)


def _is_own(origin: SplitResult, *, host: str) -> bool:
    """Schemes are not compared: TLS ends before the host, which sees http."""
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
