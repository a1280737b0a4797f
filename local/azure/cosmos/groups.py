"""Group commit: requests that are ready together share one transaction, and no answer leaves before its commit.

Knows nothing of what the requests are. The commit (an fsync) runs in a thread of its own: the loop goes on reading
requests meanwhile, and those become the next group.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_log = logging.getLogger(__name__)


class GroupCommit[Asked, Answered]:
    """Runs `answer` on each request in order of arrival, inside transactions.

    `reload` is called after a commit that failed, to forget what was not written; the group's requests then get the
    answer of `unavailable`.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        answer: Callable[[Asked], Answered],
        *,
        reload: Callable[[], None],
        unavailable: Callable[[Asked], Answered],
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._reload = reload
        self._unavailable = unavailable
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="cosmos-commit")

    async def submit(self, request: Asked) -> Answered:
        """The answer, once what it says is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answered] = loop.create_future()
        self._waiting.append((request, future))
        if self._worker is None:
            # A new task starts in the loop's next round: all that is ready in this one belongs to its first group.
            self._worker = loop.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Finish what was submitted, then let go of the thread. The connection stays open."""
        if self._worker is not None:
            await self._worker
        self._committer.shutdown()

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._run(group)
        finally:
            self._worker = None

    async def _run(self, group: list[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        try:
            self._connection.execute("BEGIN")
            before = self._connection.total_changes
            answers = [self._answer(request) for request, _ in group]
            await self._commit(wrote=self._connection.total_changes != before)
        except sqlite3.Error:
            _log.exception("a commit failed, nothing of its group was written")
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._reload()
            answers = [self._unavailable(request) for request, _ in group]
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():  # the client may have gone
                future.set_result(answer)

    async def _commit(self, *, wrote: bool) -> None:
        if not wrote:
            self._connection.execute("COMMIT")
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._committer, self._connection.execute, "COMMIT")
