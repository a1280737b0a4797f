"""`python -m local part`: how the parts of the running platform stand; kill, freeze or thaw one, break the provider.

Asks the platform at the origin of the app, as the page does, and decides nothing.
"""

import sys
from typing import Any

import aiohttp

from terminal.text import printable

ACTIONS = ("kill", "freeze", "thaw", "break", "repair")
_OF_THE_PROVIDER = ("break", "repair")
_LIMIT = aiohttp.ClientTimeout(total=20)

type Json = dict[str, Any]


async def part(url: str, name: str | None, *, action: str | None) -> int:
    """Does what is to be done and prints how the part stands, or all parts. Returns the exit code: 0 when it did."""
    if name is None or action is None:
        method, path = "GET", "/local/"
    elif action in _OF_THE_PROVIDER and name == "provider":
        method, path = "POST", f"/local/provider/{action}"
    else:
        method, path = "POST", f"/local/parts/{name}/{action}"
    try:
        status, answer = await _asked(method, url + path)
    except (aiohttp.ClientError, ValueError, TimeoutError) as exc:
        print(f"nothing answers at {url} ({type(exc).__name__}): `make run` starts it", file=sys.stderr)
        return 1
    if status >= 400:
        print(printable(f"refused, {answer.get('code')}: {answer.get('title')}"), file=sys.stderr)
        return 1
    for line in _lines(answer, name):
        print(printable(line))
    return 0


async def _asked(method: str, url: str) -> tuple[int, Json]:
    async with (
        aiohttp.ClientSession(timeout=_LIMIT) as http,
        http.request(method, url, allow_redirects=False) as response,
    ):
        if response.status == 404 and "json" not in response.content_type:
            return 404, {"code": "not_here", "title": "This app was not started by `make run`."}
        answer: Json = await response.json(content_type=None)
        return response.status, answer


def _lines(answer: Json, name: str | None) -> list[str]:
    if "parts" in answer:
        shown = [row for row in answer["parts"] if name in (None, row["part"])]
        provider = answer["provider"]
        more = [f"  the provider's answers are {provider['state']}"] if name in (None, "provider") else []
        return [*map(_row, shown), *more]
    return [_row(answer)] if "part" in answer else [f"  the provider's answers are {answer['state']}"]


def _row(row: Json) -> str:
    process = f"process {row['pid']}" if row["pid"] else "no process"
    can = f"  can: {', '.join(row['can'])}" if row["can"] else ""
    died = f"  died {row['deaths']} times" if row["deaths"] > 1 else "  died once" if row["deaths"] else ""
    return f"  {row['part']:<12}{row['state']:<10}since {row['since']}  {process}{died}{can}"
