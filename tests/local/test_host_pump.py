"""How messages are taken, run beside each other and settled. The receivers are in memory, for one task at a time."""

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
class MemoryMessage:
    """A message in memory."""

    message_id: str
    locked_until_utc: dt.datetime | None = None


@dataclass
class MemoryBroker:
    """Where the receivers of a test take their messages from, and what they have settled."""

    waiting: "asyncio.Queue[MemoryMessage]" = field(default_factory=asyncio.Queue)
    settled: list[tuple[str, str]] = field(default_factory=list)
    is_closed: bool = False
    is_down: bool = False
    refuses_to_settle: bool = False

    def put(self, *names: str) -> None:
        for name in names:
            self.waiting.put_nowait(MemoryMessage(name))


class MemoryReceiver:
    """Fails the test when two tasks use it at once, because that stalls the real one."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._is_used = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        assert not self._is_used, "two at once on one receiver"
        self._is_used = True
        try:
            if self._broker.is_down:
                raise ConnectionError("the broker is down")
            yield
        finally:
            self._is_used = False

    async def open(self) -> None:
        with self._alone():
            await asyncio.sleep(0)

    async def receive(self) -> MemoryMessage | None:
        with self._alone():
            return await self._broker.waiting.get()

    async def complete(self, message: MemoryMessage) -> None:
        await self._settle("complete", message)

    async def abandon(self, message: MemoryMessage) -> None:
        await self._settle("abandon", message)

    async def renew(self, message: MemoryMessage) -> None:
        await self._settle("renew", message)
        message.locked_until_utc = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)

    async def _settle(self, how: str, message: MemoryMessage) -> None:
        with self._alone():
            await asyncio.sleep(0)
            if self._broker.refuses_to_settle:
                raise ConnectionError("the lock is lost")
            self._broker.settled.append((how, message.message_id))

    async def close(self) -> None:
        with self._alone():
            self._broker.is_closed = True


class Work:
    """A function whose calls last until the test ends them."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.most = 0
        self._ends: dict[str, asyncio.Future[Verdict]] = {}

    async def __call__(self, message: MemoryMessage) -> Verdict:
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


async def at_once(_message: MemoryMessage) -> Verdict:
    return Verdict.COMPLETE


@asynccontextmanager
async def pumping(
    broker: MemoryBroker,
    run: Callable[[MemoryMessage], Awaitable[Verdict]],
    *,
    calls: int = 16,
    lanes: int = 1,
    renewal_s: float = 0.0,
) -> AsyncIterator[Pump[MemoryMessage]]:
    receivers = [MemoryReceiver(broker) for _ in range(lanes)]
    pump = Pump("f", receivers=receivers, run=run, options=PumpOptions(calls, renewal_s))
    await pump.start()
    try:
        yield pump
    finally:
        await pump.abort()


async def test_a_message_is_completed_when_its_function_is_done() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work):
        broker.put("a")
        await until(lambda: work.running == {"a"})
        assert broker.settled == []

        work.end("a")

        await until(lambda: broker.settled == [("complete", "a")])


async def test_a_message_is_abandoned_when_its_function_fails() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work):
        broker.put("a")
        await until(lambda: work.running == {"a"})

        work.end("a", Verdict.ABANDON)

        await until(lambda: broker.settled == [("abandon", "a")])


async def test_a_message_is_left_alone_when_the_app_settles_for_itself() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work, calls=1):
        broker.put("a", "b")
        await until(lambda: work.running == {"a"})

        work.end("a", Verdict.LEAVE)

        await until(lambda: work.running == {"b"})
        assert broker.settled == []


async def test_a_settlement_does_not_wait_for_the_receive_that_is_under_way() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work):
        broker.put("a", "b")
        await until(lambda: work.running == {"a", "b"})

        work.end("b")  # nothing else arrives, so the receiver waits for a message

        await until(lambda: broker.settled == [("complete", "b")])
        broker.put("c")
        await until(lambda: work.running == {"a", "c"})


@pytest.mark.parametrize("lanes", [1, 3])
async def test_no_more_calls_run_at_once_than_host_json_allows(lanes: int) -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work, calls=3, lanes=lanes):
        broker.put(*"abcdefgh")
        await until(lambda: len(work.running) == 3)

        for _ in range(8):
            await until(lambda: len(work.running) > 0)
            await work.end_one()

        await until(lambda: len(broker.settled) == 8)
    assert work.most == 3


