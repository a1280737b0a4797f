"""Keeps the services of a running platform alive, and does to them what it is told: kill, freeze, thaw.

Says in the terminal what died, when it is started again, and that it is back. Knows no HTTP and no payment.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from local.frozen import Frozen, Gone
from local.pauses import FIRST_S, Pauses
from local.processes import NotReady, ServiceDied
from local.supervisor import SERVICES, Platform
from terminal.text import printable

NEVER_FROZEN = frozenset({"host"})
"""Through the host the others are thawed: from a page that it serves."""
_ENDS = "the platform is being stopped"


class State(StrEnum):
    """How a service stands."""

    UP = "up"
    STARTING = "starting"
    FROZEN = "frozen"
    DOWN = "down"


class CannotBeDone(Exception):
    """The service does not stand so that this can be done to it, or it is none of those that this is done to."""


@dataclass(slots=True)
class Part:
    """One service, and what has become of it. again_at: when it is started again, while it is down."""

    name: str
    pauses: Pauses
    state: State = State.UP
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    deaths: int = 0
    last_death: str | None = None
    again_at: datetime | None = None
    ready_at_s: float | None = field(default_factory=time.monotonic)
    is_to_die: bool = False
    frozen: Frozen | None = None

    def enters(self, state: State, *, again_at: datetime | None = None) -> None:
        self.state, self.since, self.again_at = state, datetime.now(UTC), again_at

    @property
    def can(self) -> list[str]:
        """What can be done to it now."""
        match self.state:
            case State.DOWN:
                return []
            case State.FROZEN:
                return ["thaw", "kill"]
            case State.UP if self.name not in NEVER_FROZEN:
                return ["kill", "freeze"]
            case _:
                return ["kill"]


def say(words: str, *, is_bad: bool = False) -> None:
    """One line or more, with the time (UTC); what is bad goes to standard error."""
    stream = sys.stderr if is_bad else sys.stdout
    first, *rest = words.splitlines()
    print(
        f"  {datetime.now(UTC):%H:%M:%S}  {printable(first)}", *map(printable, rest), sep="\n", file=stream, flush=True
    )


class Keeper:
    """The services of one platform that run now. first_s: how long after its death one is started again."""

    def __init__(self, platform: Platform, *, first_s: float = FIRST_S, tell: Callable[..., None] = say) -> None:
        self.platform = platform
        self._tell = tell
        self.working: asyncio.Task[None] | None = None
        self._is_over = False
        running = [name for name in SERVICES if platform.is_running(name)]
        self.parts = {name: Part(name, Pauses(first_s)) for name in running}

    async def work(self) -> None:
        """Starts again what dies, until cancelled."""
        async with asyncio.TaskGroup() as keeping:
            for part in self.parts.values():
                keeping.create_task(self._keep(part))

    async def until_it_fails(self) -> None:
        """Returns never, but raises what ends its work: something that is wrong with us."""
        if self.working is not None:
            await asyncio.shield(self.working)

    # --- what is asked for

    async def do(self, action: str, name: str) -> Part:
        """kill, freeze or thaw. Raises CannotBeDone."""
        part = self.parts[name]
        if self._is_over:
            raise CannotBeDone(_ENDS)
        if action not in part.can:
            raise CannotBeDone(_why_not(action, part))
        match action:
            case "kill":
                await self._kill(part)
            case "freeze":
                await self._freeze(part)
            case _:
                await self._let_go(part)
                part.enters(State.UP)
                self._tell(f"{name} goes on")
        return part

    async def let_all_go(self) -> None:
        """What is frozen can neither stop in order nor close its files. Nothing is frozen any more from now on."""
        self._is_over = True
        for part in self.parts.values():
            await self._let_go(part)

    async def _kill(self, part: Part) -> None:
        if not self.platform.is_running(part.name):
            raise CannotBeDone(f"{part.name} has just died, or is just being started")
        part.is_to_die = True
        await self.platform.kill(part.name)
        if part.state in (State.UP, State.FROZEN):
            part.enters(State.DOWN)  # whenever the death is heard of

    async def _freeze(self, part: Part) -> None:
        part.enters(State.FROZEN)  # before the first wait: nobody else may do it too
        try:
            part.frozen = await Frozen.freeze(self.platform.pid(part.name))
        except Gone:
            part.enters(State.UP)
        if self._is_over or not self.platform.is_running(part.name):
            await self._let_go(part)
        if part.frozen is None:
            raise CannotBeDone(_ENDS if self._is_over else f"{part.name} has just died")
        self._tell(f"{part.name} is frozen: it answers nobody until it is thawed or killed")

    async def _let_go(self, part: Part) -> None:
        frozen, part.frozen = part.frozen, None
        if frozen is not None:
            await frozen.thaw(is_running=self.platform.is_running(part.name))

    # --- lives

    async def _keep(self, part: Part) -> None:
        while True:
            died = await self.platform.death(part.name)
            await self._let_go(part)
            pause_s = self._dead(part, died)
            await asyncio.sleep(pause_s)
            await self._start(part, down_for_s=pause_s)

    def _dead(self, part: Part, died: ServiceDied) -> float:
        """Says it; how long to wait now."""
        lived_s = 0.0 if part.ready_at_s is None else time.monotonic() - part.ready_at_s
        was_asked_for, part.is_to_die = part.is_to_die, False
        pause_s = part.pauses.after(lived_s, was_asked_for=was_asked_for)
        part.deaths += 1
        part.last_death = died.what
        part.enters(State.DOWN, again_at=datetime.now(UTC) + timedelta(seconds=pause_s))
        row = part.pauses.in_a_row
        again = f"{part.name} is started again in {pause_s:g} s"
        if row > 1:
            again = f"{part.name} has died {row} times in a row, each time soon after its start: again in {pause_s:g} s"
        self._tell(f"{died.what}, as asked" if was_asked_for else str(died), is_bad=not was_asked_for)
        self._tell(again)
        return pause_s

    async def _start(self, part: Part, *, down_for_s: float) -> None:
        """Returns when it is ready or has died."""
        began_s, part.ready_at_s = time.monotonic(), None
        part.enters(State.STARTING)
        try:
            await self._ready(part.name)
        except ServiceDied:
            return
        except OSError as exc:  # no memory, no process, no place for its log: it may pass
            self._tell(f"{part.name} cannot be started: {exc}", is_bad=True)
            return
        part.ready_at_s = time.monotonic()
        part.enters(State.UP)
        took_s = down_for_s + (part.ready_at_s - began_s)
        self._tell(f"{part.name} is back after {took_s:.1f} s (process {self.platform.pid(part.name)})")

    async def _ready(self, name: str) -> None:
        """Waits as long as it takes: a service that waits for another is not helped by being killed."""
        try:
            await self.platform.start(name)
        except NotReady as late:
            self._tell(f"{late}\nit goes on; `kill -9 {self.platform.pid(name)}` begins anew", is_bad=True)
            await self.platform.ready(name)


@contextlib.asynccontextmanager
async def keeping(
    platform: Platform, *, first_s: float = FIRST_S, tell: Callable[..., None] = say
) -> AsyncIterator[Keeper]:
    """Until the end of the block what dies is started again. At the end nothing is frozen any more."""
    keeper = Keeper(platform, first_s=first_s, tell=tell)
    working = keeper.working = asyncio.create_task(keeper.work())
    try:
        yield keeper
    finally:
        working.cancel()
        await asyncio.wait([working])
        await keeper.let_all_go()
    if not working.cancelled():
        working.result()


def _why_not(action: str, part: Part) -> str:
    if action == "freeze" and part.name in NEVER_FROZEN:
        return f"{part.name} cannot be frozen: through it the others are thawed"
    return f"{part.name} is {part.state}, so nothing can {action} it"
