"""Services of the local platform as children of a process that has imported them, and run nothing.

The imports are most of what a start costs, and the tests start some hundreds. `make conformance` forks nothing; nor is
what tests start by a command line (tests/local/test_up.py, the unzipped package, the command of the README).
"""

import asyncio
import contextlib
import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.forks_imported"])
_PROGRAM = [sys.executable, "-m", "local"]
_SERVICES = {"cosmos", "servicebus", "provider", "host"}
_spawned = asyncio.create_subprocess_exec


def install() -> None:
    """From now on what asyncio is told to start is forked where it is one of the services, and its output is read."""
    asyncio.create_subprocess_exec = _started  # type: ignore[assignment]


async def _started(*words: str, **options: Any) -> "asyncio.subprocess.Process | Forked":
    is_read = options.get("stdout") == options.get("stderr") == asyncio.subprocess.PIPE
    if not is_read or list(words[:3]) != _PROGRAM or words[3] not in _SERVICES:
        return await _spawned(*words, **options)
    return await Forked.start(Command(words, Path(options["cwd"]), dict(options["env"]), options.get("pass_fds", ())))


@dataclass(frozen=True, slots=True)
class Command:
    """What a service is started with. shared: descriptors that it inherits under the same numbers."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    shared: Sequence[int]

    def run(self, standard: Sequence[Connection], shared: Sequence[Connection]) -> None:
        """In the child: become what a fresh interpreter with this command is, and do not return."""
        from local.__main__ import main

        with contextlib.suppress(PermissionError):  # is a leader already
            os.setsid()
        for number, pipe in enumerate(standard):
            os.dup2(pipe.fileno(), number)
        for number, given in zip(self.shared, shared, strict=True):
            os.dup2(given.fileno(), number)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(open(number, "wb", 0, closefd=False), write_through=True)  # noqa: SIM115
            for number in (1, 2)
        )
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.dont_write_bytecode = bool(self.environment.get("PYTHONDONTWRITEBYTECODE"))
        sys.argv, sys.orig_argv = list(self.words[2:]), list(self.words)
        sys.exit(main(self.words[3:]))


class Forked:
    """A forked service, in the shape of asyncio.subprocess.Process."""

    def __init__(self, child: ForkServerProcess) -> None:
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._child = child
        self._ended = asyncio.Event()
        assert child.pid is not None
        self.pid = child.pid
        asyncio.get_running_loop().add_reader(child.sentinel, self._note_end)

    @classmethod
    async def start(cls, command: Command) -> "Forked":
        theirs, ours = zip(os.pipe(), os.pipe()[::-1], os.pipe()[::-1], strict=True)
        lent = [Connection(number) for number in theirs]
        shared = [Connection(os.dup(number)) for number in command.shared]
        child = _SERVER.Process(target=command.run, args=(lent, shared), daemon=True)
        try:
            await asyncio.to_thread(child.start)
        finally:
            for pipe in (*lent, *shared):
                pipe.close()
        forked = cls(child)
        await forked._connect(*ours)
        return forked

    async def _connect(self, stdin: int, stdout: int, stderr: int) -> None:
        loop = asyncio.get_running_loop()
        for number, reader in ((stdout, self.stdout), (stderr, self.stderr)):
            await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), os.fdopen(number, "rb", 0))
        transport, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(stdin, "wb", 0))
        self.stdin = asyncio.StreamWriter(transport, flow, None, loop)

    def _note_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._child.sentinel)
        self.returncode = self._child.exitcode
        self._child.close()
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
