"""Where the next page of a list begins, as an opaque text. It grants nothing: whose list it is, the request says.

A cursor is tied to what was asked for. With other filters it would skip rows without a word. Knows no row.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping

from shared.codec.values import fingerprint
from shared.errors import PageUnknown

_VERSION = 1
_LONGEST = 512
_POSITION = re.compile(r"\d{4}-\d{2}(-\d{2}T[0-9:.]{15}Z [A-Za-z0-9._-]{1,64})?")
"""A row's place in the list, or a month of which everything has been listed."""


def to_cursor(position: str, *, asked: Mapping[str, object]) -> str:
    """The text for the list that goes on below this position."""
    parts = [_VERSION, fingerprint(asked)[:16], position]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def position_in(cursor: str, *, asked: Mapping[str, object]) -> str:
    """Raises PageUnknown for a text that this list never gave."""
    try:
        padded = cursor[:_LONGEST] + "=" * (-len(cursor[:_LONGEST]) % 4)
        version, owner, position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        is_ours = version == _VERSION and owner == fingerprint(asked)[:16] and _POSITION.fullmatch(position)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        is_ours = None
    if not is_ours:
        raise PageUnknown("the page is none of this listing: begin again without it")
    return str(position)
