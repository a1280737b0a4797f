"""Things that are due at a time of the broker's clock: one heap, one wake-up of the loop. Does not know what is due."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

_LONGEST_SLEEP_S = 60.0
"""The wall clock may be set while the loop's own clock goes on: look again after this time."""


class Timers:
    """`now_ms` may be any clock; when a test moves it by hand, the test calls `run_due`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._wake: asyncio.TimerHandle | None = None
        self._closed = False

    def at(self, due_ms: int, action: Callable[[], None]) -> None:
        """Run the action at that time or soon after. It can't be called off: the action sees whether it applies."""
        heappush(self._heap, (due_ms, next(self._order), action))
        if self._heap[0][0] == due_ms:
            self._arm()

    def run_due(self) -> None:
        try:
            while self._heap and self._heap[0][0] <= self._now_ms() and not self._closed:
                heappop(self._heap)[2]()
        finally:
            self._arm()

    def close(self) -> None:
        self._closed = True
        if self._wake is not None:
            self._wake.cancel()

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._heap and not self._closed:
            delay_s = min(max(0, self._heap[0][0] - self._now_ms()) / 1000, _LONGEST_SLEEP_S)
            self._wake = asyncio.get_running_loop().call_later(delay_s, self.run_due)
