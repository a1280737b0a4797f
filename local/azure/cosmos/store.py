"""The SQLite tables, and every statement on them. Decides nothing: the rules stand in state.py, feed.py and queries.py.

A property that is looked for has an index, made when that is done for the first time. Items keep `number` for life,
which is the order of queries; `lsn` and `seq` move with each write, which is the order of the change feed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from local.azure.cosmos.expressions import Lookup
from local.base.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS databases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL, id TEXT NOT NULL,
    ranges INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (database, id));
CREATE TABLE IF NOT EXISTS ranges (
    container INTEGER NOT NULL, range INTEGER NOT NULL, lsn INTEGER NOT NULL, PRIMARY KEY (container, range));
CREATE TABLE IF NOT EXISTS items (
    container INTEGER NOT NULL, range INTEGER NOT NULL, number INTEGER NOT NULL, pk TEXT NOT NULL, epk TEXT NOT NULL,
    id TEXT NOT NULL, lsn INTEGER NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL,
    expires INTEGER, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS item_key ON items (container, pk, id);
CREATE UNIQUE INDEX IF NOT EXISTS item_order ON items (container, range, number);
CREATE UNIQUE INDEX IF NOT EXISTS item_feed ON items (container, range, lsn, seq);
CREATE INDEX IF NOT EXISTS item_expiry ON items (container, expires) WHERE expires IS NOT NULL;
"""
_LOOKUPS = "lookup"
"""The first part of the name of each index of a property."""
_COLUMNS = "range, number, pk, epk, id, lsn, seq, ts, etag, expires, body"


