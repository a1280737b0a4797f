"""What the four local services share when they run as a process of their own: the port, the ready line, the orderly stop.

Knows nothing of what a service does.
"""

import asyncio
import errno
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol


class Running(Protocol):
    """A service that answers on its port."""

    @property
    def port(self) -> int: ...

    async def close(self) -> None:
        """Stop taking work, finish what is under way, release the port and the files."""


class PortTaken(Exception):  # noqa: N818 - the name says what happened
    """The wanted port belongs to another program."""

    def __init__(self, service: str, port: int, option: str) -> None:
        super().__init__(f"port {port} is taken, so the local {service} cannot start: free it or choose another, {option} N")


def serve(service: str, port: int, start: Callable[[], Awaitable[Running]]) -> int:
    """Run a service until SIGTERM or SIGINT. Prints `ready SERVICE PORT` on standard output once it answers.

    Returns the exit code: 0 after an orderly stop, 1 when it could not start (the reason is on standard error).
    """
    try:
        asyncio.run(_until_told_to_stop(service, port, start))
    except PortTaken as taken:
        print(taken, file=sys.stderr)
        return 1
    return 0


async def _until_told_to_stop(service: str, port: int, start: Callable[[], Awaitable[Running]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        running = await start()
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            option = {"cosmos": "--cosmos-port", "servicebus": "--amqp-port", "provider": "--provider-port"}
            raise PortTaken(service, port, option.get(service, "--http-port")) from exc
        raise
    try:
        print(f"ready {service} {running.port}", flush=True)
        await stop.wait()
    finally:
        await running.close()
