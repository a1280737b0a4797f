"""One SQLite file of one service: nobody else opens it, and what was committed survives kill -9.

Knows no table, and not who asks for a commit.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

# EXCLUSIVE: a second process fails at its start; else each would overwrite what the other has told its clients.
_PRAGMAS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL")
FSYNC = "LOCAL_FSYNC"
"""The environment variable that says 0 where only a process may die, and the power stays on: nobody waits for the disk
then. So it is in most tests, where many services start with an empty file; what survives kill -9 is the same.
"""


def _synchronous() -> str:
    return f"synchronous = {'OFF' if os.environ.get(FSYNC) == '0' else 'FULL'}"


class DataInUse(Exception):
    """The file belongs to another process."""


class Database:
    """One connection, and one thread for what waits for the disk. Never are both at work at once: see `GroupCommit`."""

    def __init__(self, path: Path | str, *, owner: str, schema: str) -> None:
        """Opens the file and creates what the schema says and is missing. `owner` is the service, for the message.

        Raises DataInUse.
        """
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0
        )
        try:
            for pragma in (*_PRAGMAS, _synchronous()):
                self.connection.execute(f"PRAGMA {pragma}")
            self.connection.executescript(schema)
        except sqlite3.OperationalError as exc:
            self.connection.close()
            raise DataInUse(f"{path} cannot be opened ({exc}): is it in use by another {owner}?") from exc
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")

    async def write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Have the thread do the work, in a transaction. Returns when it is durable; a failure has written nothing."""
        await self._in_thread(self._transact, work)

    async def commit(self) -> None:
        """Have the thread commit the transaction that is open. Returns when it is durable."""
        await self._in_thread(self.connection.execute, "COMMIT")

    def rollback(self) -> None:
        """End the transaction that is open, if one is: a commit that failed may have ended it already."""
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):  # what went wrong before is what the caller has to hear of
                self.connection.execute("ROLLBACK")

    async def close(self) -> None:
        """Let the file go; nothing may be under way."""
        await self._in_thread(self.connection.close)
        self._thread.shutdown()

    async def _in_thread[*Args](self, call: Callable[[*Args], object], *args: *Args) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _transact(self, work: Callable[[sqlite3.Connection], object]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            work(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise
