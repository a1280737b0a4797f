"""What waits. Every call of a port stops here until the run lets it go on: so two turns can interleave at every await.

A call has its effect at the moment when it is let go. A worker that dies while a call waits has either made it or not.
Knows no payment.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.builders import NOON
from tests.invariants.loop import WorldLoop
from tests.invariants.luck import Luck

_JOB: ContextVar["Job"] = ContextVar("job")


class Dead(BaseException):
    """A call of a worker that is gone. Like kill -9, it passes every `except Exception`."""


@dataclass(slots=True, eq=False)
class Call:
    """One call that waits. effect: what it does, and what it returns or raises.

    heard: told what arrived; returns who wants to know when the job has written that down or sent it on.
    """

    job: "Job"
    name: str
    effect: Callable[[Luck], Any]
    answer: asyncio.Future[Any]
    until_s: float
    heard: Callable[[Any], list[Callable[[], None]]] | None
    freezes: bool


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work: a delivery, a page of the feed, a timer's round, an operator's request."""

    number: int
    name: str
    worker: int
    began_s: float
    task: asyncio.Task[Any] | None = None
    waiting: list[Call] = field(default_factory=list)
    frozen: bool = False
    dead: bool = False
    has_read: Any = None
    """What it read last, as the port says."""
    news: list[Callable[[], None]] = field(default_factory=list)
    """To be told when what this job heard has been written down or sent on."""
    on_death: Callable[[], None] | None = None


