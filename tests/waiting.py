"""Waiting until something is true, with a limit."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

LIMIT_S = 30.0
"""For what takes a second on an idle machine."""


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]],
    *,
    what: Callable[[], str] = lambda: "it never came true",
    limit_s: float | None = LIMIT_S,
    every_s: float = 0.01,
) -> None:
    """Return once the condition holds; at the limit the test fails with what is said.

    limit_s: None for tests whose own limit ends the wait.
    """
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            while not await _holds(condition):
                await asyncio.sleep(every_s)
    except TimeoutError:
        if not limit.expired():
            raise  # the condition's own
        raise AssertionError(what()) from None


async def _holds(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> bool:
    answer = condition()
    return await answer if inspect.isawaitable(answer) else bool(answer)
