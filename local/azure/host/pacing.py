"""Waiting: until told to stop, and longer each time while something is down. Must not know what is waited for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from local.base.races import unless

_LOOK_S = 0.02
_FIRST_S, _LONGEST_S = 0.2, 5.0


class Stop:
    """Told once; every wait through it ends then."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    @property
    def is_told(self) -> bool:
        return self._told.is_set()

    def tell(self) -> None:
        self._told.set()

    async def wait(self) -> None:
        """Until told to stop."""
        await self._told.wait()

    async def pause(self, seconds: float) -> bool:
        """Wait that long. False when told to stop, before or meanwhile."""
        if not self.is_told:
            try:
                async with asyncio.timeout(seconds):
                    await self._told.wait()
            except TimeoutError:
                return True
        return False

    async def unless_told[T](self, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work comes to. None when told to stop first: then it is cancelled."""
        return await unless(self._told, work)


class Condition:
    """Whether something outside answers. Logs one line when that changes, however often it is asked."""

    def __init__(self, subject: str, log: logging.Logger) -> None:
        self._subject = subject
        self._log = log
        self._wait_s = 0.0

    @property
    def is_down(self) -> bool:
        return self._wait_s > 0

    def down(self, exc: BaseException) -> float:
        """Note a failure; the seconds to wait before the next try."""
        if not self.is_down:
            self._log.warning("%s: %s; trying again until it answers", self._subject, first_line(exc))
        self._log.debug("%s", self._subject, exc_info=exc)
        self._wait_s = min(max(_FIRST_S, self._wait_s * 2), _LONGEST_S)
        return self._wait_s

    def up(self) -> None:
        if self.is_down:
            self._log.warning("%s: answers again", self._subject)
        self._wait_s = 0.0


def first_line(exc: BaseException) -> str:
    """What went wrong, short enough for one line of a log."""
    text = shortened(str(exc))
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def shortened(text: str) -> str:
    """The first line of a text, and no more than a log line bears."""
    return next(iter(text.strip().splitlines()), "")[:300]


async def became_true(condition: Callable[[], bool], *, limit_s: float) -> bool:
    """Whether the condition holds, now or within the limit. It is looked at, for nobody tells of what ends."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + limit_s
    while not condition():
        if loop.time() >= give_up_at:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Do everything side by side. The first failure ends the rest, and is raised as itself rather than in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                group.create_task(coroutine)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
