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
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.local.terminal import Run

EXAMPLES = Path(__file__).parents[2] / "examples"
LOOK_AGAIN_S = 0.05


@dataclass
class Receiver(ABC):
    """One of the examples. folder: of its own data."""

    folder: Path
    program: Path
    """Where its code is, with all that it needs."""
    port: int = 0

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

    @abstractmethod
    def blind(self) -> None:
        """From now on it can keep what it is told, and cannot read what it has not acted on yet."""

    @abstractmethod
    def unblind(self) -> None: ...

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

    @contextlib.asynccontextmanager
    async def unread(self, secrets: str, *, port: int) -> AsyncIterator["Running"]:
        """As `running`, and nobody reads what it prints."""
        nobody, printed = os.pipe()
        os.close(nobody)
        self.port = port
        process = await asyncio.create_subprocess_exec(
            *self.command, env={**os.environ, "WEBHOOK_SECRETS": secrets}, stdout=printed, stderr=printed
        )
        os.close(printed)
        try:
            await _answers(port)
            yield Running(Run(process), f"http://127.0.0.1:{port}/notifications")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _answers(port: int) -> None:
    """The wait ends with the test's own limit."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(LOOK_AGAIN_S)
            continue
        writer.close()
        return


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
        return (
            sys.executable,
            str(self.program / "receiver.py"),
            "--port",
            str(self.port),
            "--database",
            str(self._database),
        )

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

    def blind(self) -> None:
        self._tell("ALTER TABLE inbox RENAME COLUMN acted_at TO elsewhere")

    def unblind(self) -> None:
        self._tell("ALTER TABLE inbox RENAME COLUMN elsewhere TO acted_at")

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


@dataclass
class Changed(Python):
    """lines: what its programmer has changed, as Python, with the program as `receiver`."""

    lines: str = field(kw_only=True)

    @property
    def command(self) -> Sequence[str]:
        interpreter, _, *options = super().command
        found = f"import sys; sys.path.insert(0, {str(self.program)!r}); import receiver"
        return interpreter, "-c", f"{found}\n{self.lines}\nsys.exit(receiver.main())", *options

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """While the block runs there is no file that could be opened."""
        elsewhere, nowhere = self.folder / "elsewhere", self.folder / "nowhere"
        elsewhere.hardlink_to(self._database)
        nowhere.symlink_to(self.folder / "no-folder" / "file")
        nowhere.replace(self._database)  # at once: between two steps the receiver would make an empty one
        yield
        elsewhere.replace(self._database)


class Node(Receiver):
    """Keeps each notification in a file of its own."""

    @property
    def command(self) -> Sequence[str]:
        return "node", str(self.program / "receiver.js"), "--port", str(self.port), "--folder", str(self.folder)

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

    def blind(self) -> None:
        (self.folder / "done").rename(self.folder / "elsewhere")

    def unblind(self) -> None:
        (self.folder / "elsewhere").rename(self.folder / "done")

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
