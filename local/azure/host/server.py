"""Puts the host together: loads the app, connects its triggers, starts and drains them. Decides nothing else."""

import asyncio
import datetime as dt
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.azure.host import worker
from local.azure.host.errors import InvocationFailed
from local.azure.host.hostjson import HostOptions, read_host_json
from local.azure.host.leases import Holder
from local.azure.host.pacing import Stop, shortened, together
from local.azure.host.settings import Settings
from local.azure.host.timer import Timer
from local.azure.host.triggers import Triggers, read_triggers
from local.azure.host.web import Keys, WebServer
from local.azure.host.wire import TypedData
from local.azure.host.worker import Function, Invocation

_log = logging.getLogger(__name__)


class Client(Protocol):
    """The SDK clients of one service."""

    async def close(self) -> None: ...


class Listener(Protocol):
    """What waits for events of one function."""

    async def start(self) -> None:
        """Return when it listens, however long that takes."""

    async def drain(self) -> None:
        """Take no more; return when all under way is done and noted."""

    async def abort(self) -> None:
        """Drop what is under way."""


@dataclass(frozen=True, slots=True)
class StartOptions:
    app: Path
    port: int
    host_id: str
    drain_s: float
    lanes: int
    """Receivers, and so AMQP connections, per Service Bus function."""
    keys: Keys


async def start_host(options: StartOptions) -> "Host":
    """Load the app and start everything. Returns when HTTP is served and every trigger listens.

    Raises `CannotStart` for what waiting does not mend; a service that does not answer is waited for.
    """
    host_options = read_host_json(options.app)
    functions = await worker.load(options.app)
    triggers = read_triggers(functions, settings=Settings(os.environ), options=host_options)
    host = Host(options, host_options=host_options, triggers=triggers)
    try:
        await host.start()
    except BaseException:
        await host.abort()
        raise
    return host


class Host:
    """A running app."""

    def __init__(self, options: StartOptions, *, host_options: HostOptions, triggers: Triggers) -> None:
        self._options = options
        self._host_options = host_options
        self._running: list[str] = []
        self._stop = Stop()
        self._clients: list[Client] = []
        self._listeners: list[Listener] = []
        self._web = WebServer(triggers.http, invoke=self.invoke, keys=options.keys)
        self._listen(triggers)
        self._timers = [Timer(t, invoke=self.invoke, clock=_now, stop=self._stop) for t in triggers.timers]
        self._timer_tasks: list[asyncio.Task[None]] = []
        self.gave_up = False
        """Whether the last close left invocations unfinished."""

    @property
    def port(self) -> int:
        return self._web.port

    async def start(self) -> None:
        await self._web.start(self._options.port, drain_s=self._options.drain_s)
        await together(*(part.start() for part in self._listeners))
        self._timer_tasks = [asyncio.create_task(timer.work()) for timer in self._timers]

    async def invoke(self, function: Function, invocation: Invocation) -> TypedData | None:
        """Run a function once. A failure is logged here, in one line, and raised on."""
        self._running.append(function.name)
        try:
            return await worker.invoke(function, invocation)
        except InvocationFailed as failed:
            attempt = f", try {invocation.retry.retry_count + 1}" if invocation.retry.max_retry_count else ""
            _log.error("%s failed%s: %s", function.name, attempt, shortened(str(failed)))
            _log.debug("%s", failed.stack_trace)
            raise
        finally:
            self._running.remove(function.name)

    async def close(self) -> None:
        """Take no more work, wait for what is under way as long as the options allow, settle and note it."""
        self._stop.tell()
        parts = [self._web.close(), *(part.drain() for part in self._listeners), *self._timer_tasks]
        _, unfinished = await asyncio.wait([asyncio.ensure_future(p) for p in parts], timeout=self._options.drain_s)
        if unfinished:
            self.gave_up = True
            names = ", ".join(sorted(set(self._running))) or "a connection that does not close"
            _log.error("not finished after %g s, given up: %s; messages come again", self._options.drain_s, names)
            for task in unfinished:
                task.cancel()
        await self.abort()

    async def abort(self) -> None:
        """Drop what is under way and close the connections."""
        for task in self._timer_tasks:
            task.cancel()
        await asyncio.gather(*(part.abort() for part in self._listeners), return_exceptions=True)
        await asyncio.gather(self._web.abort(), *(client.close() for client in self._clients), return_exceptions=True)
        if not self.gave_up:
            worker.stop()
        # Functions have no hook for the end, here as in Azure, so the app's own clients are still open: no news.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def _listen(self, triggers: Triggers) -> None:
        # Imported where they are needed: the SDKs take half a second, and a refusal to start should come at once.
        if triggers.feeds:
            from local.azure.host.cosmos import Accounts

            accounts = Accounts(Holder(self._options.host_id, uuid.uuid4().hex), clock=_now)
            self._clients.append(accounts)
            self._listeners += [accounts.processor(trigger, invoke=self.invoke) for trigger in triggers.feeds]
        if triggers.bus:
            from local.azure.host.bus import Buses

            buses = Buses(self._host_options.service_bus, lanes=self._options.lanes)
            self._clients.append(buses)
            self._listeners += [buses.pump(trigger, invoke=self.invoke) for trigger in triggers.bus]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
