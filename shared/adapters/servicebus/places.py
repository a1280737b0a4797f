"""How many senders are open at once, and which one is closed for another. Knows no topic, no message and no SDK.

The SDK has a connection for each sender and no public way to share one. Azure has room for all of them. The emulator
has ten in all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Protocol


class Holder(Protocol):
    """Keeps something open after its turn."""

    @property
    def is_open(self) -> bool: ...

    async def hang_up(self) -> None:
        """Close it. Whoever has a turn meanwhile opens another."""


class Places:
    """So many may be open. Whoever is at work keeps its place; the longest idle one loses it to the next."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._turns = asyncio.Semaphore(count)  # in order of arrival, so that a busy topic does not keep out another
        self._at_work = 0
        self._idle: dict[Holder, None] = {}  # the longest idle one first

    @asynccontextmanager
    async def turn(self, holder: Holder, *, wait_s: float) -> AsyncIterator[None]:
        """Raises TimeoutError when all places were at work for so long. Then nothing was closed."""
        async with asyncio.timeout(wait_s):
            await self._turns.acquire()
        self._at_work += 1
        self._idle.pop(holder, None)
        try:
            if self._at_work + len(self._idle) > self._count:
                await self._hang_up_the_longest_idle()
            yield
        finally:
            self._at_work -= 1
            if holder.is_open:
                self._idle[holder] = None
            self._turns.release()

    async def _hang_up_the_longest_idle(self) -> None:
        """It leaves the list first: nobody else may choose it while it closes."""
        holder = next(iter(self._idle))
        del self._idle[holder]
        await holder.hang_up()


def few_at_once[T](calls: Iterable[Callable[[], Awaitable[T]]], count: int | None) -> list[Awaitable[T]]:
    """The calls, to be gathered; each begins when one of those before it has ended. None: all at once."""
    if count is None:
        return [call() for call in calls]
    turns = asyncio.Semaphore(count)

    async def one(call: Callable[[], Awaitable[T]]) -> T:
        async with turns:
            return await call()

    return [one(call) for call in calls]


@asynccontextmanager
async def one_at_a_time(lock: asyncio.Lock | None, *, wait_s: float) -> AsyncIterator[None]:
    """Without a lock, nobody waits. Raises TimeoutError."""
    if lock is None:
        yield
        return
    async with asyncio.timeout(wait_s):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()
