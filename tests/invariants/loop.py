"""An asyncio loop whose time is the world's, and which never waits: what is due runs, and then it returns."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any


class WorldLoop(asyncio.BaseEventLoop):
    """Enough of a loop for tasks, futures, sleeps and time limits. Its time stands still until `now_s` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.complaints: list[dict[str, Any]] = []
        """What tasks left behind that nobody looked at."""
        self._at_once: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, this is the running loop of the thread."""
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def run_ready(self) -> None:
        """Run until everything waits for something. Time stands still."""
        while self._at_once:
            handle = self._at_once.popleft()
            if not handle.cancelled():
                handle._run()

    def next_timer_s(self) -> float | None:
        """When the next time limit or sleep ends."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire_timers(self) -> None:
        """Run what is due by now."""
        while (due_s := self.next_timer_s()) is not None and due_s <= self.now_s:
            self._at_once.append(heapq.heappop(self._timers)[2])
        self.run_ready()

    # -- what asyncio asks of a loop

    def time(self) -> float:
        return self.now_s

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task[T](self, coro: Coroutine[Any, Any, T], **named: Any) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, **named)

    def call_soon(  # type: ignore[override] # the stubs bind its arguments' types
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._at_once.append(handle)
        return handle

    def call_later(  # type: ignore[override] # the stubs bind its arguments' types
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override] # the stubs bind its arguments' types
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Asked by the handle; it is left out when its time has come."""
