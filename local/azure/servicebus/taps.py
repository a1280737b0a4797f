"""Who watches topics without a subscription: told of each message as it goes to the subscriptions, never waited for.

Nothing is stored for a watcher, and nothing is left of one.
"""

import asyncio
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.azure.servicebus.entities import Body, Topic

MOST_WAITING = 1000
"""Messages. A watcher that is slower misses some, and is told how many."""


@dataclass(eq=False)
class Tap:
    """One watcher. waiting: None is the end. missed: how many messages it was too slow for, since it was last told."""

    topics: Set[str]
    waiting: asyncio.Queue[tuple[Topic, Body] | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    missed: int = 0


class Taps:
    """All who watch."""

    def __init__(self) -> None:
        self._open: set[Tap] = set()

    @property
    def open_taps(self) -> int:
        return len(self._open)

    def tell(self, topic: Topic, body: Body) -> None:
        for tap in self._open:
            if topic.name not in tap.topics:
                continue
            try:
                tap.waiting.put_nowait((topic, body))
            except asyncio.QueueFull:
                tap.missed += 1

    def end(self) -> None:
        """Whoever watches must not keep the broker from stopping."""
        for tap in self._open:
            if tap.waiting.full():
                tap.waiting.get_nowait()
            tap.waiting.put_nowait(None)

    @contextmanager
    def open(self, topics: Set[str]) -> Iterator[Tap]:
        tap = Tap(topics)
        self._open.add(tap)
        try:
            yield tap
        finally:
            self._open.discard(tap)
