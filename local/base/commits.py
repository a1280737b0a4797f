"""Group commit: what is ready together is written together, and what comes meanwhile makes up the next group.

An fsync takes milliseconds: with a commit for each change a service could do nothing else. Does not know what is
written, or where.
"""

import asyncio
from collections.abc import Awaitable, Callable


class GroupCommit:
    """Runs `write` when somebody asks, never twice at once. `write` takes all that is pending when it starts.

    What a failure means is up to `write`, which knows what it took; here, those who asked hear of it.
    """

    def __init__(self, write: Callable[[], Awaitable[None]]) -> None:
        self._write = write
        self._next: asyncio.Future[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Done when all that is pending now has been written; it fails as `write` does.

        All who ask before the group starts get the same future: who awaits it and may be cancelled has to shield it.
        """
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.create_future()
            self._next.add_done_callback(_looked_at)
        if self._writing is None:
            # A new task starts in the loop's next round: all that is ready in this one belongs to its first group.
            self._writing = loop.create_task(self._write_groups())
        return self._next

    async def drain(self) -> None:
        """Returns when nothing is under way."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write_groups(self) -> None:
        try:
            while self._next is not None:
                group, self._next = self._next, None
                await self._write_for(group)
        finally:
            self._writing = None

    async def _write_for(self, group: asyncio.Future[None]) -> None:
        try:
            await self._write()
        except Exception as exc:  # noqa: BLE001 - whatever it is, those who wait for this group have to hear of it
            if not group.done():
                group.set_exception(exc)
        else:
            if not group.done():
                group.set_result(None)


def _looked_at(group: asyncio.Future[None]) -> None:
    """Nobody may be waiting for this group: asyncio need not complain about that."""
    if not group.cancelled():
        group.exception()
