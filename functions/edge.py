"""The edge of every function: how long it may take, and what leaves it. Knows no verb.

The Functions host waits for an answer. It gets none when something else than an ordinary exception leaves a function:
then it waits until its functionTimeout, and ends the whole process with everything that runs in it.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from functions.failures import told

LIMIT_S = 240.0
"""Far below the functionTimeout of host.json (300 s). A turn ends by limits of its own before; a batch, a
sweep or a drain whose store hangs ends here, and is done again.
"""


class CutShort(Exception):
    """The function was interrupted from inside. It counts as failed: a message or a feed batch comes again."""


def edge[**P, R](function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Stands right above every function. Raises TimeoutError at the limit, and CutShort for what is no exception.

    What a function raises is told under its name.
    """

    @functools.wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with told(function.__name__):
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await function(*args, **kwargs)
            except BaseException as exc:
                if isinstance(exc, Exception | GeneratorExit):  # what it may raise; and what is thrown away must end
                    raise
                raise CutShort(f"{type(exc).__name__} where the host waits for an answer") from exc

    return guarded
