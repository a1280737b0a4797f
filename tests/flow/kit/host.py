"""The host of a world: it calls the product's functions for messages, feeds and timers, as Azure's host does.

A page of the feed is noted when its function has returned. A message is completed when its function has returned, and
abandoned when it has raised. A worker that crashes leaves its locks behind; they end after a minute. Only one thing
happens at a time, so that every run of a test is the same. Knows no payment.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from local.azure.servicebus.errors import MessageLockLost
from shared import flow
from shared.domain.payment import Step
from shared.services import Services
from tests import places
from tests.crashes import Killed
from tests.flow.kit.backends import Backends
from tests.flow.kit.bus import Taken
from tests.flow.kit.triggers import Triggers
from tests.flow.kit.worker import Worker, WorkerFactory

PAGE = 10
FEED_RETRY_S = 30
"""The longest interval of the feed's retry policy."""
MOST_TURNS = 2000
"""More than any test needs. A world that still works after so many would never end."""

FEEDS = {"publish": "publish_events", "project": "project_payments"}
"""The functions that read the change feed, by what the tests call them."""


class Host:
    """It has one worker at a time."""

    def __init__(self, factory: WorkerFactory, *, positions: dict[str, str | None]) -> None:
        self.backends, self.bus, self.clock = factory.backends, factory.bus, factory.backends.clock
        self.telemetry, self.crash_plan = factory.telemetry, factory.crash_plan
        self.crashes = 0
        """How many workers have been replaced."""
        self.faults: list[Exception] = []
        """What the functions raised. After each, the message was abandoned, or the page comes again."""
        self._factory = factory
        self._positions = positions
        """Where each feed that is read goes on, by its name in FEEDS."""
        self._failing: set[str] = set()
        """Feeds whose last page failed."""
        self._worker: Worker | None = None
        self._triggers = Triggers(lambda: self.services)

    @property
    def services(self) -> Services:
        assert self._worker is not None
        return self._worker.services

    async def start(self) -> None:
        self._worker = await self._factory.start()

    async def stop(self) -> None:
        if self._worker is not None:
            await self._worker.close()
        self._worker = None

    async def restart(self) -> None:
        """A new worker. Everything that the old process had in memory is gone."""
        self.crashes += 1
        await self.stop()
        await self.start()

    async def operate[T](self, verb: Callable[[Services], Awaitable[T]]) -> T:
        """Call a verb as an HTTP function or a timer does, and again when the worker crashed in it."""
        while True:
            self.crash_plan.begin_act()
            try:
                return await verb(self.services)
            except Killed:
                await self.restart()

    def read_to(self, feed: str) -> str | None:
        """Where the feed's next page begins."""
        return self._positions[feed]

    async def drain(self) -> None:
        """The timer that drains the recorder fires."""
        await self._triggers.tick("drain_recorder")

    async def tick(self, name: str) -> None:
        """The timer of a function fires."""
        await self.operate(lambda _: self._triggers.tick(name))

    def rewind(self, feed: str) -> None:
        """Lose the feed's leases, so that it is read from its beginning again."""
        self._positions[feed] = None

    def project_from_now_on(self) -> None:
        """The function of the read model is switched on, and reads the feed from its beginning."""
        self._positions["project"] = None

    async def run(self, *, for_s: float = 7200) -> None:
        """Work, and move the clock to what is due next, until nothing is left or nothing more comes within `for_s`."""
        until_ms = self.clock.now_ms() + int(for_s * 1000)
        await self.work()
        while (due_ms := self._next_due_ms()) is not None and due_ms <= until_ms:
            self.clock.advance_to_ms(due_ms)
            await self.bus.run_due()
            await self.work()

    async def wait(self) -> bool:
        """Move the clock to what is due next; False when nothing is."""
        due_ms = self._next_due_ms()
        if due_ms is not None:
            self.clock.advance_to_ms(due_ms)
            await self.bus.run_due()
        return due_ms is not None

    def _next_due_ms(self) -> int | None:
        """When the broker has something due, or a page of a feed that failed comes again."""
        due_ms = self.bus.next_due_ms()
        if not self._failing:
            return due_ms
        again_ms = self.clock.now_ms() + FEED_RETRY_S * 1000
        return again_ms if due_ms is None else min(due_ms, again_ms)

    async def work(self) -> None:
        """Do everything that can be done now. The clock does not move."""
        for _ in range(MOST_TURNS):
            if not await self.next():
                return
        raise AssertionError(f"still at work after {MOST_TURNS} turns; the last faults: {self.faults[-3:]}")

    async def next(self) -> bool:
        """One turn, and a new worker when the old one crashed in it. False when there was nothing to do."""
        try:
            return await self.turn()
        except Killed:
            await self.restart()
            return True

    async def next_until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Work until the condition holds. The clock does not move."""
        while not await condition():
            assert await self.next(), "nothing is left to do, and the condition does not hold"

    async def turn(self) -> bool:
        """One message or one page of a feed; False when there is none."""
        for place, step in _step_places():
            if await self.deliver_one(place, step):
                return True
        if await self.record_one():
            return True
        for name in self._positions:
            if await self.read_page(name):
                return True
        return False

    async def deliver_one(self, place: str, step: Step) -> bool:
        self.crash_plan.begin_act()
        taken = await self.bus.take(self.bus.queue(place))
        if taken is None:
            return False
        await self._call(taken, lambda: self._triggers.fire(flow.FUNCTION_OF[step], taken.message))
        return True

    async def record_one(self) -> bool:
        self.crash_plan.begin_act()
        taken = await self.bus.take(self.bus.queue(str(places.RECORD)))
        if taken is None:
            return False
        await self._call(taken, lambda: self._triggers.fire("record_dead_letter", taken.message))
        return True

    async def _call(self, taken: Taken, function: Callable[[], Awaitable[None]]) -> None:
        try:
            await function()
        except Exception as fault:  # noqa: BLE001 - the edge, as in the real host: whatever is raised, the message is abandoned
            self.faults.append(fault)
            await self._settle("abandon", lambda: self.bus.abandon(taken))
        else:
            await self._settle("complete", lambda: self.bus.complete(taken))

    async def _settle(self, name: str, settling: Callable[[], Awaitable[None]]) -> None:
        try:
            await self.crash_plan.run(f"host.{name}", settling)
        except MessageLockLost as lost:
            self.faults.append(lost)

    async def read_page(self, name: str) -> bool:
        """A page that fails is not noted, so it comes again, without end. False when there was none."""
        self.crash_plan.begin_act()
        page, position = await read_feed(self.backends, self._positions[name])
        if not page:
            return False
        try:
            await self._triggers.feed(FEEDS[name], page)
        except Exception as fault:  # noqa: BLE001 - the edge, as in the real host
            self.faults.append(fault)
            self._failing.add(name)
            return False
        self._failing.discard(name)

        async def note() -> None:
            self._positions[name] = position

        await self.crash_plan.run("host.checkpoint", note)
        return True


def _step_places() -> list[tuple[str, Step]]:
    return [(str(place), step) for step, place in flow.PLACE_OF.items()]


async def read_feed(backends: Backends, position: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """The next page of the event store's change feed, and where the one after it begins. None: from the beginning.

    Every second look would be for nothing; where it is known that nothing was written since, no request is made.
    """
    writes = backends.writes()
    if backends.end_of_feed == (position, writes):
        return [], position
    page, position = await _request_page(backends, position)
    if len(page) < PAGE:
        backends.end_of_feed = position, writes
    return page, position


async def _request_page(backends: Backends, position: str | None) -> tuple[list[dict[str, Any]], str | None]:
    seen: list[Any] = []
    start: dict[str, Any] = {"continuation": position} if position else {"start_time": "Beginning"}
    changes = backends.container(flow.EVENTS).query_items_change_feed(
        **start, max_item_count=PAGE, response_hook=lambda headers, _body: seen.append(headers)
    )
    async for page in changes.by_page():
        return [document async for document in page], seen[-1]["etag"]
    return [], position
