"""The broker's records in SQLite: written in groups, read back at the start. Knows nothing of the rules."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
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
    Snapshot,
)
from local.base.commits import GroupCommit
from local.base.database import Database

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


class Store:
    """The journal in one file. Raises DataInUse when another broker has it."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, owner="local Service Bus", schema=_SCHEMA)
        self.database.connection.execute("PRAGMA wal_autocheckpoint = 4000")
        self._commits = GroupCommit(self._write)
        self._records: list[Record] = []
        self._broken: Exception | None = None

    def load(self) -> Snapshot:
        """Read everything, by sequence number within a queue, message ids oldest first."""
        read = self.database.connection.execute
        entries = read("select * from entry order by queue, sequence_number")
        seen = read("select * from seen order by at_ms, rowid")
        return Snapshot(
            bodies=dict(read("select body_id, payload from body")),
            entries=[PutEntry(*row) for row in entries],
            seen=[Remember(*row) for row in seen],
            next_numbers=dict(read("select queue, sequence_number from next_number")),
        )

    def commit(self, records: Iterable[Record]) -> asyncio.Future[None]:
        """Done when these records, and all that were given before, are durable.

        After a failed write every later commit fails too: memory is ahead of the file, only a restart mends it.
        """
        self._records.extend(records)
        return self._commits.next()

    async def _write(self) -> None:
        records, self._records = self._records, []
        if self._broken is not None:
            raise self._broken
        if not records:
            return
        try:
            await self.database.write(partial(_apply, records))
        except Exception as exc:  # whatever it is, these records are not in the file and memory has them
            _LOG.critical("store.broken", extra={"reason": str(exc), "records": len(records)})
            self._broken = exc
            raise

    async def drain(self) -> None:
        """Wait for the writing that is under way."""
        await self._commits.drain()

    async def close(self) -> None:
        """Finish the writing that is under way and let the file go."""
        await self.drain()
        await self.database.close()


def _apply(records: Sequence[Record], connection: sqlite3.Connection) -> None:
    by_kind: dict[type[Record], list[Record]] = {}
    for record in records:
        by_kind.setdefault(type(record), []).append(record)
    for kind, statement in _STATEMENTS.items():
        connection.executemany(statement, _last_of_each(by_kind.get(kind, ())))


def _last_of_each(records: Sequence[Record]) -> Iterable[Record]:
    """Keep only the last of a queue's next numbers; write everything else as it is."""
    if records and isinstance(records[0], NextNumber):
        return {record[0]: record for record in records}.values()
    return records
