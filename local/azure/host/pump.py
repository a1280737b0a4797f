"""Takes messages off one Service Bus entity, runs the function for each, and settles. Must not know the SDK or the app.

How a lane works. Only one task at a time may use a receiver: settlements that run beside each other, or beside a
receive, stall azure-servicebus 7.15 for 0.2 s (they read one socket in turns). So one task owns the receiver and does
one thing after another: settle what is finished, else receive one message. When there is something to settle, it breaks
off a receive that waits, and goes on with it afterwards. Functions run in tasks of their own. So an idle entity
delivers at once, a settlement never waits for a poll, and a slow function holds up nobody.
"""

import asyncio
import contextlib
import datetime as dt
import enum
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from local.azure.host.errors import CannotStart
from local.azure.host.pacing import Condition, Stop, first_line, together

_SHORTEST_RENEWAL_S = 0.05  # so that a lock as good as run out does not keep the receiver busy

_log = logging.getLogger(__name__)


class Message(Protocol):
    """What a lane must see of a message: which it is, and until when it is ours."""

    @property
    def message_id(self) -> str | None: ...

    @property
    def locked_until_utc(self) -> dt.datetime | None: ...


class Receiver[M: Message](Protocol):
    """A peek-lock receiver, used by one task at a time."""

    async def open(self) -> None:
        """Connect and attach. Raises `CannotStart` when the entity does not exist."""

    async def receive(self) -> M | None:
        """Wait for one message; None after a while without. Cancelling it must lose no message."""

    async def complete(self, message: M) -> None: ...

    async def abandon(self, message: M) -> None: ...

    async def renew(self, message: M) -> None:
        """Lock the message for longer; `locked_until_utc` moves on."""

    async def close(self) -> None: ...


class Verdict(enum.Enum):
    """What becomes of a message once its function has run."""

    COMPLETE = "completed"
    ABANDON = "abandoned"
    LEAVE = "left"
    """Nobody settles it; the lock runs out and it comes again."""
    RENEW = "renewed"


@dataclass(frozen=True, slots=True)
class PumpOptions:
    max_concurrent_calls: int
    lock_renewal_s: float
    """A lock is renewed for at most this long after the message came; 0: never."""


