"""What the provider keeps on disk: JSON records under (kind, key) in SQLite, written in groups, safe against kill -9.

Knows nothing of payments. An answer may be sent once `committed()` has returned.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

type Key = tuple[str, str]
type Record = dict[str, object]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key))"
)
# Nobody else may serve the same file: each would overwrite what the other was told.
_PRAGMAS = ("PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
_PUT = (
    "INSERT INTO records (kind, key, body) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
)


class DataInUse(Exception):
    """The file belongs to another process."""


class Store:
    """One writer thread; whatever arrives while a commit is under way goes into the next one (group commit)."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        try:
            for statement in (*_PRAGMAS, _SCHEMA):
                self._database.execute(statement)
        except sqlite3.OperationalError as exc:
            self._database.close()
            raise DataInUse(f"{path} cannot be opened ({exc}): is it in use by another local provider?") from exc
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="provider-store")
        self._waiting: dict[Key, str] = {}
        self._next_commit: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None

    def load(self) -> Iterator[tuple[str, str, Record]]:
        """Every record in the order of its first writing."""
        for kind, key, body in self._database.execute("SELECT kind, key, body FROM records ORDER BY rowid"):
            yield kind, key, json.loads(body)

    def put(self, records: Mapping[Key, Record]) -> None:
        self._waiting.update({(kind, _writable(key)): json.dumps(record) for (kind, key), record in records.items()})

    async def committed(self) -> None:
        """Returns when everything put so far is on disk.

        Raises sqlite3.Error when it could not be written; the next call tries again.
        """
        if self._waiting and self._next_commit is None:
            self._next_commit = asyncio.create_task(self._commit_after(self._under_way))
        commit = self._next_commit or self._under_way
        if commit is not None:
            await asyncio.shield(commit)  # one caller that gives up must not take the others' commit with it

    async def close(self) -> None:
        await self.committed()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._database.close)
        self._writer.shutdown()

    async def _commit_after(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._next_commit, self._under_way = None, asyncio.current_task()
        batch, self._waiting = self._waiting, {}
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, batch)
        except BaseException:
            self._waiting = batch | self._waiting
            raise
        finally:
            if self._under_way is asyncio.current_task():
                self._under_way = None

    def _write(self, batch: Mapping[Key, str]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(_PUT, [(kind, key, body) for (kind, key), body in batch.items()])
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


def _writable(key: str) -> str:
    """Callers may send half a surrogate pair, which SQLite cannot write. The record itself has it escaped, as JSON."""
    return key.encode(errors="backslashreplace").decode()
