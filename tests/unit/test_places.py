"""Few places for many senders: who keeps one, who gives it away, who waits."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.servicebus.places import Places, one_at_a_time

pytestmark = pytest.mark.timeout(20)

LONG_S = 10


@dataclass(eq=False)
class Door:
    """Open from its first turn until it is closed. closed: the names of all doors that were, in order."""

    name: str
    closed: list[str]
    is_open: bool = False
    is_at_work: bool = False
    closing: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def hang_up(self) -> None:
        assert not self.is_at_work, f"{self.name} was closed under its user's hands"
        self.is_open = False
        if self.closing is not None:
            await self.closing.wait()
        self.closed.append(self.name)


class Doors(dict[str, Door]):
    """Made when they are first named."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places, self.closed = places, list[str]()

    def __missing__(self, name: str) -> Door:
        self[name] = Door(name, self.closed)
        return self[name]

    @property
    def open(self) -> set[str]:
        return {name for name, door in self.items() if door.is_open}

    async def work(self, name: str, *, until: asyncio.Event | None = None, wait_s: float = LONG_S) -> None:
        async with self.places.turn(self[name], wait_s=wait_s):
            self[name].is_open = self[name].is_at_work = True
            self[name].begun.set()
            try:
                if until is not None:
                    await until.wait()
            finally:
                self[name].is_at_work = False

    async def begin(self, name: str) -> "tuple[asyncio.Event, asyncio.Task[None]]":
        """At work until the event is set."""
        end = asyncio.Event()
        task = asyncio.create_task(self.work(name, until=end))
        await self[name].begun.wait()
        return end, task


async def settle() -> None:
    """Everything goes on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_places_stay_open() -> None:
    doors = Doors(Places(3))

    for name in "abcabc":
        await doors.work(name)

    assert (doors.open, doors.closed) == ({"a", "b", "c"}, [])


async def test_the_one_that_has_been_idle_longest_is_closed_for_another() -> None:
    doors = Doors(Places(3))
    for name in "abcab":
        await doors.work(name)

    await doors.work("d")
    await doors.work("e")

    assert doors.closed == ["c", "a"]
    assert doors.open == {"b", "d", "e"}


async def test_idle_counts_from_the_end_of_the_work() -> None:
    doors = Doors(Places(2))
    end, working = await doors.begin("a")
    await doors.work("b")
    end.set()
    await working

    await doors.work("c")

    assert doors.closed == ["b"]


async def test_one_at_work_is_never_closed_however_long_ago_it_began() -> None:
    doors = Doors(Places(2))
    end, working = await doors.begin("a")

    for name in "bcbc":
        await doors.work(name)

    assert doors.closed == ["b", "c", "b"]
    end.set()
    await working


async def test_when_all_are_at_work_the_next_waits_and_the_first_to_wait_is_the_first_to_go_on() -> None:
    doors = Doors(Places(1))
    end, working = await doors.begin("a")
    waiting = [asyncio.create_task(doors.work(name)) for name in "bca"]
    await settle()
    assert (doors.open, doors.closed) == ({"a"}, [])

    end.set()
    await asyncio.gather(working, *waiting)

    assert doors.closed == ["a", "b", "c"]


async def test_a_wait_has_an_end_and_closes_nothing() -> None:
    doors = Doors(Places(1))
    end, working = await doors.begin("a")

    with pytest.raises(TimeoutError):
        await doors.work("b", wait_s=0.05)

    assert (doors.open, doors.closed, doors["b"].begun.is_set()) == ({"a"}, [], False)
    end.set()
    await working
    await doors.work("b")
    assert doors.open == {"b"}


async def test_nothing_opens_before_the_one_that_makes_room_has_closed() -> None:
    doors = Doors(Places(1))
    await doors.work("a")
    doors["a"].closing = asyncio.Event()

    next_one = asyncio.create_task(doors.work("b"))
    await settle()
    assert not doors["b"].begun.is_set()
    doors["a"].closing.set()
    await next_one

    assert doors.open == {"b"}


@pytest.mark.parametrize("second", ["d", "a"])
async def test_two_that_come_at_once_each_close_another_and_what_is_being_closed_may_come_back(second: str) -> None:
    doors, can_close = Doors(Places(2)), asyncio.Event()
    for name in "ab":
        await doors.work(name)
        doors[name].closing = can_close

    coming = [asyncio.create_task(doors.work(name)) for name in ("c", second)]
    await settle()
    can_close.set()
    await asyncio.gather(*coming)

    assert doors.closed == ["a", "b"]
    assert doors.open == {"c", second}


async def test_whoever_is_cancelled_at_work_gives_its_place_back() -> None:
    doors = Doors(Places(1))
    _, working = await doors.begin("a")
    doors["a"].is_open = False  # as a sender that failed, which is not kept

    working.cancel()
    await asyncio.wait([working])
    await doors.work("b")

    assert (doors.open, doors.closed) == ({"b"}, [])  # nothing was open that had to be closed


async def test_one_at_a_time_waits_for_the_other_and_not_for_ever() -> None:
    lock = asyncio.Lock()
    async with one_at_a_time(lock, wait_s=LONG_S):
        with pytest.raises(TimeoutError):
            async with one_at_a_time(lock, wait_s=0.05):
                pass
        async with one_at_a_time(None, wait_s=0.05):  # where there is room for all
            pass

    async with one_at_a_time(lock, wait_s=0.05):
        assert lock.locked()


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 4), names=st.lists(st.sampled_from("abcdefg"), max_size=40), seed=st.integers(0, 9))
async def test_whatever_is_asked_for_at_once_all_get_their_turn_and_no_more_are_open(
    count: int, names: list[str], seed: int
) -> None:
    doors, most = Doors(Places(count)), 0
    locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in names}  # as each line has one
    turns: list[str] = []

    async def one(name: str, pauses: int) -> None:
        nonlocal most
        async with locks[name], doors.places.turn(doors[name], wait_s=LONG_S):
            doors[name].is_open = doors[name].is_at_work = True
            most = max(most, len(doors.open))
            for _ in range(pauses):
                await asyncio.sleep(0)
            doors[name].is_at_work = False
            turns.append(name)

    await asyncio.gather(*(one(name, (number * 7 + seed) % 5) for number, name in enumerate(names)))

    assert sorted(turns) == sorted(names)
    assert most <= count
