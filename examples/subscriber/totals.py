"""What was taken and given back per day and currency, from events that come twice, late and in any order.

The newest version of a payment says all that is known of it, so each event replaces what an older one has said, and an
older one changes nothing. Both are one transaction: whoever dies between, or hears the event again, has counted once.
Knows no broker and no HTTP.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

type Json = dict[str, Any]

SCHEMA = """
create table if not exists seen (event_id text not null primary key);
create table if not exists payment (payment_id text not null primary key, version integer not null);
create table if not exists movement (
    payment_id text not null, day text not null, currency text not null, amount_minor integer not null);
create index if not exists movement_of on movement (payment_id);
"""


LARGEST = 2**53 - 1
"""As large as a number of JSON may be for every reader."""


@dataclass(frozen=True, slots=True)
class Total:
    """Of one day (UTC) in one currency, in minor units. payments: how many were settled that day."""

    day: str
    currency: str
    payments: int
    settled_minor: int
    refunded_minor: int


class NoEvent(ValueError):
    """The message is no event of a payment; the text says why."""


class Totals:
    """The totals in one SQLite file. In Azure several instances run at once: give them one database, such as Azure SQL
    or PostgreSQL. The statements are plain, and each event is one transaction there too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as database:
            database.executescript(SCHEMA)

    def count(self, event: Json) -> bool:
        """Whether it told something new. Raises NoEvent, and sqlite3.OperationalError while the file cannot be had."""
        try:
            event_id, payment = event["id"], event["data"]
            payment_id, version = payment["payment_id"], int(payment["version"])
            movements = list(_movements(payment))
            if not all(isinstance(each, str) and each for each in (event_id, payment_id, payment["currency"])):
                raise ValueError("an id or the currency is no text")
            if max(version, *(abs(amount) for _, _, amount in movements), 0) > LARGEST:
                raise ValueError("a number is too large")
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise NoEvent(f"no event of a payment: {exc!r}") from exc
        with self._transaction() as database:
            if not database.execute("insert or ignore into seen values (?)", [event_id]).rowcount:
                return False
            newest = database.execute("select version from payment where payment_id = ?", [payment_id]).fetchone()
            if newest and newest[0] >= version:
                return False
            database.execute("insert or replace into payment values (?, ?)", [payment_id, version])
            database.execute("delete from movement where payment_id = ?", [payment_id])
            database.executemany(
                "insert into movement values (?, ?, ?, ?)", [(payment_id, *each) for each in movements]
            )
        return True

    def all(self) -> list[Total]:
        """The newest day first."""
        with self._transaction() as database:
            rows = database.execute(
                "select day, currency, sum(amount_minor > 0), sum(max(amount_minor, 0)), -sum(min(amount_minor, 0))"
                " from movement group by day, currency order by day desc, currency"
            )
            return [Total(*row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own each time: functions run in threads."""
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as database:
            database.execute("pragma journal_mode = wal")
            database.execute("begin immediate")
            try:
                yield database
            except BaseException:
                database.rollback()
                raise
            if database.in_transaction:
                database.commit()


def _movements(payment: Json) -> Iterator[tuple[str, str, int]]:
    """Day, currency, amount: what was taken, and below zero what was given back."""
    if "settled" in payment:
        yield _day(payment["settled"]["at"]), payment["currency"], int(payment["amount_minor"])
    for refund in payment.get("refunds", ()):
        if "refunded" in refund:
            yield _day(refund["refunded"]["at"]), payment["currency"], -int(refund["amount_minor"])


def _day(at: str) -> str:
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(f"{at} has no offset")
    return moment.astimezone(UTC).date().isoformat()
