"""How messages are taken, run beside each other and settled, with receivers in memory that stand no second user."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest

from local.azure.host.errors import CannotStart
from local.azure.host.pump import Pump, PumpOptions, Verdict
from tests.waiting import until


@dataclass
class Note:
    """A message in memory."""

    message_id: str
    locked_until_utc: dt.datetime | None = None


@dataclass
class Desk:
    """Where the receivers of a test take their messages from, and what they were told."""

    waiting: "asyncio.Queue[Note]" = field(default_factory=asyncio.Queue)
    settled: list[tuple[str, str]] = field(default_factory=list)
    is_closed: bool = False
    is_down: bool = False
    refuses_to_settle: bool = False

    def put(self, *names: str) -> None:
        for name in names:
            self.waiting.put_nowait(Note(name))


class MemoryReceiver:
    """Fails the test when two tasks use it at once: that is what stalls the real one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._is_used = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        assert not self._is_used, "two at once on one receiver"
        self._is_used = True
        try:
            if self._desk.is_down:
                raise ConnectionError("the broker is down")
            yield
        finally:
            self._is_used = False

    async def open(self) -> None:
        with self._alone():
            await asyncio.sleep(0)

    async def receive(self) -> Note | None:
        with self._alone():
            return await self._desk.waiting.get()

    async def complete(self, message: Note) -> None:
        await self._settle("complete", message)

    async def abandon(self, message: Note) -> None:
        await self._settle("abandon", message)

    async def renew(self, message: Note) -> None:
        await self._settle("renew", message)
        message.locked_until_utc = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)

    async def _settle(self, how: str, message: Note) -> None:
        with self._alone():
            await asyncio.sleep(0)
            if self._desk.refuses_to_settle:
                raise ConnectionError("the lock is lost")
            self._desk.settled.append((how, message.message_id))

    async def close(self) -> None:
        with self._alone():
            self._desk.is_closed = True


