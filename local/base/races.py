"""Work that is given up when something else happens first. Knows neither."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def unless[T](told: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to, or its exception. None when the event is set first: then the work is cancelled."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(told.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))