class Stage:
    """All jobs of a world, its clock, and the story of what they did."""

    def __init__(self, loop: WorldLoop, *, tells: bool) -> None:
        self.loop = loop
        self.jobs: list[Job] = []
        self.luck = Luck(0)
        self.lines: list[str] | None = [] if tells else None
        self.raised: list[BaseException] = []
        """What jobs raised that no host would meet with."""
        self.short: dict[str, str] = {}
        """What long ids are called in the story."""
        self._number = 0

    def now(self) -> datetime:
        """The product's Clock."""
        return NOON + timedelta(seconds=self.loop.now_s)

    @property
    def now_s(self) -> float:
        return self.loop.now_s

    def number(self) -> float:
        """From 0 to 1: the product's jitter."""
        return self.luck.number()

    def tell(self, line: str) -> None:
        """Add to the story."""
        if self.lines is not None:
            for long, short in self.short.items():
                line = line.replace(long, short)
            self.lines.append(f"{self.loop.now_s:>9.1f}  {line}")

    # -- jobs

    def start(
        self, work: Coroutine[Any, Any, Any], *, name: str, worker: int, on_death: Callable[[], None] | None = None
    ) -> Job:
        """Begin a job; it runs to its first call."""
        return self.run(self.begin(name, worker=worker, on_death=on_death), work)

    def begin(self, name: str, *, worker: int, on_death: Callable[[], None] | None = None) -> Job:
        """A job that has done nothing yet."""
        self._number += 1
        job = Job(self._number, name, worker, self.loop.now_s, on_death=on_death)
        self.jobs.append(job)
        self.tell(f"#{job.number} begins: {name} on worker {worker}")
        return job

    def run(self, job: Job, work: Coroutine[Any, Any, Any]) -> Job:
        """It runs to its first call."""
        job.task = self.loop.create_task(self._life(job, work), name=job.name)
        self.loop.run_ready()
        return job

    async def _life(self, job: Job, work: Coroutine[Any, Any, Any]) -> None:
        _JOB.set(job)
        try:
            await work
        except Exception as fault:  # noqa: BLE001 - the edge of a job: the run looks at what was raised
            self.tell(f"#{job.number} raised {type(fault).__name__}: {fault}")
            self.raised.append(fault)
        finally:
            if job in self.jobs:
                self.jobs.remove(job)
            if not job.dead:
                self.tell(f"#{job.number} ends: {job.name}")

    def kill(self, job: Job, *, luck: Luck) -> None:
        """Its worker is gone. Calls that waited may still have reached the other side; their answers reach nobody."""
        job.dead = True
        for call in job.waiting:
            if luck.happens(0.5):
                self.tell(f"#{job.number} {call.name} still has its effect")
                self._silently(call, luck)
        job.waiting.clear()
        if job in self.jobs:
            self.jobs.remove(job)
        if job.task is not None:
            job.task.cancel()
        self.loop.run_ready()
        if job.on_death is not None:
            job.on_death()

    @staticmethod
    def _silently(call: Call, luck: Luck) -> None:
        """The answer, an error too, reaches nobody."""
        luck.silent = True
        with suppress(Exception):
            call.effect(luck)
        luck.silent = False

    @staticmethod
    def at_work() -> Job:
        """The job that asks."""
        return _JOB.get()

    # -- calls

    async def call[T](
        self,
        name: str,
        effect: Callable[[Luck], T],
        *,
        limit_s: float,
        heard: Callable[[T], list[Callable[[], None]]] | None = None,
        freezes: bool = True,
    ) -> T:
        """Wait until the run lets it go. limit_s: then it is cut off, whether it was done or not.

        freezes: whether a worker that stands still can be held up in it for longer than that.
        """
        job = _JOB.get()
        if job.dead:
            raise Dead
        answer: asyncio.Future[T] = self.loop.create_future()
        call = Call(job, name, effect, answer, self.loop.now_s + limit_s, heard, freezes)
        job.waiting.append(call)
        try:
            return await answer
        finally:
            if call in job.waiting:  # cancelled by a time limit of the product: it may have been done
                job.waiting.remove(call)
                if not job.dead and self.luck.happens(0.5):
                    self.tell(f"#{job.number} {name} was given up, and still has its effect")
                    self._silently(call, self.luck)

    def let_go(self, call: Call, *, luck: Luck) -> None:
        """The call happens, and its job runs to its next one."""
        job = call.job
        job.waiting.remove(call)
        job.frozen = False
        try:
            value = call.effect(luck)
        except Exception as fault:  # noqa: BLE001 - the port's answer
            self.tell(f"#{job.number} {call.name} -> {type(fault).__name__}")
            call.answer.set_exception(fault)
        else:
            if self.lines is not None:
                self.tell(f"#{job.number} {call.name} -> {_short(value)}")
            self._hand_on(job, call, value)
            call.answer.set_result(value)
        self.luck = luck
        self.loop.run_ready()

    def _hand_on(self, job: Job, call: Call, value: object) -> None:
        if call.heard is not None:
            job.news += call.heard(value)
        elif call.name.startswith(("append", "send")):
            for told in job.news:
                told()
            job.news.clear()

    @property
    def calls(self) -> list[Call]:
        """Those that wait, the oldest job first."""
        return [call for job in self.jobs for call in job.waiting]

    # -- time

    def advance_to(self, until_s: float, *, luck: Luck) -> None:
        """Time passes. Calls whose limit ends meanwhile are cut off, in order; each may have been done or not."""
        self.luck = luck
        while True:
            ends = [call.until_s for call in self.calls if not call.job.frozen]
            timer_s = self.loop.next_timer_s()
            first_s = min([*ends, *([timer_s] if timer_s is not None else [])], default=until_s)
            if first_s >= until_s:
                break
            self.loop.now_s = max(self.loop.now_s, first_s)
            self.loop.fire_timers()
            for call in self.calls:
                if call.until_s <= self.loop.now_s and not call.job.frozen:
                    self._cut_off(call, luck)
                    break
        self.loop.now_s = max(self.loop.now_s, until_s)
        self.loop.fire_timers()

    def _cut_off(self, call: Call, luck: Luck) -> None:
        luck.silent = True
        try:
            self.let_go(call, luck=luck)
        finally:
            luck.silent = False


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
