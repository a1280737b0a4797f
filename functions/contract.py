"""contract: the HTTP API for machines (OpenAPI) and for people (a page). Both are files, which `make contracts` writes.

Knows no verb and needs no service: it answers also when nothing else does.
"""

import base64
import functools
import hashlib
import re
from pathlib import Path

import azure.functions as func

from functions.answers import tagged_answer
from functions.caller import Doors
from functions.route import Request, Route, blueprint_of

DOCUMENT = Route(name="get_openapi", method="GET", path="openapi.json", needs=None)
PAGE = Route(name="get_docs", method="GET", path="docs", needs=None)

FILES = {DOCUMENT: ("openapi.json", "application/json"), PAGE: ("docs.html", "text/html")}
"""What is served, beside this module, and its media type."""

_HERE = Path(__file__).parent
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


def blueprint(*, doors: Doors) -> func.Blueprint:
    """The functions `get_openapi` and `get_docs`; both are open to everybody."""
    return blueprint_of({route: functools.partial(_serve, route=route) for route in FILES}, doors=doors)


async def _serve(request: Request, *, route: Route) -> func.HttpResponse:
    name, media_type = FILES[route]
    body, headers = _read(name)
    return tagged_answer(request.http, body, headers=headers, media_type=media_type)


@functools.cache
def _read(name: str) -> tuple[bytes, dict[str, str]]:
    """A file and what goes with it. Read when it is first asked for: a start is not held up for it.

    A page may use the styles that stand in it, and load or run nothing.
    """
    body = (_HERE / name).read_bytes()
    styles = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s).digest()).decode()}'" for s in _STYLE.findall(body))
    closed = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return body, {
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": f"default-src 'none'; style-src {styles or "'none'"}; {closed}",
        "X-Content-Type-Options": "nosniff",
    }
