"""`python -m local up`: starts the platform, sends a sample payment, serves until told to stop.

Decides nothing about services or payments: `foreground.py` runs the services, `pay.py` follows the sample payment, and
`telling.py` those that come later.
"""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path

import aiohttp

from local.foreground import Options, in_foreground, serve, started
from local.pay import NotAtRest, Order, Refused, pay
from local.supervisor import SERVICES, Platform
from local.telling import payments_told
from terminal.text import printable

_LAST_LINES_OF_LOG = 15


def up(options: Options, *, is_once: bool, sample_limit_s: float, is_quiet: bool = False) -> int:
    """Returns the exit code: 0 after Ctrl-C while serving or, with `is_once`, after a completed sample payment.

    Later payments are told of in the terminal, unless it is to be quiet.
    """
    return in_foreground(_run(options, is_once=is_once, sample_limit_s=sample_limit_s, is_quiet=is_quiet))


async def _run(options: Options, *, is_once: bool, sample_limit_s: float, is_quiet: bool) -> int:
    async with started(replace(options, keeps=options.keeps and not is_once), SERVICES) as running:
        platform, sample = running.platform, _sample(running.platform, sample_limit_s)
        has_completed = await (sample if running.keeper else _unless_one_dies(platform, sample))
        if is_once:
            return 0 if has_completed else 1
        async with contextlib.nullcontext() if is_quiet else payments_told(platform.url):
            return await serve(running)


async def _unless_one_dies(platform: Platform, work: Coroutine[None, None, bool]) -> bool:
    """What the work returns. Raises ServiceDied when a service ends before."""
    working, death = asyncio.create_task(work), asyncio.create_task(platform.first_death())
    try:
        await asyncio.wait([working, death], return_when=asyncio.FIRST_COMPLETED)
        if death.done():
            raise death.result()
        return await working
    finally:
        for task in (working, death):
            task.cancel()
        await asyncio.wait([working, death])


async def _sample(platform: Platform, limit_s: float) -> bool:
    """Sends one payment and prints its timeline. Whether it completed."""
    order = Order(reference="sample", notification_url=f"{platform.provider_url}/merchant/ok")
    try:
        async with aiohttp.ClientSession() as http:
            paid = await pay(http, platform.url, order=order, limit_s=limit_s)
    except (Refused, NotAtRest, aiohttp.ClientError) as exc:
        print(f"the sample payment did not complete: {printable(str(exc))}", file=sys.stderr)
        print(_last_lines(platform.log("host")), file=sys.stderr)
        return False
    print(paid.timeline(), flush=True)
    print(f"look at it: {platform.url}/api/payments/{paid.payment_id}/events", flush=True)
    if paid.status != "completed":
        print(f"the sample payment did not complete: it ended {paid.status}", file=sys.stderr)
    return paid.status == "completed"


def _last_lines(log: Path) -> str:
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES_OF_LOG:]
    return "\n".join([f"the last lines of {log}:", *map(printable, lines)])
