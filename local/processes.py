"""One service as a process of our own: start it, hear that it is ready, keep its last words, stop or kill it.

Knows nothing of what a service does. A child dies with us: its standard input is a pipe that closes when we end.
"""

import asyncio
import collections
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.base.serving import STOP_WITH_STDIN
from local.descendants import gone, kill_with_descendants

_LAST_LINES = 20
_PIPES_CLOSE_WITHIN_S = 2.0
_KILLED_ARE_GONE_WITHIN_S = 10.0


class ServiceDied(Exception):
    """A service ended that should be running. `was_ready`: whether it had answered before."""

    def __init__(self, name: str, *, exit_code: int, was_ready: bool, last_words: str, log: Path) -> None:
        how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
        self.what = f"{name} {how}"
        super().__init__(_report(self.what, last_words, log=log))
        self.name = name
        self.was_ready = was_ready
        self.last_words = last_words


class NotReady(Exception):
    """A service lives but has not said that it is ready."""

    def __init__(self, name: str, *, limit_s: float, last_words: str, log: Path) -> None:
        super().__init__(_report(f"{name} was not ready within {limit_s:g} s", last_words, log=log))


def _report(what: str, last_words: str, *, log: Path) -> str:
    return "\n".join([f"{what}:" if last_words else what, *last_words.splitlines(), f"all that it wrote: {log}"])


@dataclass(frozen=True, slots=True)
class Command:
    """How a service is started. What it writes is appended to `log`; `shared` are descriptors that it inherits."""

    name: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    shared: Sequence[int] = ()


class Child:
    """A process that was started, until it has ended."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, *, log: Path) -> None:
        self.name = name
        self._log = log
        self._process = process
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._last_lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._life = asyncio.create_task(self._live(log))

    @classmethod
    async def start(cls, command: Command) -> "Child":
        command.log.parent.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            cwd=command.folder,
            env={**command.environment, STOP_WITH_STDIN: "1", "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=command.shared,
            start_new_session=True,  # Ctrl-C is for us: we stop the children in order
        )
        return cls(command.name, process, log=command.log)

    async def ready(self, limit_s: float | None) -> int:
        """The port on which it answers. Raises ServiceDied, NotReady; without a limit it waits as long as it lives."""
        either: list[asyncio.Future[Any]] = [self._ready, self._life]
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            return self._ready.result()
        if self._life.done():
            raise self._death()
        raise NotReady(self.name, limit_s=limit_s or 0.0, last_words=self.last_words, log=self._log)

    async def death(self) -> ServiceDied:
        """Returns when the process has ended, however it came."""
        await asyncio.shield(self._life)
        return self._death()

    async def stop(self, limit_s: float) -> None:
        """SIGTERM, and SIGKILL when that does not end it in time."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait([self._life], timeout=limit_s)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL, also to what it has started; returns when all are gone."""
        if self.is_running:
            async with asyncio.timeout(_KILLED_ARE_GONE_WITHIN_S):
                await gone(kill_with_descendants(self.pid) - {self.pid})
        await asyncio.shield(self._life)

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._last_lines)

    def _death(self) -> ServiceDied:
        exit_code = self._process.returncode or 0
        return ServiceDied(
            self.name,
            exit_code=exit_code,
            was_ready=self._ready.done(),
            last_words=self.last_words,
            log=self._log,
        )

    async def _live(self, log: Path) -> None:
        """Reads what the process writes until it has ended."""
        readers = [asyncio.create_task(self._listen(log)), asyncio.create_task(self._hear_errors(log))]
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        # a grandchild may hold the pipes open
        _, late = await asyncio.wait(readers, timeout=_PIPES_CLOSE_WITHIN_S)
        for reader in late:
            reader.cancel()

    async def _listen(self, log: Path) -> None:
        async for line in _lines(self._process.stdout, log):
            match line.split():
                case ["ready", _, port] if port.isdecimal() and not self._ready.done():
                    self._ready.set_result(int(port))

    async def _hear_errors(self, log: Path) -> None:
        async for line in _lines(self._process.stderr, log):
            self._last_lines.append(line)


async def _lines(stream: asyncio.StreamReader | None, log: Path) -> AsyncIterator[str]:
    """Lines of any length, as they come; each chunk goes to the log first."""
    rest = b""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        while stream is not None and (chunk := await stream.read(65_536)):
            with contextlib.suppress(OSError):  # a full disk must not stop the service, whose pipe would fill up next
                os.write(descriptor, chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").rstrip("\r")
    finally:
        os.close(descriptor)
    if rest:
        yield rest.decode(errors="replace")
