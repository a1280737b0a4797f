"""A process that is made to do nothing while its connections stay, as in a machine that hangs. Knows no service.

It goes on when it is told to, and also when we die, however that comes: a process that stands still would never see
that its starter is gone, and would keep its files for ever.
"""

import asyncio
import contextlib
import os
import signal
from typing import Self

_HOLD = 'kill -STOP "$1" || exit 1; echo; read -r _; kill -CONT "$1"'
"""It waits for a line or the end of a pipe whose other end only we hold."""


class Gone(Exception):
    """The process has ended before it was frozen."""


class Frozen:
    """Holds one process until `thaw`."""

    def __init__(self, pid: int, holder: asyncio.subprocess.Process) -> None:
        self._pid = pid
        self._holder = holder

    @classmethod
    async def freeze(cls, pid: int) -> Self:
        """Returns when the process stands still. Raises Gone."""
        holder = await asyncio.create_subprocess_exec(
            *("sh", "-c", _HOLD, "sh", str(pid)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
        assert holder.stdout is not None  # noqa: S101 - it was asked for
        if not await holder.stdout.read(1):
            await holder.wait()
            raise Gone
        return cls(pid, holder)

    async def thaw(self, *, is_running: bool) -> None:
        """Lets the process go on. Where it has ended nobody is told: its id may be another's by now."""
        self._holder.kill()  # first: what it would say at its end, we say
        await self._holder.wait()
        if is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)
