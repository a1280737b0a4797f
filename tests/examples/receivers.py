"""The receivers of examples/, started as a merchant would, and what a merchant can look at afterwards.

Knows no test. Each is a process that a test may kill.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.local.terminal import Run

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = ("--port", "0")


@dataclass
class Receiver(ABC):
    """One of the examples. folder: of its own data."""

    folder: Path
    program: Path
    """Where its code is, with all that it needs."""

    @property
    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def shipments(self) -> dict[str, str]:
        """References by payment, as often as they were shipped."""

    @abstractmethod
    def statuses(self) -> dict[str, str]:
        """By payment."""

    @abstractmethod
    def kept(self) -> int:
        """How many notifications were received."""

    @abstractmethod
    def acted_on(self) -> int: ...

    @abstractmethod
    def hold_up(self, payment_id: str) -> None:
        """From now on its work on this payment fails, while it goes on receiving."""

    @abstractmethod
    def let_go(self, payment_id: str) -> None:
        """What was held up goes on at the next start."""

    @contextlib.asynccontextmanager
    async def running(self, secrets: str) -> AsyncIterator["Running"]:
        """Until it is killed, or the block ends."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            env={**os.environ, "WEBHOOK_SECRETS": secrets},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        run = Run(process)
        try:
            said = await run.says("listening at ")
            yield Running(run, said.split("listening at ")[1].split()[0])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass
class Running:
    """A receiver at its address."""

    run: Run
    url: str

    async def kill(self) -> None:
        """kill -9."""
        self.run.process.kill()
        await self.run.process.wait()


class Python(Receiver):
    """Keeps all in one SQLite file."""

    @property
    def command(self) -> Sequence[str]:
        return sys.executable, str(self.program / "receiver.py"), *PORT, "--database", str(self._database)

    def shipments(self) -> dict[str, str]:
        return dict(self._asked("SELECT payment_id, reference FROM shipments"))

    def statuses(self) -> dict[str, str]:
        return dict(self._asked("SELECT payment_id, status FROM payments"))

    def kept(self) -> int:
        return len(self._asked("SELECT webhook_id, body FROM inbox"))

    def acted_on(self) -> int:
        return len(self._asked("SELECT webhook_id, body FROM inbox WHERE acted_at IS NOT NULL"))

    def hold_up(self, payment_id: str) -> None:
        self._tell(
            "CREATE TRIGGER held_up BEFORE INSERT ON payments"
            f" WHEN NEW.payment_id = '{payment_id}' BEGIN SELECT RAISE(ABORT, 'held up'); END"
        )

    def let_go(self, payment_id: str) -> None:
        ((_, held_up),) = self._asked("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        assert payment_id in held_up
        self._tell("DROP TRIGGER held_up")

    @property
    def _database(self) -> Path:
        return self.folder / "receiver.sqlite"

    def _asked(self, query: str) -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as database:
            return database.execute(query).fetchall()

    def _tell(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as database:
            database.execute(statement)
            database.commit()


class Node(Receiver):
    """Keeps each notification in a file of its own."""

    @property
    def command(self) -> Sequence[str]:
        return "node", str(self.program / "receiver.js"), *PORT, "--folder", str(self.folder)

    def shipments(self) -> dict[str, str]:
        return {path.stem: json.loads(path.read_text())["reference"] for path in self._files("shipments")}

    def statuses(self) -> dict[str, str]:
        return {path.stem: json.loads(path.read_text())["status"] for path in self._files("payments")}

    def kept(self) -> int:
        return len(self._files("inbox"))

    def acted_on(self) -> int:
        return len(self._files("done"))

    def hold_up(self, payment_id: str) -> None:
        (self.folder / "payments" / f"{payment_id}.json").mkdir()

    def let_go(self, payment_id: str) -> None:
        (self.folder / "payments" / f"{payment_id}.json").rmdir()

    def _files(self, kind: str) -> list[Path]:
        return [path for path in (self.folder / kind).glob("*.json") if path.is_file()]


def installed_node(folder: Path) -> Path | str:
    """A copy of the example with its dependencies as they are locked; else why there is none."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "Node.js and npm are not on this machine"
    source, program = EXAMPLES / "receiver-node", folder / "receiver-node"
    shutil.copytree(source, program, ignore=shutil.ignore_patterns("node_modules"))
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0")
    try:
        done = subprocess.run(
            ["npm", "ci", *options], cwd=program, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return "npm ci did not end within 60 s: it may have no way to its registry"
    return program if done.returncode == 0 else f"npm ci failed: {done.stderr[-500:]}"
