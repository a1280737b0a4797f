"""What the local services stand on: one file that nobody else has, commits in groups."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local.base.commits import GroupCommit
from local.base.database import FSYNC, Database, DataInUse
from local.base.races import unless
from tests.waiting import until

FULL, OFF = 2, 0  # as SQLite numbers them
SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT NOT NULL UNIQUE)"
ADD = "INSERT INTO words VALUES (?)"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    database = Database(path, owner="local test", schema=SCHEMA)
    try:
        yield database
    finally:
        await database.close()


def words(database: Database) -> list[str]:
    return [word for (word,) in database.connection.execute("SELECT word FROM words ORDER BY rowid")]


class Writer:
    """Writes the pending words once `may_write` is set, and fails at the word `bad`."""

    def __init__(self) -> None:
        self.pending: list[str] = []
        self.groups: list[list[str]] = []
        self.may_write = asyncio.Event()
        self.commits = GroupCommit(self.write)

    def add(self, word: str) -> asyncio.Future[None]:
        self.pending.append(word)
        return self.commits.next()

    async def write(self) -> None:
        group, self.pending = self.pending, []
        self.groups.append(group)
        await self.may_write.wait()
        if "bad" in group:
            raise ValueError("bad")


async def under_way(writer: Writer) -> None:
    """Returns when the first group is being written."""
    await until(lambda: bool(writer.groups), limit_s=5)


async def test_what_is_ready_together_is_written_together() -> None:
    writer = Writer()
    writer.may_write.set()

    await asyncio.gather(*(writer.add(word) for word in ("a", "b", "c")))

    assert writer.groups == [["a", "b", "c"]]


async def test_what_comes_while_a_group_is_written_makes_up_the_next() -> None:
    writer = Writer()
    first = writer.add("a")
    await under_way(writer)

    second, third = writer.add("b"), writer.add("c")

    assert not first.done()
    writer.may_write.set()
    await asyncio.gather(first, second, third)
    assert writer.groups == [["a"], ["b", "c"]]


async def test_asking_with_nothing_new_waits_for_what_is_under_way() -> None:
    writer = Writer()
    first = writer.add("a")
    await under_way(writer)

    asked = writer.commits.next()
    writer.may_write.set()
    await asked

    assert first.done()


async def test_only_those_of_a_group_that_fails_hear_of_it() -> None:
    writer = Writer()
    bad = writer.add("bad")
    await under_way(writer)

    good = writer.add("good")
    writer.may_write.set()

    with pytest.raises(ValueError, match="bad"):
        await bad
    await good


async def test_one_that_stops_waiting_takes_nothing_from_the_others() -> None:
    writer = Writer()
    leaving, staying = asyncio.shield(writer.add("a")), asyncio.shield(writer.add("b"))

    leaving.cancel()
    writer.may_write.set()

    await staying
    assert writer.groups == [["a", "b"]]


async def test_draining_waits_for_all_that_was_asked_for() -> None:
    writer = Writer()
    asked = writer.add("a")
    writer.may_write.set()

    await writer.commits.drain()

    assert asked.done()


@pytest.mark.parametrize(
    ("told", "synchronous"), [(None, FULL), ("1", FULL), ("", FULL), ("0", OFF)], ids=["not told", "1", "nothing", "0"]
)
async def test_a_commit_is_synced_to_the_disk_unless_told_otherwise_and_the_file_is_ours_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, synchronous: int
) -> None:
    monkeypatch.delenv(FSYNC)
    if told is not None:
        monkeypatch.setenv(FSYNC, told)
    async with opened(tmp_path / "words.sqlite") as database:
        pragmas = {
            name: database.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "locking_mode")
        }

        assert pragmas == {"journal_mode": "wal", "synchronous": synchronous, "locking_mode": "exclusive"}


async def test_a_file_has_one_owner(tmp_path: Path) -> None:
    async with opened(tmp_path / "words.sqlite"):
        with pytest.raises(DataInUse, match=r"words\.sqlite cannot be opened .* in use by another local test"):
            Database(tmp_path / "words.sqlite", owner="local test", schema=SCHEMA)


async def test_a_write_that_fails_leaves_nothing_and_the_next_one_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "words.sqlite") as database:
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(lambda connection: connection.executemany(ADD, [("a",), ("a",)]))

        await database.write(lambda connection: connection.execute(ADD, ("b",)))

        assert words(database) == ["b"]


async def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "words.sqlite") as before:
        await before.write(lambda connection: connection.execute(ADD, ("a",)))

    async with opened(tmp_path / "words.sqlite") as after:
        assert words(after) == ["a"]


async def test_a_transaction_that_is_open_can_be_committed_or_taken_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "words.sqlite") as database:
        database.connection.execute("BEGIN")
        database.connection.execute(ADD, ("kept",))
        await database.commit()
        database.connection.execute("BEGIN")
        database.connection.execute(ADD, ("taken back",))
        database.rollback()
        database.rollback()

        assert words(database) == ["kept"]


async def test_work_is_given_up_when_the_event_comes_first_and_has_ended_then() -> None:
    told, ended = asyncio.Event(), asyncio.Event()

    async def works() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "done"

    racing = asyncio.create_task(unless(told, works()))
    await asyncio.sleep(0.01)
    told.set()

    assert await racing is None
    assert ended.is_set()


async def test_work_that_is_done_first_is_heard_and_so_is_its_failure() -> None:
    async def works(*, fails: bool) -> str:
        if fails:
            raise OSError("no")
        return "done"

    assert await unless(asyncio.Event(), works(fails=False)) == "done"
    with pytest.raises(OSError, match="no"):
        await unless(asyncio.Event(), works(fails=True))


async def test_work_ends_with_whoever_waits_for_it() -> None:
    ended = asyncio.Event()

    async def works() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    racing = asyncio.create_task(unless(asyncio.Event(), works()))
    await asyncio.sleep(0.01)
    racing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await racing
    assert ended.is_set()
