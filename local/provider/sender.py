"""What the provider does while nobody calls: opens and decides disputes in time, and tells the merchant of events.

Decides nothing: `disputes.py` and `events.py` say what is due. An event leaves only after it is on disk, with the
dispute that it is about.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import aiohttp

from local.provider.events import Event
from local.provider.state import Provider
from local.provider.store import Store
from local.provider.webhook import Receiver, message, signed

_AT_ONCE = 16


class Sender:
    """One loop, and a task for each event that is under way: one receiver that hangs holds up nothing else."""

    def __init__(
        self, *, provider: Provider, store: Store, clock: Callable[[], datetime], receiver: Receiver | None
    ) -> None:
        """No receiver: nobody is told."""
        self._provider = provider
        self._store = store
        self._clock = clock
        self._receiver = receiver
        self._woken = asyncio.Event()
        self._under_way = 0

    def wake(self) -> None:
        """Something may be due that was not."""
        self._woken.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the end of the block. Attempts that are under way then are cut, and made again after the next start."""
        running = asyncio.create_task(self._run())
        running.add_done_callback(_tell_of_its_end)
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait((running,))
            if not running.cancelled():
                running.result()

    async def _run(self) -> None:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            asyncio.TaskGroup() as deliveries,
        ):
            while True:
                if self._provider.disputes.carry_out():
                    await self._is_kept()
                self._start_deliveries(http, deliveries)
                await self._until_something_is_due()

    def _start_deliveries(self, http: aiohttp.ClientSession, deliveries: asyncio.TaskGroup) -> None:
        if self._receiver is None:
            return
        for event in self._provider.events.take(_AT_ONCE - self._under_way):
            self._under_way += 1
            deliveries.create_task(self._deliver(event, http=http, receiver=self._receiver))

    async def _deliver(self, event: Event, *, http: aiohttp.ClientSession, receiver: Receiver) -> None:
        events = self._provider.events
        try:
            status = await self._post(event, http=http, receiver=receiver) if await self._is_kept() else None
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
            events.not_heard(event, fault=type(exc).__name__)
        except Exception as exc:  # one event that nobody foresaw must not keep the others from being told
            logging.exception("the provider cannot tell of %s, and will try again", event.event_id)
            events.not_heard(event, fault=type(exc).__name__)
        else:
            if status is not None and 200 <= status < 300:
                events.heard(event, status=status)
            else:
                events.not_heard(event, status=status, fault="it was not on disk" if status is None else None)
        await self._is_kept()
        self._under_way -= 1
        self.wake()

    async def _post(self, event: Event, *, http: aiohttp.ClientSession, receiver: Receiver) -> int:
        """The status of the answer. A redirect is one too: whoever may read the event is said here, not by others."""
        body = message(event)
        headers = signed(event, body, key=receiver.key, at=self._clock())
        async with (
            asyncio.timeout(receiver.limit_s),
            http.post(receiver.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status

    async def _is_kept(self) -> bool:
        """Whether all that has changed is on disk. What could not be written is written with what comes next."""
        self._store.put(self._provider.drain())
        try:
            await self._store.committed()
        except sqlite3.Error:
            logging.exception("the provider cannot write to its disk")
            return False
        return True

    async def _until_something_is_due(self) -> None:
        """Or until woken. With all places taken no event can be sent: the next to end wakes."""
        is_full = self._under_way >= _AT_ONCE
        moments = (self._provider.disputes.next_due_at(), None if is_full else self._provider.events.next_due_at())
        waits = [(moment - self._clock()).total_seconds() for moment in moments if moment is not None]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(0.0, min(waits)) if waits else None)
        self._woken.clear()


def _tell_of_its_end(running: asyncio.Task[None]) -> None:
    """Calls are answered without it, so nobody else would notice."""
    fault = None if running.cancelled() else running.exception()
    if fault is not None:
        logging.critical("the provider tells nobody of events any more: start it again", exc_info=fault)
