"""A local service as a process of its own: the port, the ready line, the orderly stop.

Knows nothing of what a service does.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

from local.base.database import DataInUse
from local.base.races import unless

STOP_WITH_STDIN = "REGIS_PAY_STOP_WITH_STDIN"
"""An environment variable. When it is set, the service stops when its standard input closes.

A pipe closes however its other end dies, kill -9 included, and on every system. So no service outlives its starter.
"""
_ORPHAN_STOPS_WITHIN_S = 10.0


class Running(Protocol):
    """A service that answers on its port."""

    @property
    def port(self) -> int: ...

    async def close(self) -> None:
        """Stop taking work, finish what is under way, release the port and the files."""


class Opened:
    """A service that answers until all that it has opened is closed, the last first."""

    def __init__(self, port: int, resources: contextlib.AsyncExitStack) -> None:
        self.port = port
        self._resources = resources

    async def close(self) -> None:
        await self._resources.aclose()


class PortTaken(Exception):
    """The wanted port belongs to another program."""

    def __init__(self, service: str, port: int, *, option: str) -> None:
        super().__init__(
            f"port {port} is taken, so the local {service} cannot start: free it or choose another, {option} N"
        )


def serve(service: str, start: Callable[[], Awaitable[Running]], *, port: int) -> int:
    """Run a service until SIGTERM or SIGINT. Prints `ready SERVICE PORT` on standard output once it answers.

    Returns the exit code: 0 after an orderly stop, 1 when it could not start (the reason is on standard error).
    """
    try:
        asyncio.run(_until_told_to_stop(service, start, port=port))
    except (PortTaken, DataInUse) as taken:
        print(taken, file=sys.stderr)
        return 1
    return 0


async def _until_told_to_stop(service: str, start: Callable[[], Awaitable[Running]], *, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if os.environ.get(STOP_WITH_STDIN):
        _stop_when_stdin_closes(asyncio.get_running_loop(), stop)
    try:
        running = await unless(stop, _started(start))  # a start may wait for another service for ever
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            option = {"cosmos": "--cosmos-port", "servicebus": "--amqp-port", "provider": "--provider-port"}
            option["stripe"] = "--provider-port"
            raise PortTaken(service, port, option=option.get(service, "--http-port")) from exc
        raise
    if running is None:
        return
    try:
        print(f"ready {service} {running.port}", flush=True)
        await stop.wait()
    finally:
        await running.close()


async def _started(start: Callable[[], Awaitable[Running]]) -> Running:
    return await start()


def _stop_when_stdin_closes(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def watch() -> None:
        # not sys.stdin: a thread that blocks inside its buffer makes the interpreter abort when it exits
        while os.read(0, 4096):
            pass
        deadline = threading.Timer(_ORPHAN_STOPS_WITHIN_S, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        with contextlib.suppress(RuntimeError):  # the loop is closed: the stop is already under way
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stop-with-stdin", daemon=True).start()
