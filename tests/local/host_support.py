"""The local host as a process of its own, and waiting for what it does, for the tests named test_host_*."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
LIMIT_S = 30.0
"""For what takes a second on an idle machine."""

type Seen = dict[str, Any]


@dataclass
class HostProcess:
    """`python -m local host`, started."""

    process: asyncio.subprocess.Process
    port: int = 0
    log: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_ready(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            line = (await self.process.stdout.readline()).decode().split()
        if line[:2] != ["ready", "host"]:
            raise AssertionError(f"not ready: {line} {await self.ended()} {self.log}")
        self.port = int(line[2])

    async def says(self) -> str:
        """The next line of its log, waited for."""
        assert self.process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            return (await self.process.stderr.readline()).decode()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self.process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Wait for the end; the exit code. What the process wrote to standard error is then in `log`."""
        async with asyncio.timeout(LIMIT_S):
            _, errors = await self.process.communicate()
        self.log += errors.decode()
        assert self.process.returncode is not None
        return self.process.returncode


async def spawn(app: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> HostProcess:
    """Start the host on an app folder, with these settings in its environment; it may not be ready yet."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", "host", "--app", str(app), "--port", "0", *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return HostProcess(process)


@asynccontextmanager
async def running_host(
    app: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[HostProcess]:
    """A host that is ready, and gone at the end whatever happens."""
    host = await spawn(app, *arguments, settings=settings)
    try:
        await host.until_ready()
        yield host
    finally:
        if host.process.returncode is None:
            await host.kill()


@dataclass(frozen=True)
class Record:
    """What the functions of the sample app wrote down."""

    path: Path

    def all(self, key: str) -> list[Any]:
        """The values under `key`, oldest first."""
        return [line[key] for line in self.lines() if key in line]

    def lines(self) -> list[Seen]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines(keepends=False)]

    async def until(self, fits: Callable[["Record"], bool]) -> None:
        """Wait until the record is as wanted."""
        await until(lambda: fits(self), what=lambda: f"record: {self.lines()}")

    def changes(self) -> list[str]:
        return [one for page in self.all("changes") for one in page]


async def until(fits: Callable[[], bool], *, what: Callable[[], str] = lambda: "it never came true") -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not fits():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(what()) from None
