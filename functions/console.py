"""console: the page for operators, at /api/console. Serves the files of the folder `console`, and nothing else.

The page holds nothing and is open to everybody: what it shows it asks for, as whoever has signed in. Knows no verb and
needs no service, so it also says why nothing else answers.
"""

import functools
import gzip
from collections.abc import Mapping
from pathlib import Path

import azure.functions as func

from functions.answers import tagged_answer
from functions.caller import Doors
from functions.route import Request, Route, blueprint_of

ROUTE = Route(name="get_console", method="GET", path="console/{*path}", needs=None)
"""The rest of the path is empty for the page itself."""

FOLDER = Path(__file__).parent / "console"
PAGE = "index.html"
MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}
"""By suffix, of what is served; the folder may hold more."""

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
)
"""Nothing that stands in the page runs, and no text becomes markup or code. Names in `trusted-types` may make markup
of templates: lit-html does, of those that stand in our own modules.
"""

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def blueprint(*, doors: Doors) -> func.Blueprint:
    """The function `get_console`, open to everybody."""
    return blueprint_of({ROUTE: _serve}, doors=doors)


async def _serve(request: Request) -> func.HttpResponse:
    name = request.http.route_params.get("path") or PAGE
    if name not in files():
        return func.HttpResponse(status_code=404)
    wants_gzip = "gzip" in _encodings(request.http.headers.get("accept-encoding", ""))
    headers = {**HEADERS, **({"Content-Encoding": "gzip"} if wants_gzip else {})}
    media_type = MEDIA_TYPES[Path(name).suffix]
    return tagged_answer(request.http, _read(name, is_small=wants_gzip), headers=headers, media_type=media_type)


@functools.cache
def files() -> Mapping[str, Path]:
    """What is served, by its path below the page. A request can name no other file, whatever it says."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES)
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


@functools.cache
def _read(name: str, *, is_small: bool) -> bytes:
    """Read and made small once, when it is first asked for. The same bytes have the same ETag on every instance."""
    body = files()[name].read_bytes()
    return gzip.compress(body, mtime=0) if is_small else body


def _encodings(header: str) -> set[str]:
    """Those of Accept-Encoding that are not refused by a weight of zero."""
    offers = (offer.replace(" ", "").lower().partition(";q=") for offer in header.split(","))
    return {coding for coding, _, weight in offers if weight.strip("0.") or not weight}
