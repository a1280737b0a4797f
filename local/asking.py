"""Asks the app, as those who follow its payments do, and tells what passes from what does not. Knows no command."""

from typing import Any

import aiohttp

type Json = dict[str, Any]

FOLLOWED = 200
"""How many payments are followed, the newest: one page of the public list, which is asked for once in a round."""

_LIMIT = aiohttp.ClientTimeout(total=10)


class Away(Exception):
    """The app cannot be asked now: it starts, it stops, it is gone, or the list is still being filled."""


class Unwilling(Exception):
    """The app answers, and not with what was asked for: asking again changes nothing."""


async def ask(http: aiohttp.ClientSession, address: str) -> Json:
    """What a GET answers. Raises Away, Unwilling."""
    try:
        async with http.get(address, timeout=_LIMIT, allow_redirects=False) as response:
            if response.status == 200:
                answer: Json = await response.json(content_type=None)
                return answer
            words = f"GET {address} answered {response.status}"
            if response.status == 429 or response.status >= 500:
                raise Away(words)
            raise Unwilling(f"{words}: {(await response.text(errors='replace'))[:300]}")
    except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
        raise Away(f"GET {address}: {type(exc).__name__}") from exc
