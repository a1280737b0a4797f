"""The life of the worker: which functions run, and what ends them all at once. Must not know what fired them.

In Azure a function that outlasts functionTimeout, or raises SystemExit, costs the life of the worker process and of
everything that runs in it. Here worker and host are one process, so the life ends in three steps: every call that is
under way fails (a request is answered with 500, a message is abandoned), nothing new begins, and the process becomes a
new one (`command.py`). What still runs is not cancelled: in Azure too it gets no chance to tidy up.
"""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.azure.host import worker
from local.azure.host.errors import InvocationFailed, WorkerLeft
from local.azure.host.pacing import became_true
from local.azure.host.wire import TypedData
from local.azure.host.worker import Function, Invocation

_BLOCKED_FOR_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    function: str
    limit_at: float


class Generation:
    """Everything between one start of the worker and its end."""

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._numbers = itertools.count()
        self._calls: dict[int, _Call] = {}
        self.is_over = asyncio.Event()
        """A function has outlasted the limit, or was left by an exit."""

    @property
    def running(self) -> list[str]:
        """The names of the functions, one for each call."""
        return [call.function for call in self._calls.values()]

    async def run(self, function: Function, invocation: Invocation) -> TypedData | None:
        """Run the function once. Raises `InvocationFailed`, also when this or another call outlasts the limit."""
        number, limit_s = next(self._numbers), self._limit_s
        self._calls[number] = _Call(function.name, time.monotonic() + (limit_s or 0))
        work = asyncio.create_task(worker.invoke(function, invocation))
        over = asyncio.create_task(self.is_over.wait())
        try:
            await asyncio.wait({work, over}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            self._end(f"{function.name} has outlasted functionTimeout ({limit_s:g} s)")
            raise InvocationFailed(function.name, reason="the worker was ended")
        except WorkerLeft as left:
            self._end(f"{function.name} was left by {left}")
            raise
        finally:
            over.cancel()
            del self._calls[number]

    def _end(self, why: str) -> None:
        if not self.is_over.is_set():
            lost = ", ".join(sorted(self.running))
            _log.error("%s: as in Azure the worker ends with all that runs in it (%s), and begins anew", why, lost)
            self.is_over.set()

    async def rests(self, limit_s: float) -> bool:
        """Wait until nothing runs, or for the limit; whether nothing runs."""
        return await became_true(lambda: not self._calls, limit_s=limit_s)

    def guard(self, begin_anew: Callable[[], None]) -> None:
        """Also end the life when a function holds up the whole loop, so that no limit in it is ever looked at."""
        if self._limit_s is not None:
            threading.Thread(target=self._watch, args=(begin_anew,), name="functionTimeout", daemon=True).start()

    def _watch(self, begin_anew: Callable[[], None]) -> None:
        while True:
            time.sleep(1)
            late = [each for each in list(self._calls.values()) if each.limit_at + _BLOCKED_FOR_S < time.monotonic()]
            if late:
                _log.error("%s blocks the worker beyond functionTimeout: it begins anew", late[0].function)
                begin_anew()