class Row(NamedTuple):
    """One stored item. `body` is the JSON text that is answered, system properties included."""

    range: int
    number: int
    pk: str
    epk: str
    id: str
    lsn: int
    seq: int
    ts: int
    etag: str
    expires: int | None
    body: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Which items a query or a feed looks at: one logical partition, or a stretch of the key space.

    lookup: of a stretch only what an index finds.
    """

    container: int
    now: int
    pk: str | None = None
    range: int | None = None
    low: str = ""
    high: str = "FF"
    lookup: Lookup | None = None

    def condition(self) -> tuple[str, list[str | int]]:
        """SQL over the living items of the scope, and its parameters."""
        clauses, values = ["container = ?", "(expires IS NULL OR expires > ?)"], [self.container, self.now]
        parameters: list[str | int] = [*values]
        for clause, value in (("pk = ?", self.pk), ("range = ?", self.range)):
            if value is not None:
                clauses.append(clause)
                parameters.append(value)
        if self.low or self.high != "FF":
            clauses.append("epk >= ? AND epk < ?")
            parameters += [self.low, self.high]
        return " AND ".join(clauses), parameters


class Store:
    """The statements. Each write belongs into `atomic()`; what is durable is decided by whoever commits."""

    def __init__(self, path: Path | str) -> None:
        """Raises DataInUse."""
        self.database = Database(path, owner="local Cosmos DB", schema=_SCHEMA)
        self._run = self.database.connection.execute

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All of it or nothing of it, inside whatever transaction is open."""
        self._run("SAVEPOINT request")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK TO request")
            raise
        finally:
            self._run("RELEASE request")

    # databases and containers

    def add_database(self, name: str) -> int | None:
        """The number of the new database, None when the name is taken."""
        found = self._run(
            "INSERT INTO databases (id, body) VALUES (?, '') ON CONFLICT DO NOTHING RETURNING number", [name]
        )
        row = found.fetchone()
        return None if row is None else int(row[0])

    def describe_database(self, number: int, body: str) -> None:
        self._run("UPDATE databases SET body = ? WHERE number = ?", [body, number])

    def databases(self) -> list[tuple[int, str, str]]:
        return self._run("SELECT number, id, body FROM databases ORDER BY number").fetchall()

    def drop_database(self, number: int) -> None:
        for container in self._run("SELECT number FROM containers WHERE database = ?", [number]).fetchall():
            self.drop_container(container[0])
        self._run("DELETE FROM databases WHERE number = ?", [number])

    def add_container(self, database: int, name: str, *, ranges: int) -> int | None:
        """The number of the new container, None when the name is taken."""
        row = self._run(
            "INSERT INTO containers (database, id, ranges, body) VALUES (?, ?, ?, '') "
            "ON CONFLICT DO NOTHING RETURNING number",
            [database, name, ranges],
        ).fetchone()
        if row is None:
            return None
        self.database.connection.executemany(
            "INSERT INTO ranges VALUES (?, ?, 0)", [(row[0], number) for number in range(ranges)]
        )
        return int(row[0])

    def describe_container(self, number: int, body: str) -> None:
        self._run("UPDATE containers SET body = ? WHERE number = ?", [body, number])

    def containers(self) -> list[tuple[int, int, str, int, str]]:
        return self._run("SELECT number, database, id, ranges, body FROM containers ORDER BY number").fetchall()

    def drop_container(self, number: int) -> None:
        for table, column in (("items", "container"), ("ranges", "container"), ("containers", "number")):
            self._run(f"DELETE FROM {table} WHERE {column} = ?", [number])
        lookups = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB ?"
        for (name,) in self._run(lookups, [f"{_LOOKUPS}_{number}_*"]).fetchall():
            self._run(f"DROP INDEX {name}")

    # log sequence numbers

    def next_lsn(self, container: int, range_id: int) -> int:
        row = self._run(
            "UPDATE ranges SET lsn = lsn + 1 WHERE container = ? AND range = ? RETURNING lsn", [container, range_id]
        ).fetchone()
        return int(row[0])

    def lsns(self, container: int) -> dict[int, int]:
        """The last log sequence number of each physical partition."""
        return dict(self._run("SELECT range, lsn FROM ranges WHERE container = ?", [container]).fetchall())

    # items

    def item(self, container: int, *, pk: str, item: str) -> Row | None:
        row = self._run(
            f"SELECT {_COLUMNS} FROM items WHERE container = ? AND pk = ? AND id = ?", [container, pk, item]
        ).fetchone()
        return None if row is None else Row._make(row)

    def put(self, container: int, row: Row) -> None:
        """Insert the item, or put it in the place of its earlier version."""
        self._run(
            f"INSERT INTO items (container, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT (container, pk, id) DO UPDATE SET lsn = excluded.lsn, seq = excluded.seq, ts = excluded.ts, "
            "etag = excluded.etag, expires = excluded.expires, body = excluded.body",
            [container, *row],
        )

    def remove(self, container: int, row: Row) -> None:
        self._run("DELETE FROM items WHERE container = ? AND pk = ? AND id = ?", [container, row.pk, row.id])

    def remove_expired(self, container: int, now: int) -> None:
        self._run("DELETE FROM items WHERE container = ? AND expires <= ?", [container, now])

    def count(self, scope: Scope, *, up_to: int) -> int:
        """How many living items the scope has; `up_to` when there are more."""
        source, condition, parameters = self._within(scope)
        some = f"SELECT 1 FROM {source} WHERE {condition} LIMIT ?"
        return int(self._run(f"SELECT COUNT(*) FROM ({some})", [*parameters, up_to]).fetchone()[0])

    def scan(
        self, scope: Scope, *, after: tuple[int, int] | None = None, containing: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The living items of the scope in the order in which they came to be, per physical partition.

        containing: only those in whose JSON text all of these stand.
        """
        source, condition, parameters = self._within(scope)
        condition += " AND instr(body, ?)" * len(containing)
        parameters += containing
        if after is not None:
            condition += " AND (range, number) > (?, ?)"
            parameters += after
        found = self._run(f"SELECT {_COLUMNS} FROM {source} WHERE {condition} ORDER BY range, number", parameters)
        return map(Row._make, found)

    def _within(self, scope: Scope) -> tuple[str, str, list[str | int]]:
        """The table with the index to use, the condition, and its parameters."""
        condition, parameters = scope.condition()
        if scope.pk is not None:
            # Left alone, SQLite would rather walk the whole physical partition than sort one logical partition.
            return "items INDEXED BY item_key", condition, parameters
        if scope.lookup is None:
            return "items", condition, parameters
        # The number stands in the text: SQLite uses a partial index only where it can read that it may.
        path, texts, only = ".".join(scope.lookup.path), scope.lookup.texts, f"container = {scope.container}"
        name, place = f"{_LOOKUPS}_{scope.container}_{path.encode().hex()}", f"json_extract(body, '$.{path}')"
        self._run(f"CREATE INDEX IF NOT EXISTS {name} ON items ({place}, range, number) WHERE {only}")
        condition += f" AND {only} AND {place} IN ({', '.join('?' * len(texts))})"
        return f"items INDEXED BY {name}", condition, [*parameters, *texts]

    def changes(self, scope: Scope, *, after: int, since: int) -> Iterator[Row]:
        """The living items of one physical partition in the order of their last write."""
        condition, parameters = scope.condition()
        found = self._run(
            f"SELECT {_COLUMNS} FROM items WHERE {condition} AND lsn > ? AND ts >= ? ORDER BY lsn, seq",
            [*parameters, after, since],
        )
        return map(Row._make, found)
