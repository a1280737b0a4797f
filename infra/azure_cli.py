"""Asks the Azure CLI. Tells what may pass by itself (a role that still spreads, a host that still starts) from what
does not, so that a caller can wait for the one and stop at the other.

Standard library only. Knows no resource of ours.
"""

import json
import os
import re
import shutil
import subprocess
from typing import Any

from infra.smoke_http import NotYet

LIMIT_S = 300
"""For one command: longer than any that we give takes, so that none hangs for ever."""

WINDOWS = os.name == "nt"
_NOT_FOR_A_BATCH_FILE = re.compile(r"[()&|<>^%]")
"""On Windows az is a batch file, and its shell reads these even in a word of ours."""

MAY_PASS = re.compile(
    r"\b(403|408|409|429|50[0234])\b|Forbidden|AuthorizationFailed|AuthorizationPermissionMismatch|InaccessibleStorage"
    r"|Service ?Unavailable|Bad ?Gateway|Gateway ?Time-?out|InternalServerError|TooManyRequests"
    r"|Connection (aborted|reset)|Remote end closed|timed out|Max retries exceeded",
    re.IGNORECASE,
)
"""How Azure says that it is not ready. A right that is really missing reads the same: the time limit tells the two."""


class CommandFailed(Exception):
    """A command of the Azure CLI that waiting does not mend: what was asked, and what it said."""


def az(*words: str) -> str:
    """What it writes. In the subscription that azd chose, where it did. Raises CommandFailed, NotYet."""
    command = [shutil.which("az") or "az", *words, *_subscription(words)]
    asked = f"az {' '.join(words)}"
    if WINDOWS and any(map(_NOT_FOR_A_BATCH_FILE.search, words)):
        raise CommandFailed(f"{asked}: az on Windows is a batch file, which cannot be given any of ( ) & | < > ^ %")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)  # noqa: S603 - our own words
    except FileNotFoundError as exc:
        raise CommandFailed(f"{asked}: there is no Azure CLI on PATH") from exc
    except subprocess.TimeoutExpired as exc:
        raise CommandFailed(f"{asked}: no end within {LIMIT_S} s") from exc
    if done.returncode == 0:
        return done.stdout.strip()
    said = f"{asked}: {done.stderr.strip() or f'ended with {done.returncode} and said nothing'}"
    raise NotYet(said) if MAY_PASS.search(done.stderr) else CommandFailed(said)


def az_json(*words: str) -> Any:  # noqa: ANN401 - JSON
    """What it writes as JSON; None for nothing. Raises CommandFailed, NotYet."""
    text = az(*words, "--output", "json")
    try:
        return json.loads(text) if text else None
    except ValueError as exc:
        raise CommandFailed(f"az {' '.join(words)}: answered what is not JSON: {text[:200]}") from exc


def _subscription(words: tuple[str, ...]) -> list[str]:
    """azd's choice need not be that of `az account set`. `az ad` asks the tenant and knows no subscription; `az account
    show` is asked about the default one, or about one that it names."""
    chosen = os.environ.get("AZURE_SUBSCRIPTION_ID")
    if not chosen or words[0] == "ad" or words[:2] == ("account", "show"):
        return []
    return ["--subscription", chosen]