async def test_a_slow_function_holds_up_no_other_message() -> None:
    broker = MemoryBroker()
    stuck = asyncio.Event()

    async def run(message: MemoryMessage) -> Verdict:
        if message.message_id == "slow":
            await stuck.wait()
        return Verdict.COMPLETE

    async with pumping(broker, run, calls=2):
        broker.put("slow", *"abcdefgh")

        await until(lambda: len(broker.settled) == 8)

        stuck.set()
        await until(lambda: broker.settled[-1] == ("complete", "slow"))


async def test_many_messages_over_several_lanes_are_each_settled_once() -> None:
    broker = MemoryBroker()
    names = [f"m{n}" for n in range(500)]
    async with pumping(broker, at_once, calls=8, lanes=3):
        broker.put(*names)

        await until(lambda: len(broker.settled) >= len(names))

    assert sorted(broker.settled) == sorted(("complete", name) for name in names)


async def test_a_stop_takes_no_more_messages_and_settles_those_under_way() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work) as pump:
        broker.put("a", "b")
        await until(lambda: work.running == {"a", "b"})

        draining = asyncio.create_task(pump.drain())
        await until(lambda: pump.stop.is_told)
        broker.put("c")
        work.end("b")
        await until(lambda: broker.settled == [("complete", "b")])
        assert not draining.done()
        work.end("a")
        await draining

    assert broker.settled == [("complete", "b"), ("complete", "a")]
    assert broker.waiting.qsize() == 1
    assert broker.is_closed


async def test_what_is_given_up_stays_unsettled() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work):
        broker.put("a")
        await until(lambda: work.running == {"a"})

    assert work.running == set()
    assert broker.settled == []
    assert broker.is_closed


async def test_a_lock_is_renewed_while_the_function_runs() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work, renewal_s=300.0):
        broker.waiting.put_nowait(MemoryMessage("a", dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.2)))

        await until(lambda: broker.settled == [("renew", "a")])

        work.end("a")
        await until(lambda: broker.settled == [("renew", "a"), ("complete", "a")])


async def test_a_lock_is_not_renewed_beyond_the_limit_of_host_json() -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work, renewal_s=0.0):
        broker.waiting.put_nowait(MemoryMessage("a", dt.datetime.now(dt.UTC)))
        broker.put("b")
        await until(lambda: work.running == {"a", "b"})

        work.end("a")

        await until(lambda: broker.settled == [("complete", "a")])


async def test_a_broker_that_goes_away_is_tried_until_it_is_back_and_logged_once_each_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker, work = MemoryBroker(), Work()
    async with pumping(broker, work):
        broker.put("a")
        await until(lambda: work.running == {"a"})
        broker.is_down = True
        work.end("a")
        await until(lambda: "the broker is down" in caplog.text and "could not be completed" in caplog.text)

        broker.is_down = False
        broker.put("b")

        await until(lambda: work.running == {"b"})
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sorted(lines) == [
        "f: Service Bus: ConnectionError: the broker is down; trying again until it answers",
        "f: Service Bus: answers again",
        "f: message a could not be completed and may come again: ConnectionError: the broker is down",
    ]


async def test_a_message_that_cannot_be_settled_frees_its_place() -> None:
    broker, work = MemoryBroker(refuses_to_settle=True), Work()
    async with pumping(broker, work, calls=1):
        broker.put("a", "b")
        await until(lambda: work.running == {"a"})

        work.end("a")

        await until(lambda: work.running == {"b"})


async def test_a_message_that_cannot_be_handed_over_is_abandoned() -> None:
    broker = MemoryBroker()

    async def run(_message: MemoryMessage) -> Verdict:
        raise RuntimeError("unreadable")

    async with pumping(broker, run):
        broker.put("a")

        await until(lambda: broker.settled == [("abandon", "a")])


async def test_a_start_waits_for_the_broker() -> None:
    broker = MemoryBroker(is_down=True)
    pump = Pump("f", receivers=[MemoryReceiver(broker)], run=at_once, options=PumpOptions(1, 0.0))
    starting = asyncio.create_task(pump.start())
    await until(lambda: pump.condition.is_down)
    assert not starting.done()

    broker.is_down = False

    await starting
    await pump.abort()


async def test_a_start_ends_at_once_when_the_entity_does_not_exist() -> None:
    class Nowhere(MemoryReceiver):
        async def open(self) -> None:
            raise CannotStart("no such entity")

    receivers = [MemoryReceiver(MemoryBroker()), Nowhere(MemoryBroker())]
    pump = Pump("f", receivers=receivers, run=at_once, options=PumpOptions(1, 0.0))

    with pytest.raises(CannotStart, match="no such entity"):
        await pump.start()
