"""The command line of the local platform as people run it: start it, read what it says, send it signals.

Knows no test; by default the services are fakes, so that a test is about the supervision alone.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping

from local.supervisor import ROOT

FAKE = "tests.local.fake_service"
FAKES = {"cosmos": FAKE, "servicebus": FAKE, "host": FAKE}
FREE_PORTS = [
    argument for name in ("http", "cosmos", "amqp", "provider", "admin") for argument in (f"--{name}-port", "0")
]


class Run:
    """A run of the command line, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, words: str) -> str:
        """Reads on until the words come. Returns all that was said."""
        assert self.process.stdout is not None
        while words not in self.said:
            line = (await self.process.stdout.readline()).decode()
            assert line, f"ended without {words!r}:\n{self.said}"
            self.said += line
        return self.said

    async def ends(self) -> int:
        assert self.process.stdout is not None
        self.said += (await self.process.stdout.read()).decode()
        return await self.process.wait()


@contextlib.asynccontextmanager
async def local(*arguments: str, modules: Mapping[str, str] = FAKES, **environment: str) -> AsyncIterator[Run]:
    """Runs `python -m local ARGUMENTS`, by default over the fakes; standard error is read with standard output."""
    in_a_terminal = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # also where tests run by nohup
    command = f"{in_a_terminal}; from local.__main__ import main; sys.exit(main(sys.argv[1:], modules={modules!r}))"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        command,
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Run(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]
