"""`python -m local dispute`: be the cardholder's bank. Opens a dispute at the local provider, or decides one.

Uses the provider's HTTP only, and decides nothing.
"""

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from terminal.money import money
from terminal.text import printable

_LIMIT_S = 10.0


async def dispute(url: str, path: str, *, body: Mapping[str, object] | None = None) -> int:
    """Posts to the provider and prints how the dispute stands. Returns the exit code: 0 when it did as asked."""
    limit = aiohttp.ClientTimeout(total=_LIMIT_S)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http, http.post(url + path, json=body) as response:
            answer: dict[str, Any] = await response.json()
    except (aiohttp.ClientError, ValueError, TimeoutError) as exc:
        print(f"no local provider answers at {url} ({type(exc).__name__}): `make run` starts it", file=sys.stderr)
        return 1
    if response.status >= 400:
        print(printable(f"refused, {answer.get('code')}: {answer.get('message')}"), file=sys.stderr)
        return 1
    about = f"dispute {answer['dispute_id']} of payment {answer['payment_reference']}"
    print(printable(f"{about} is {answer['status']}: {money(answer)}, {answer['reason']}"))
    return 0


def opening(payment_id: str, *, amount_minor: int | None, reason: str | None) -> tuple[str, dict[str, object]]:
    """Path and body. What is None is left to the provider."""
    body = {"payment_reference": payment_id, "amount_minor": amount_minor, "reason": reason}
    return "/disputes", {name: value for name, value in body.items() if value is not None}


def deciding(dispute_id: str, *, is_won: bool) -> str:
    """The path."""
    return f"/disputes/{quote(dispute_id, safe='')}/{'win' if is_won else 'lose'}"
