"""Puts the host together: loads the app, connects its triggers, starts and drains them. Decides nothing else."""

import asyncio
import datetime as dt
import logging
import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from local.azure.host import worker
from local.azure.host.admin import Admin
from local.azure.host.errors import InvocationFailed
from local.azure.host.generation import Generation
from local.azure.host.hostjson import HostOptions
from local.azure.host.keys import Keys
from local.azure.host.leases import Holder
from local.azure.host.pacing import Stop, shortened, together
from local.azure.host.passing import Passing, Runner
from local.azure.host.settings import Settings
from local.azure.host.timer import Timer
from local.azure.host.traces import Traces
from local.azure.host.triggers import Triggers, read_triggers
from local.azure.host.web import WebServer
from local.azure.host.wire import TypedData
from local.azure.host.worker import Function, Invocation

_SETTLES_WITHIN_S = 5.0
_LAST_WORDS_S = 0.3

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
    http_drain_s: float
    """How long a stop waits for requests under way."""
    drain_s: float
    """How long it waits then for whatever runs."""
    lanes: int
    """Receivers, and so AMQP connections, per Service Bus function."""
    keys: Keys
    runner: Runner | None
    """Who runs the platform that this host is a part of, if anybody does."""
    listening: socket.socket | None
    """Left by the life before."""
    begin_anew: Callable[[socket.socket | None], NoReturn]
    end: Callable[[], NoReturn]
    """Leave the process with whatever runs in it."""


async def start_host(options: StartOptions, *, host_options: HostOptions) -> "Host":
    """Load the app and start everything. Returns when HTTP is served and every trigger listens.

    Raises `CannotStart` for what waiting does not mend; a service that does not answer is waited for.
    """
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
        self._traces = Traces(host_options.has_telemetry)
        self._generation = Generation(host_options.function_timeout_s)
        self._stop = Stop()
        self._clients: list[Client] = []
        self._listeners: list[Listener] = []
        admin = Admin(triggers.functions, invoke=self.invoke, keys=options.keys)
        self._web = WebServer(
            triggers.http,
            invoke=self.invoke,
            keys=options.keys,
            traces=self._traces,
            admin=admin,
            passing=Passing(options.runner, keys=options.keys),
        )
        self._listen(triggers)
        self._timers = [Timer(t, invoke=self.invoke, clock=_now, stop=self._stop) for t in triggers.timers]
        self._timer_tasks: list[asyncio.Task[None]] = []
        self._successor: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._web.port

    async def start(self) -> None:
        await self._web.start(self._options.port, listening=self._options.listening)
        await together(*(part.start() for part in self._listeners))
        self._timer_tasks = [asyncio.create_task(timer.work()) for timer in self._timers]
        self._successor = asyncio.create_task(self._begin_anew_when_over())
        self._generation.guard(lambda: self._options.begin_anew(self._web.socket))

    async def invoke(self, function: Function, invocation: Invocation) -> TypedData | None:
        """Run a function once. A failure is logged here, in one line, and raised on."""
        try:
            return await self._generation.run(function, invocation)
        except InvocationFailed as failed:
            attempt = f", try {invocation.retry.retry_count + 1}" if invocation.retry.max_retry_count else ""
            _log.error("%s failed%s: %s", function.name, attempt, shortened(str(failed)))
            _log.debug("%s", failed.stack_trace)
            raise

    async def close(self) -> None:
        """Stop as in Azure: nobody new is answered, requests under way have their time, then all that runs has its.

        Until then the listeners go on. What is past its limit is cut: its message is not settled, its page is not noted
        and the lease of the page keeps its owner.
        """
        self._web.hang_up()
        await self._web.rest()
        await self._web.until_answered(self._options.http_drain_s)
        is_at_rest = await self._generation.rests(self._options.drain_s)
        await self._drain(_SETTLES_WITHIN_S if is_at_rest else _LAST_WORDS_S)
        if self._generation.running:
            names = ", ".join(sorted(set(self._generation.running)))
            _log.error("not finished after %g s, given up: %s; messages come again", self._options.drain_s, names)
            self._options.end()
        await self.abort()

    async def _drain(self, limit_s: float) -> None:
        """Take no more, settle and note what is done, free the leases of what rests."""
        self._stop.tell()
        parts = [*(part.drain() for part in self._listeners), *self._timer_tasks]
        if parts:
            await asyncio.wait([asyncio.ensure_future(part) for part in parts], timeout=limit_s)

    async def _begin_anew_when_over(self) -> None:
        await self._generation.is_over.wait()
        await self._web.rest()
        await self._drain(_SETTLES_WITHIN_S)
        await self._web.until_answered(_SETTLES_WITHIN_S)
        await asyncio.sleep(_LAST_WORDS_S)  # for the answers to leave
        self._options.begin_anew(self._web.socket)

    async def abort(self) -> None:
        """Drop what is under way and close the connections."""
        for task in (*self._timer_tasks, *([self._successor] if self._successor else [])):
            task.cancel()
        await asyncio.gather(*(part.abort() for part in self._listeners), return_exceptions=True)
        await asyncio.gather(self._web.abort(), *(client.close() for client in self._clients), return_exceptions=True)
        worker.stop()
        # Functions have no hook for the end, here as in Azure, so the app's own clients are still open: no news.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def _listen(self, triggers: Triggers) -> None:
        # Imported where they are needed: the SDKs take half a second, and a refusal to start should come at once.
        if triggers.feeds:
            from local.azure.host.cosmos import Accounts

            accounts = Accounts(Holder(self._options.host_id, str(uuid.uuid4())), clock=_now)
            self._clients.append(accounts)
            self._listeners += [accounts.processor(trigger, invoke=self.invoke) for trigger in triggers.feeds]
        if triggers.bus:
            from local.azure.host.bus import Buses

            buses = Buses(self._host_options.service_bus, lanes=self._options.lanes, traces=self._traces)
            self._clients.append(buses)
            self._listeners += [buses.pump(trigger, invoke=self.invoke) for trigger in triggers.bus]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
