"""The walk-through of docs/operations.md: exactly its commands, on a running platform, say what it says they say."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from local.supervisor import ROOT, Platform
from ops.paths import LETTERS
from tests import hosts
from tests.waiting import until

PAGE = (ROOT / "docs" / "operations.md").read_text()
LIMIT_S = hosts.patient(90.0)


@dataclass(frozen=True)
class Command:
    """A command of the document and the lines it shows below it."""

    line: str
    shown: tuple[str, ...]


def documented() -> Iterator[Command]:
    """What stands in the blocks marked `console`, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE):
        for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = text.splitlines()
            yield Command(line, tuple(shown))


class Shell:
    """A shell whose variables last from one command to the next, with the ports of this platform."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self._platform = platform
        self._state = folder / "variables.sh"
        self._state.touch()

    async def run(self, line: str) -> str:
        """What the command prints, errors included."""
        here = line.replace("http://127.0.0.1:7071", self._platform.url)
        here = here.replace("http://127.0.0.1:7090", self._platform.provider_url)
        script = f". {self._state}\n{here}\nexport -p > {self._state}\nset | grep '^LETTER=' >> {self._state}\ntrue\n"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        return printed.decode()


def matches(printed: str, shown: tuple[str, ...]) -> bool:
    """Line by line; in the document `…` stands for any text, and alone on a line for any lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in shown
    )
    return re.fullmatch(pattern, printed) is not None


async def parked(platform: Platform) -> None:
    """Returns when a dead letter is open: it is recorded a moment after its payment is parked."""
    url = f"{platform.url}{LETTERS}?status=open"
    async with aiohttp.ClientSession() as http:

        async def is_open() -> bool:
            async with http.get(url) as response:
                return bool((await response.json())["dead_letters"])

        await until(is_open, limit_s=LIMIT_S, every_s=0.1)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_walk_through_of_the_document_is_what_happens(tmp_path: Path) -> None:
    commands = list(documented())
    assert len(commands) >= 10

    async with hosts.running(data=tmp_path / "data") as platform:
        shell = Shell(platform, tmp_path)
        for command in commands:
            printed = await shell.run(command.line)
            if "local pay" in command.line:
                await parked(platform)

            said = "\n".join(command.shown)
            assert matches(printed, command.shown), f"$ {command.line}\nsays:\n{printed}\nthe document says:\n{said}"
