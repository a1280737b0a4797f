"""The broker's records in SQLite. One writer thread; what arrives while a commit runs makes up the next one.

Knows nothing of the rules: it writes records, and reads them back at the start.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from local.azure.servicebus.journal import (
    DropBody,
    DropEntry,
    Forget,
    NextNumber,
    PutBody,
    PutEntry,
    Record,
    Remember,
)

_LOG = logging.getLogger(__name__)
_SCHEMA = """
create table if not exists body (body_id integer primary key, payload blob not null);
create table if not exists entry (
    entry_id integer primary key, queue text not null, sequence_number integer not null, body_id integer not null,
    enqueued_ms integer not null, state integer not null, expires_ms integer, scheduled_ms integer,
    delivery_count integer not null, arrived_count integer not null, hops integer not null,
    enqueued_sequence_number integer not null, reason text, description text, source text);
create table if not exists seen (
    topic text not null, message_id text not null, at_ms integer not null, primary key (topic, message_id));
create index if not exists seen_at on seen (topic, at_ms);
create table if not exists next_number (queue text primary key, sequence_number integer not null);
"""

# Within one commit the kinds go one after another: ids are never used again, so what is dropped was put before.
_STATEMENTS: dict[type[Record], str] = {
    PutBody: "insert into body values (?, ?)",
    PutEntry: f"insert or replace into entry values ({', '.join('?' * len(PutEntry._fields))})",
    DropEntry: "delete from entry where entry_id = ?",
    DropBody: "delete from body where body_id = ?",
    Forget: "delete from seen where topic = ? and at_ms < ?",
    Remember: "insert or replace into seen values (?, ?, ?)",
    NextNumber: "insert or replace into next_number values (?, ?)",
}


@dataclass(slots=True)
class Snapshot:
    """All that was durable when the broker started."""

    bodies: dict[int, bytes] = field(default_factory=dict)
    entries: list[PutEntry] = field(default_factory=list)
    seen: list[Remember] = field(default_factory=list)
    next_numbers: dict[str, int] = field(default_factory=dict)


class FolderTaken(Exception):
    """Another broker has the file."""


class Store:
    """One file, held exclusively: a second broker on the same folder fails at its start."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servicebus-store")
        self._records: list[Record] = []
        self._durable: asyncio.Future[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        try:
            self._prepare()
        except sqlite3.OperationalError as exc:
            self._db.close()
            raise FolderTaken(f"{path} is locked: another local Service Bus works on it") from exc

    def _prepare(self) -> None:
        for pragma in (
            "locking_mode = exclusive",
            "journal_mode = wal",
            "synchronous = full",
            "wal_autocheckpoint = 4000",
        ):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(_SCHEMA)

    def load(self) -> Snapshot:
        """Read everything, by sequence number within a queue, message ids oldest first."""
        entries = self._db.execute("select * from entry order by queue, sequence_number")
        seen = self._db.execute("select * from seen order by at_ms, rowid")
        return Snapshot(
            bodies=dict(self._db.execute("select body_id, payload from body")),
            entries=[PutEntry(*row) for row in entries],
            seen=[Remember(*row) for row in seen],
            next_numbers=dict(self._db.execute("select queue, sequence_number from next_number")),
        )

    def commit(self, records: Iterable[Record]) -> asyncio.Future[None]:
        """Done when these records, and all that were given before, are durable.

        After a failed write every later commit fails too: memory is ahead of the file, only a restart mends it.
        """
        if self._durable is None:
            self._durable = asyncio.get_running_loop().create_future()
            self._durable.add_done_callback(_retrieve)
        self._records.extend(records)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_groups())
        return self._durable

    async def _write_groups(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._durable is not None:
                durable, records = self._durable, self._records
                self._durable, self._records = None, []
                await self._write_group(loop, records)
                _finish(durable, self._broken)
        finally:
            self._writing = None

    async def _write_group(self, loop: asyncio.AbstractEventLoop, records: list[Record]) -> None:
        if self._broken is not None or not records:
            return
        try:
            await loop.run_in_executor(self._writer, self._write, records)
        except Exception as exc:  # noqa: BLE001 - whatever it is, these records are not in the file and memory has them
            _LOG.critical("store.broken", extra={"reason": str(exc), "records": len(records)})
            self._broken = exc

    def _write(self, records: Sequence[Record]) -> None:
        by_kind: dict[type[Record], list[Record]] = {}
        for record in records:
            by_kind.setdefault(type(record), []).append(record)
        self._db.execute("begin immediate")
        try:
            for kind, statement in _STATEMENTS.items():
                self._db.executemany(statement, _last_of_each(by_kind.get(kind, ())))
            self._db.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("rollback")
            raise

    async def drain(self) -> None:
        """Wait for the writing that is under way."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Finish the writing that is under way and let the file go."""
        await self.drain()
        self._writer.shutdown()
        self._db.close()


def _last_of_each(records: Sequence[Record]) -> Iterable[Record]:
    """Of the next numbers of one queue only the last counts; everything else is written as it is."""
    if records and isinstance(records[0], NextNumber):
        return {record[0]: record for record in records}.values()
    return records


def _finish(durable: asyncio.Future[None], broken: Exception | None) -> None:
    if durable.done():
        return
    if broken is None:
        durable.set_result(None)
    else:
        durable.set_exception(broken)


def _retrieve(durable: asyncio.Future[None]) -> None:
    """Nobody may be waiting for this group: its failure is told to whoever comes next."""
    if not durable.cancelled():
        durable.exception()
