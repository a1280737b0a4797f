"""`python -m local status`: where the platform that runs on a data folder answers, and whether it does.

Changes nothing.
"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from local.datafolder import word_found
from terminal.text import printable

_LIMIT_S = 5.0
_NO_ADDRESSES = {"url", "started_at", "host_command"}


def status(data: Path) -> int:
    """Prints one line per address. Returns the exit code: 0 when all answer."""
    word = word_found(data)
    if word is None:
        print(f"nothing runs on {data}; `make run` and `make emulators` start it")
        return 1
    return asyncio.run(_show(word))


async def _show(word: dict[str, str]) -> int:
    addresses = {name: address for name, address in word.items() if name not in _NO_ADDRESSES}
    ready = _is_ready(word["url"], word.get("host_command"))
    answers = await asyncio.gather(*(_accepts(address) for address in addresses.values()), ready)
    for (name, address), answer in zip(addresses.items(), answers, strict=False):
        print(printable(f"  {name:<28}{address:<44}{answer}"))
    print(printable(f"  {'ready':<28}{word['url'] + '/api/health/ready':<44}{answers[-1]}"))
    print(printable(f"  running since {word['started_at']}"))
    return 0 if all(answer == "ok" for answer in answers) else 1


async def _accepts(address: str) -> str:
    """Whether something takes connections there: that much is common to all the protocols."""
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(_LIMIT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.close()
            await writer.wait_closed()
    except OSError as exc:  # TimeoutError is one
        return f"does not answer ({exc.strerror or 'time-out'})"
    return "ok"


async def _is_ready(url: str, host_command: str | None) -> str:
    """What the app itself says: it also looks at store and bus. A host that others start is theirs to start again."""
    limit = aiohttp.ClientTimeout(total=_LIMIT_S)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http, http.get(f"{url}/api/health/ready") as response:
            return "ok" if response.status == 200 else f"{response.status} {await response.text()}"
    except aiohttp.ClientConnectorError as exc:
        if host_command:
            return f"does not run: {host_command} --port {urlsplit(url).port}"
        return f"does not answer ({type(exc).__name__})"
    except (aiohttp.ClientError, TimeoutError) as exc:
        return f"does not answer ({type(exc).__name__})"
