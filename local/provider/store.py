"""What the provider keeps on disk: JSON records under (kind, key) in SQLite, written in groups, safe against kill -9.

Knows nothing of payments. An answer may be sent once `committed()` has returned.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.base.commits import GroupCommit
from local.base.database import Database

type Key = tuple[str, str]
type Record = dict[str, object]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key))"
)
_PUT = (
    "INSERT INTO records (kind, key, body) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
)


class Store:
    """The records in one file. Raises DataInUse when another provider has it."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, owner="local provider", schema=_SCHEMA)
        self._commits = GroupCommit(self._write)
        self._waiting: dict[Key, str] = {}

    def load(self) -> Iterator[tuple[str, str, Record]]:
        """Every record in the order of its first writing."""
        for kind, key, body in self.database.connection.execute("SELECT kind, key, body FROM records ORDER BY rowid"):
            yield kind, key, json.loads(body)

    def put(self, records: Mapping[Key, Record]) -> None:
        self._waiting.update({(kind, _writable(key)): json.dumps(record) for (kind, key), record in records.items()})

    async def committed(self) -> None:
        """Returns when everything put so far is on disk.

        Raises sqlite3.Error when it could not be written; the next call tries again.
        """
        await asyncio.shield(self._commits.next())

    async def close(self) -> None:
        try:
            await self.committed()
        finally:
            await self.database.close()

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, {}
        if not batch:
            return
        rows = [(kind, key, body) for (kind, key), body in batch.items()]
        try:
            await self.database.write(lambda connection: connection.executemany(_PUT, rows))
        except BaseException:
            self._waiting = batch | self._waiting
            raise


def _writable(key: str) -> str:
    """Callers may send half a surrogate pair, which SQLite cannot write. The record itself has it escaped, as JSON."""
    return key.encode(errors="backslashreplace").decode()
