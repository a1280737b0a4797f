"""Asks the Azure CLI again while Entra ID does not know yet what it has just made. Knows no resource of ours."""

import re

from infra.azure_cli import CommandFailed, az
from infra.smoke_http import NotYet, eventually

LIMIT_S = 120.0
"""Entra ID answers from several places; what one has made the next may not know for some seconds."""

_NOT_KNOWN_YET = re.compile(
    "ResourceNotFound|does not exist|does not reference a valid application|was not found on application"
)
"""The last: a role of the registration, which its service principal hears of later."""


def patiently(*words: str) -> str:
    """What it writes. Raises CommandFailed, SmokeFailed after LIMIT_S."""

    def ask() -> str:
        try:
            return az(*words)
        except CommandFailed as exc:
            if _NOT_KNOWN_YET.search(str(exc)):
                raise NotYet(str(exc)) from exc
            raise

    return eventually(ask, what=f"az {' '.join(words[:3])}", limit_s=LIMIT_S, pause_s=1.0)
