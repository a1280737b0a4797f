"""The local host as a process of its own, and what the functions of its sample app did, for tests named test_host_*."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local import process_support
from tests.local.process_support import LocalProcess
from tests.waiting import until

APPS = Path(__file__).parent / "apps"
QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Leaves no bytecode in the folders of the apps."""

type Seen = dict[str, Any]


async def spawn(app: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> LocalProcess:
    """Start the host on an app folder, with these settings in its environment; it may not be ready yet."""
    return await process_support.spawn("host", "--app", str(app), *arguments, settings={**QUIET, **(settings or {})})


@asynccontextmanager
async def running_host(
    app: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[LocalProcess]:
    """A host that is ready, and gone at the end whatever happens."""
    given = {**QUIET, **(settings or {})}
    async with process_support.running("host", "--app", str(app), *arguments, settings=given) as host:
        yield host


@dataclass(frozen=True)
class Record:
    """What the functions of the sample app wrote to a file."""

    path: Path

    def all(self, key: str) -> list[Any]:
        """The values under `key`, oldest first."""
        return [line[key] for line in self.lines() if key in line]

    def lines(self) -> list[Seen]:
        """Those that are whole: the functions may be writing the last one."""
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    async def until(self, fits: Callable[["Record"], bool]) -> None:
        """Wait until the record is as wanted."""
        await until(lambda: fits(self), what=lambda: f"record: {self.lines()}")

    def changes(self) -> list[str]:
        return [one for page in self.all("changes") for one in page]