class Work:
    """A function whose calls last until the test ends them."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.most = 0
        self._ends: dict[str, asyncio.Future[Verdict]] = {}

    async def __call__(self, message: Note) -> Verdict:
        self.running.add(message.message_id)
        self.most = max(self.most, len(self.running))
        self._ends[message.message_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._ends[message.message_id]
        finally:
            self.running.discard(message.message_id)

    async def end_one(self) -> None:
        name = min(self.running)
        self.end(name)
        await until(lambda: name not in self.running)

    def end(self, name: str, verdict: Verdict = Verdict.COMPLETE) -> None:
        self._ends[name].set_result(verdict)


async def at_once(_message: Note) -> Verdict:
    return Verdict.COMPLETE


@asynccontextmanager
async def pumping(
    desk: Desk,
    run: Callable[[Note], Awaitable[Verdict]],
    *,
    calls: int = 16,
    lanes: int = 1,
    renewal_s: float = 0.0,
) -> AsyncIterator[Pump[Note]]:
    receivers = [MemoryReceiver(desk) for _ in range(lanes)]
    pump = Pump("f", receivers=receivers, run=run, options=PumpOptions(calls, renewal_s))
    await pump.start()
    try:
        yield pump
    finally:
        await pump.abort()


async def test_a_message_is_completed_when_its_function_is_done() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work):
        desk.put("a")
        await until(lambda: work.running == {"a"})
        assert desk.settled == []

        work.end("a")

        await until(lambda: desk.settled == [("complete", "a")])


async def test_a_message_is_abandoned_when_its_function_fails() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work):
        desk.put("a")
        await until(lambda: work.running == {"a"})

        work.end("a", Verdict.ABANDON)

        await until(lambda: desk.settled == [("abandon", "a")])


async def test_a_message_is_left_alone_when_the_app_settles_for_itself() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work, calls=1):
        desk.put("a", "b")
        await until(lambda: work.running == {"a"})

        work.end("a", Verdict.LEAVE)

        await until(lambda: work.running == {"b"})
        assert desk.settled == []


async def test_a_settlement_does_not_wait_for_the_receive_that_is_under_way() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work):
        desk.put("a", "b")
        await until(lambda: work.running == {"a", "b"})

        work.end("b")  # nothing else arrives, so the receiver waits for a message

        await until(lambda: desk.settled == [("complete", "b")])
        desk.put("c")
        await until(lambda: work.running == {"a", "c"})


@pytest.mark.parametrize("lanes", [1, 3])
async def test_no_more_calls_run_at_once_than_host_json_allows(lanes: int) -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work, calls=3, lanes=lanes):
        desk.put(*"abcdefgh")
        await until(lambda: len(work.running) == 3)

        for _ in range(8):
            await until(lambda: len(work.running) > 0)
            await work.end_one()

        await until(lambda: len(desk.settled) == 8)
    assert work.most == 3


async def test_a_slow_function_holds_up_no_other_message() -> None:
    desk = Desk()
    stuck = asyncio.Event()

    async def run(message: Note) -> Verdict:
        if message.message_id == "slow":
            await stuck.wait()
        return Verdict.COMPLETE

    async with pumping(desk, run, calls=2):
        desk.put("slow", *"abcdefgh")

        await until(lambda: len(desk.settled) == 8)

        stuck.set()
        await until(lambda: desk.settled[-1] == ("complete", "slow"))


async def test_many_messages_over_several_lanes_are_each_settled_once() -> None:
    desk = Desk()
    names = [f"m{n}" for n in range(500)]
    async with pumping(desk, at_once, calls=8, lanes=3):
        desk.put(*names)

        await until(lambda: len(desk.settled) >= len(names))

    assert sorted(desk.settled) == sorted(("complete", name) for name in names)


async def test_a_stop_takes_no_more_messages_and_settles_those_under_way() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work) as pump:
        desk.put("a", "b")
        await until(lambda: work.running == {"a", "b"})

        draining = asyncio.create_task(pump.drain())
        await until(lambda: pump.stop.is_told)
        desk.put("c")
        work.end("b")
        await until(lambda: desk.settled == [("complete", "b")])
        assert not draining.done()
        work.end("a")
        await draining

    assert desk.settled == [("complete", "b"), ("complete", "a")]
    assert desk.waiting.qsize() == 1
    assert desk.is_closed


async def test_what_is_given_up_stays_unsettled() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work):
        desk.put("a")
        await until(lambda: work.running == {"a"})

    assert work.running == set()
    assert desk.settled == []
    assert desk.is_closed


async def test_a_lock_is_renewed_while_the_function_runs() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work, renewal_s=300.0):
        desk.waiting.put_nowait(Note("a", dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.2)))

        await until(lambda: desk.settled == [("renew", "a")])

        work.end("a")
        await until(lambda: desk.settled == [("renew", "a"), ("complete", "a")])


async def test_a_lock_is_not_renewed_beyond_the_limit_of_host_json() -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work, renewal_s=0.0):
        desk.waiting.put_nowait(Note("a", dt.datetime.now(dt.UTC)))
        desk.put("b")
        await until(lambda: work.running == {"a", "b"})

        work.end("a")

        await until(lambda: desk.settled == [("complete", "a")])


async def test_a_broker_that_goes_away_is_tried_until_it_is_back_and_logged_once_each_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk, work = Desk(), Work()
    async with pumping(desk, work):
        desk.put("a")
        await until(lambda: work.running == {"a"})
        desk.is_down = True
        work.end("a")
        await until(lambda: "the broker is down" in caplog.text and "could not be completed" in caplog.text)

        desk.is_down = False
        desk.put("b")

        await until(lambda: work.running == {"b"})
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sorted(lines) == [
        "f: Service Bus: ConnectionError: the broker is down; trying again until it answers",
        "f: Service Bus: answers again",
        "f: message a could not be completed and may come again: ConnectionError: the broker is down",
    ]


async def test_a_message_that_cannot_be_settled_frees_its_place() -> None:
    desk, work = Desk(refuses_to_settle=True), Work()
    async with pumping(desk, work, calls=1):
        desk.put("a", "b")
        await until(lambda: work.running == {"a"})

        work.end("a")

        await until(lambda: work.running == {"b"})


async def test_a_message_that_cannot_be_handed_over_is_abandoned() -> None:
    desk = Desk()

    async def run(_message: Note) -> Verdict:
        raise RuntimeError("unreadable")

    async with pumping(desk, run):
        desk.put("a")

        await until(lambda: desk.settled == [("abandon", "a")])


async def test_a_start_waits_for_the_broker() -> None:
    desk = Desk(is_down=True)
    pump = Pump("f", receivers=[MemoryReceiver(desk)], run=at_once, options=PumpOptions(1, 0.0))
    starting = asyncio.create_task(pump.start())
    await until(lambda: pump.condition.is_down)
    assert not starting.done()

    desk.is_down = False

    await starting
    await pump.abort()


async def test_a_start_ends_at_once_when_the_entity_does_not_exist() -> None:
    class Nowhere(MemoryReceiver):
        async def open(self) -> None:
            raise CannotStart("no such entity")

    receivers = [MemoryReceiver(Desk()), Nowhere(Desk())]
    pump = Pump("f", receivers=receivers, run=at_once, options=PumpOptions(1, 0.0))

    with pytest.raises(CannotStart, match="no such entity"):
        await pump.start()
