"""`python -m local up`: starts the platform, shows where it is, sends a sample payment, serves until told to stop.

Decides nothing about services or payments: `supervisor.py` runs the ones, `pay.py` follows the other.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from local.datafolder import FolderUnusable, owned, reset, word_left
from local.pay import NotAtRest, Order, Refused, pay
from local.ports import Ports
from local.processes import NotReady, ServiceDied
from local.service import PortTaken
from local.supervisor import Platform, running_platform

_LAST_LINES_OF_LOG = 15


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    ports: Ports
    is_reset: bool = False
    is_once: bool = False
    sample_limit_s: float = 60.0
    modules: Mapping[str, str] = field(default_factory=dict)


def up(options: Options) -> int:
    """Returns the exit code: 0 after Ctrl-C while serving or, with `--once`, after a completed sample payment."""
    try:
        return asyncio.run(_until_told_to_stop(options))
    except (FolderUnusable, PortTaken) as taken:
        print(taken, file=sys.stderr)
    except ServiceDied as died:
        # a service that says in one line why it cannot start needs no report about it
        says_why = not died.was_ready and len(died.last_words.splitlines()) == 1
        print(died.last_words if says_why else died, file=sys.stderr)
    except NotReady as late:
        print(late, file=sys.stderr)
    return 1


async def _until_told_to_stop(options: Options) -> int:
    running = asyncio.create_task(_run(options))
    stopped_by: list[int] = []

    def stop(number: int) -> None:
        if not stopped_by:  # once: a second Ctrl-C must not cut the stopping short
            running.cancel()
        stopped_by.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await running
    except asyncio.CancelledError:
        print("stopped", flush=True)
        return 128 + stopped_by[0] if stopped_by else 1


async def _run(options: Options) -> int:
    if options.is_reset:
        with owned(options.data):
            reset(options.data)
    print("starting ...", flush=True)
    async with running_platform(data=options.data, ports=options.ports, modules=options.modules) as platform:
        started = {**platform.addresses(), "url": platform.url, "started_at": datetime.now(UTC).isoformat()}
        with word_left(options.data, started):
            print(_table(platform), flush=True)
            has_completed = await _unless_one_dies(platform, _sample(platform, options.sample_limit_s))
            if options.is_once:
                return 0 if has_completed else 1
            return await _serve(platform)


async def _serve(platform: Platform) -> int:
    print("serving; Ctrl-C stops", flush=True)
    try:
        raise await platform.first_death()
    except asyncio.CancelledError:
        print("\nstopping ...", flush=True)
        return 0


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
        print(f"the sample payment did not complete: {exc}\n{_last_lines(platform.log('host'))}", file=sys.stderr)
        return False
    print(paid.timeline(), flush=True)
    print(f"look at it: {platform.url}/api/payments/{paid.payment_id}/events", flush=True)
    if paid.status != "completed":
        print(f"the sample payment did not complete: it ended {paid.status}", file=sys.stderr)
    return paid.status == "completed"


def _table(platform: Platform) -> str:
    rows = {**platform.addresses(), "data, logs": f"{platform.setup.data}, {platform.log('host').parent}"}
    return "\n".join(f"  {name:<28}{address}" for name, address in rows.items())


def _last_lines(log: Path) -> str:
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES_OF_LOG:]
    return "\n".join([f"the last lines of {log}:", *lines])
