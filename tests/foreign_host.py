"""`python -m tests.foreign_host`: the Functions host that the command in E2E_HOST starts, as the platform's own host.

The command is run in a folder with what ships of the app and a local.settings.json, `--port N` appended: so it may be
Core Tools' `func start`. Knows of that host only that /api/health answers when its functions are loaded.
"""

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import shlex
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import aiohttp

from infra.package import own_content
from local.base.serving import STOP_WITH_STDIN, serve
from local.descendants import descendants, kill_with_descendants, orphans, tell

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "local.settings.sample.json"
COMMAND, FOLDER = "E2E_HOST", "E2E_HOST_FOLDER"
STOPS_WITHIN_S = 50.0
PR_SET_CHILD_SUBREAPER = 36  # man 2 prctl
LOOK_S = 0.1


class HostEnded(Exception):
    """The command has ended before its host answered."""


class NoCommand(Exception):
    """The switch names no program."""


class ForeignHost:
    """The command and what it has started, until all of it has ended."""

    def __init__(self, command: asyncio.subprocess.Process, *, port: int) -> None:
        self.port = port
        self.has_died = False
        self._command = command
        self._starter = os.getppid()
        self._watching: asyncio.Task[None] | None = None
        self._told: set[int] = set()

    @classmethod
    async def start(cls, command: Sequence[str], folder: Path, *, port: int) -> "ForeignHost":
        """Returns when it answers. Raises HostEnded, OSError."""
        app, scratch = folder / "app", folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        lay_out(app, os.environ)
        process = await asyncio.create_subprocess_exec(
            *command,
            "--port",
            str(port),
            cwd=app,
            env=environment(scratch, os.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,  # whose last lines the platform shows; on ours it would listen for `ready`
        )
        host = cls(process, port=port)
        try:
            await host._until_it_answers()
        except BaseException:
            await host.close()
            raise
        host._watching = asyncio.create_task(host._watch())
        return host

    async def close(self) -> None:
        """SIGTERM, and SIGKILL to all that is left at the limit, or as soon as nobody waits for us any more.

        Whoever outlives its parent is told as well: the `func` of npm passes no signal on. Nothing outlives us, unless
        SIGKILL hits us and not our descendants; the platform kills both.
        """
        if self._watching:
            self._watching.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOPS_WITHIN_S):
                while (family := descendants(os.getpid())) and os.getppid() == self._starter:
                    self._tell_to_stop(orphans(family))
                    await asyncio.sleep(LOOK_S)
        for pid in orphans(descendants(os.getpid())):
            kill_with_descendants(pid)

    def _tell_to_stop(self, pids: Collection[int]) -> None:
        """Once: a second SIGTERM may mean more haste."""
        tell(set(pids) - self._told, signal.SIGTERM)
        self._told |= set(pids)

    async def _watch(self) -> None:
        """A host that dies takes us with it, so that the platform sees it."""
        await self._command.wait()
        self.has_died = True
        os.kill(os.getpid(), signal.SIGTERM)

    async def _until_it_answers(self) -> None:
        url = f"http://127.0.0.1:{self.port}/api/health"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while not await _answers(http, url):
                if self._command.returncode is not None:
                    raise HostEnded(f"{COMMAND} ended with exit code {self._command.returncode}")
                await asyncio.sleep(LOOK_S)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def lay_out(folder: Path, environ: Mapping[str, str]) -> None:
    """The app as it ships, and the sample's settings with the values of this platform.

    Settings that the sample does not name come by the environment alone, which hosts hand on and prefer: names with a
    dot (AzureWebJobs.NAME.Disabled) are more than a shell script can export.
    """
    for name, content in own_content(ROOT, build_id="development").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sample: dict[str, str] = json.loads(SAMPLE.read_text())["Values"]
    values = {name: environ.get(name, value) for name, value in sample.items()}
    (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}, indent=2))


def environment(scratch: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the Python of these tests as the active one; what a killed host leaves in a temporary folder stays in
    that of the test.
    """
    python = Path(sys.executable).parent
    ours = {
        "PATH": f"{python}{os.pathsep}{environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(python.parent),
        "TMPDIR": str(scratch),
    }
    return {name: value for name, value in environ.items() if name != STOP_WITH_STDIN} | ours


def words(command: str) -> list[str]:
    """A program that is named by its path is found from any folder. Raises NoCommand."""
    try:
        program, *arguments = shlex.split(command)
    except ValueError as exc:  # nothing, or a quote that is not closed
        raise NoCommand(f"{COMMAND}={command!r} is no command: name a program, with every quote closed") from exc
    return [str(Path(program).absolute()) if os.sep in program else program, *arguments]


def adopt_orphans() -> None:
    """Whoever loses its parent becomes our child and stays our descendant. Other systems than Linux have no such call:
    there, what a command leaves behind that passes no signal on or crashes has to be ended by hand.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.foreign_host", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_known_args()[0].port
    hosts: list[ForeignHost] = []

    async def start() -> ForeignHost:
        command, folder = words(os.environ[COMMAND]), Path(os.environ[FOLDER])
        hosts.append(await ForeignHost.start(command, folder, port=port))
        return hosts[0]

    adopt_orphans()
    try:
        code = serve("host", start, port=port)
    except NoCommand as fault:
        print(fault, file=sys.stderr)
        return 1
    except (HostEnded, OSError) as fault:
        print(f"{COMMAND}={os.environ[COMMAND]}: {fault}", file=sys.stderr)
        return 1
    return 1 if hosts and hosts[0].has_died else code


if __name__ == "__main__":
    sys.exit(main())
