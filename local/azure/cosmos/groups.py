"""Requests in groups: those that are ready together share one transaction, and no answer leaves before its commit.

Knows nothing of what the requests are. The statements run here in the loop, where the rules are. The commit (an fsync)
runs in the database's thread. Meanwhile the loop reads more requests, and those become the next group.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from local.base.commits import GroupCommit
from local.base.database import Database

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Turn[Asked, Answered]:
    """A request, and its answer from the moment when its group has been written."""

    request: Asked
    answer: Answered = field(init=False)


class Groups[Asked, Answered]:
    """Runs `answer` on each request in order of arrival, inside transactions.

    `reload` is called after a commit that failed, to forget what was not written; the group's requests then get the
    answer of `unavailable`. `written` is called after one that changed something.
    """

    def __init__(
        self,
        database: Database,
        answer: Callable[[Asked], Answered],
        *,
        reload: Callable[[], None],
        unavailable: Callable[[Asked], Answered],
        written: Callable[[], None],
    ) -> None:
        self._database = database
        self._answer = answer
        self._reload = reload
        self._unavailable = unavailable
        self._written = written
        self._waiting: list[_Turn[Asked, Answered]] = []
        self._commits = GroupCommit(self._write)

    async def submit(self, request: Asked) -> Answered:
        """The answer, once what it says is durable."""
        turn = _Turn[Asked, Answered](request)
        self._waiting.append(turn)
        await asyncio.shield(self._commits.next())  # the client may go: the others of its group stay
        return turn.answer

    async def drain(self) -> None:
        """Finish what was submitted."""
        await self._commits.drain()

    async def _write(self) -> None:
        group, self._waiting = self._waiting, []
        connection = self._database.connection
        try:
            connection.execute("BEGIN")
            before = connection.total_changes
            answers = [self._answer(turn.request) for turn in group]
            if connection.total_changes != before:
                await self._database.commit()
                self._written()
            else:
                connection.execute("COMMIT")
        except sqlite3.Error:
            _log.exception("a commit failed, nothing of its group was written")
            self._database.rollback()
            self._reload()
            answers = [self._unavailable(turn.request) for turn in group]
        for turn, answer in zip(group, answers, strict=True):
            turn.answer = answer
