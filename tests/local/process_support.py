"""The local services as processes of their own: `python -m local NAME`, ready, told to stop, or killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from local.supervisor import ROOT
from tests.waiting import LIMIT_S


@dataclass
class LocalProcess:
    """A service or the host, started. log: what it has written to standard error, but for what `says` returned."""

    name: str
    process: asyncio.subprocess.Process
    port: int = 0
    log: str = ""
    _lines: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _reading: asyncio.Task[None] | None = None
    announced: list[list[str]] = field(default_factory=list)
    """The words of each line on standard output up to the one that says it is ready."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_ready(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while [self.name] not in [line[1:2] for line in self.announced if line[0] == "ready"]:
                line = (await self.process.stdout.readline()).decode().split()
                if not line:
                    raise AssertionError(f"not ready: {self.announced} {await self.ended()} {self.log}")
                self.announced.append(line)
        self.port = int(self.announced[-1][2])

    def listen(self) -> None:
        """Read its log from now on: a service whose pipe is full would stand still."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()
            self._lines.put_nowait(line.decode())

    async def says(self) -> str:
        """The next line of its log, waited for."""
        async with asyncio.timeout(LIMIT_S):
            line = await self._lines.get()
        self.log = self.log.removeprefix(line)
        return line

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self.process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Wait for the end; the exit code."""
        assert self._reading is not None
        async with asyncio.timeout(LIMIT_S):
            code = await self.process.wait()
            await self._reading
        return code


async def spawn(name: str, *arguments: str, settings: Mapping[str, str] | None = None) -> LocalProcess:
    """Start the service, or the host, with these settings in its environment. It may not be ready yet."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", name, "--port", "0", *arguments),
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    started = LocalProcess(name, process)
    started.listen()
    return started


@asynccontextmanager
async def running(name: str, *arguments: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[LocalProcess]:
    """A service, or the host, that is ready. At the end it is gone, whatever happens."""
    started = await spawn(name, *arguments, settings=settings)
    try:
        await started.until_ready()
        yield started
    finally:
        if started.process.returncode is None:
            await started.kill()
