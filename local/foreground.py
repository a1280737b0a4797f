"""A run in a terminal, as `up` and `emulators` share it: start, show where things are, serve until told to stop.

Decides nothing about services: `supervisor.py` runs them. Knows no payment.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from local.base.serving import PortTaken
from local.datafolder import FolderUnusable, owned, reset, word_left
from local.keeper import Keeper
from local.ports import Ports
from local.processes import NotReady, ServiceDied
from local.steering import Run, steered
from local.supervisor import Platform, running_platform


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of any run."""

    data: Path
    ports: Ports
    is_reset: bool = False
    provider: str = "regis"
    modules: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = True
    """Whether what dies is started again; else the run ends with it."""


def in_foreground(run: Coroutine[None, None, int]) -> int:
    """Returns the exit code: the run's own, 128 and the signal when it was told to stop before it served, else 1."""
    try:
        return asyncio.run(until_told_to_stop(run))
    except (FolderUnusable, PortTaken) as taken:
        print(taken, file=sys.stderr)
    except ServiceDied as died:
        # a service that says in one line why it cannot start needs no report about it
        says_why = not died.was_ready and len(died.last_words.splitlines()) == 1
        print(died.last_words if says_why else died, file=sys.stderr)
    except NotReady as late:
        print(late, file=sys.stderr)
    return 1


async def until_told_to_stop(run: Coroutine[None, None, int]) -> int:
    """The run's own exit code; 128 and the signal when it was told to stop and had nothing to say to it."""
    running = asyncio.create_task(run)
    stopped_by: list[int] = []

    def stop(number: int) -> None:
        if not stopped_by:  # once: a second Ctrl-C must not cut the stopping short
            running.cancel()
        stopped_by.append(number)

    for number in _stops():
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await running
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("stopped", flush=True)
        return 128 + stopped_by[0] if stopped_by else 1


def _stops() -> list[signal.Signals]:
    """A terminal that is closed stops us in order too; not where somebody wants us to outlive it, as `nohup` does."""
    stops = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        stops.append(signal.SIGHUP)
    return stops


@dataclass(frozen=True, slots=True)
class Started:
    """What runs. keeper: who starts again what dies; None: nobody does."""

    platform: Platform
    keeper: Keeper | None


@contextlib.asynccontextmanager
async def started(options: Options, services: Sequence[str], **word: str) -> AsyncIterator[Started]:
    """Runs the services until the end of the block; where they are is printed, and left for `status` and `pay`.

    `word` is left for them too. Raises what `running_platform` raises.
    """
    if options.is_reset:
        with owned(options.data):
            reset(options.data)
    print("starting ...", flush=True)
    run = partial(
        running_platform,
        data=options.data,
        ports=options.ports,
        services=services,
        provider=options.provider,
        modules=options.modules,
    )
    async with _kept(run) if options.keeps else _left_alone(run) as running:
        platform = running.platform
        here = {**platform.addresses(), "url": platform.url, "started_at": datetime.now(UTC).isoformat()}
        with word_left(options.data, here | word):
            print(_table(platform), flush=True)
            yield running


@contextlib.asynccontextmanager
async def _kept(run: Run) -> AsyncIterator[Started]:
    async with steered(run) as keeper:
        yield Started(keeper.platform, keeper)


@contextlib.asynccontextmanager
async def _left_alone(run: Run) -> AsyncIterator[Started]:
    async with run() as platform:
        yield Started(platform, None)


async def serve(running: Started) -> int:
    """Returns 0 when told to stop. Raises ServiceDied when a service ends before that nobody starts again."""
    # Written at once: whoever has read it may be gone, and a second write for the end of the line would be a fault.
    print("serving; Ctrl-C stops\n", end="", flush=True)
    try:
        if running.keeper is None:
            raise await running.platform.first_death()
        await running.keeper.until_it_fails()
        return 1
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # as above
            print("\nstopping ...", flush=True)
        return 0


def _table(platform: Platform) -> str:
    logs = platform.log("host").parent
    rows = {**platform.addresses(), "data, logs": f"{platform.setup.data}, {logs}"}
    return "\n".join(f"  {name:<28}{address}" for name, address in rows.items())
