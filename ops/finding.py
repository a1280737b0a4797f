"""Where the app is when nobody says: the variable, the platform that runs from this folder, the default."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from ops.client import TOKEN_VARIABLE, URL_VARIABLE, Fault, Target, is_near

DEFAULT_URL = "http://127.0.0.1:7071"
NOTE = Path(".local/up.json")
"""A local platform writes its address here while it runs."""


def target(given: str | None) -> Target:
    """given: the address after --url, which goes before all others.

    Raises Fault when it cannot be used, and for a token that nobody has said whom to show to: whoever has one means an
    app in Azure, and would look at a laptop and see that all is well.
    """
    named = f"--url or {URL_VARIABLE}"
    if given or (given := os.environ.get(URL_VARIABLE)):
        return Target.app(given, named_by=named)
    if os.environ.get(TOKEN_VARIABLE):
        raise Fault(f"{TOKEN_VARIABLE} is set, and nobody says for which app: {named}")
    return replace(_here(named), is_named=False)


def _here(named: str) -> Target:
    """On this machine."""
    if noted := _noted():
        return Target.app(noted, named_by=f"{named} (this one stands in {NOTE})")
    tried = f"neither is set, and {NOTE} in this folder names no running platform: start one with `make run`"
    return Target.app(DEFAULT_URL, named_by=f"{named} ({tried})")


def _noted() -> str | None:
    """Only an address on this machine counts: a folder from elsewhere must not learn the token."""
    try:
        note = json.loads(NOTE.read_text(encoding="utf-8"))
        pid, url = note["pid"], note["url"]
        return url if is_near(url) and _is_alive(pid) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _is_alive(pid: int) -> bool:
    if type(pid) is not int or pid < 1:
        return False
    if sys.platform == "win32":  # signal 0 would end the process there
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True