class Pump[M: Message]:
    """All lanes of one function. The limit of concurrent calls holds for them together."""

    def __init__(
        self,
        name: str,
        *,
        receivers: Sequence[Receiver[M]],
        run: Callable[[M], Awaitable[Verdict]],
        options: PumpOptions,
    ) -> None:
        self.condition = Condition(f"{name}: Service Bus", _log)
        self.slots = asyncio.Semaphore(options.max_concurrent_calls)
        self.stop = Stop()
        self._lanes = [Lane(name, receiver=receiver, pump=self, run=run) for receiver in receivers]
        self._tasks: list[asyncio.Task[None]] = []
        self.renewal_s = options.lock_renewal_s

    async def start(self) -> None:
        """Return when every lane's receiver is attached; keeps trying while the broker does not answer."""
        await together(*(lane.open() for lane in self._lanes))
        self._tasks = [asyncio.create_task(lane.work()) for lane in self._lanes]

    async def drain(self) -> None:
        """Take no more messages; return when those under way are settled."""
        self.stop.tell()
        for lane in self._lanes:
            lane.wake()
        await asyncio.gather(*self._tasks)

    async def abort(self) -> None:
        """Give up what is under way: unsettled messages come again when their locks run out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(slots=True, eq=False)
class _Call[M: Message]:
    """A message whose function runs, or has run and waits to be settled."""

    message: M
    renew_until: float
    is_running: bool = True


class Lane[M: Message]:
    """One receiver and the one task that owns it."""

    def __init__(
        self, name: str, *, receiver: Receiver[M], pump: Pump[M], run: Callable[[M], Awaitable[Verdict]]
    ) -> None:
        self._name = name
        self._receiver = receiver
        self._pump = pump
        self._run = run
        self._chores: deque[tuple[Verdict, _Call[M]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._patience: asyncio.Timeout | None = None

    async def open(self) -> None:
        """Attach the receiver, however long it takes for the broker to answer."""
        while not self._pump.stop.is_told:
            try:
                await self._receiver.open()
            except CannotStart:
                raise
            except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the broker is tried again
                await self._pump.stop.pause(self._pump.condition.down(exc))
            else:
                self._pump.condition.up()
                return

    async def work(self) -> None:
        """Receive and settle until told to stop and nothing is under way."""
        try:
            while not self._pump.stop.is_told or self._tasks or self._chores:
                await self._do_chores()
                if not self._pump.stop.is_told:
                    await self._take_one()
                elif self._tasks and not self._chores:
                    await self._until_woken()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._close()

    def wake(self) -> None:
        """There is something to settle, or it is time to stop: break off a receive that waits."""
        self._woken.set()
        patience, self._patience = self._patience, None
        if patience is not None:
            patience.reschedule(asyncio.get_running_loop().time())

    async def _until_woken(self) -> None:
        self._woken.clear()
        await self._woken.wait()

    async def _take_one(self) -> None:
        """Wait for a free slot and a message, until woken; start its call."""
        self._woken.clear()
        if self._chores:
            return
        message, has_slot = None, False
        try:
            async with asyncio.timeout(None) as self._patience:
                has_slot = await self._pump.slots.acquire()
                if self._pump.condition.is_down:
                    await self._receiver.open()
                    self._pump.condition.up()
                message = await self._receiver.receive()
        except TimeoutError as exc:
            if not self._woken.is_set():
                await self._back_off(exc)
        except Exception as exc:  # noqa: BLE001 - the edge: whatever the SDK raises, the broker is tried again
            await self._back_off(exc)
        finally:
            self._patience = None
            if message is None and has_slot:
                self._pump.slots.release()
        if message is not None:
            self._start(message)

    async def _back_off(self, exc: Exception) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._pump.condition.down(exc))

    def _start(self, message: M) -> None:
        call = _Call(message, asyncio.get_running_loop().time() + self._pump.renewal_s)
        self._renew_in_time(call)
        task = asyncio.create_task(self._finish(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, call: _Call[M]) -> None:
        try:
            verdict = await self._run(call.message)
        except Exception as exc:  # noqa: BLE001 - the edge: a message we cannot even hand over is abandoned
            _log.error("%s: message %s: %s", self._name, call.message.message_id, first_line(exc))
            verdict = Verdict.ABANDON
        call.is_running = False
        self._chores.append((verdict, call))
        self.wake()

    def _renew_in_time(self, call: _Call[M]) -> None:
        """Ask for the lock's renewal when half of it has passed, while the call runs and the limit allows."""
        loop, locked_until = asyncio.get_running_loop(), call.message.locked_until_utc
        if locked_until is None:
            return
        left_s = (locked_until - dt.datetime.now(dt.UTC)).total_seconds()
        due = loop.time() + max(left_s / 2, _SHORTEST_RENEWAL_S)

        def ask() -> None:
            if call.is_running:
                self._chores.append((Verdict.RENEW, call))
                self.wake()

        if due <= call.renew_until:
            loop.call_at(due, ask)

    async def _do_chores(self) -> None:
        while self._chores:
            verdict, call = self._chores.popleft()
            try:
                await self._do(verdict, call)
            except Exception as exc:  # noqa: BLE001 - the edge: an unsettled message comes again, the lane goes on
                what = f"message {call.message.message_id} could not be {verdict.value} and may come again"
                _log.warning("%s: %s: %s", self._name, what, first_line(exc))
            finally:
                if verdict is not Verdict.RENEW:
                    self._pump.slots.release()

    async def _do(self, verdict: Verdict, call: _Call[M]) -> None:
        if verdict is Verdict.COMPLETE:
            await self._receiver.complete(call.message)
        elif verdict is Verdict.ABANDON:
            await self._receiver.abandon(call.message)
        elif verdict is Verdict.RENEW and call.is_running:
            await self._receiver.renew(call.message)
            self._renew_in_time(call)

    async def _close(self) -> None:
        try:
            await self._receiver.close()
        except Exception as exc:  # noqa: BLE001 - nothing depends on a clean detach, and the broker may be gone
            _log.debug("%s: closing: %s", self._name, first_line(exc))
