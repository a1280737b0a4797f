"""Puts the host together: loads the app, connects its triggers, starts and drains them. Decides nothing else."""

import asyncio
import datetime as dt
import json
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from local.host import worker
from local.host.bus import BusReceiver, invocation_of, open_bus
from local.host.cosmos import Account, CosmosFeed, CosmosLeases, lease_prefix
from local.host.errors import InvocationFailed
from local.host.feed import Document, FeedOptions, FeedProcessor
from local.host.hostjson import HostOptions, read_host_json
from local.host.leases import Holder, LeaseBook
from local.host.messages import RetryContext, TypedData
from local.host.pacing import Stop, shortened, together
from local.host.pump import Pump, PumpOptions, Verdict
from local.host.settings import Connection, Settings
from local.host.timer import Timer
from local.host.triggers import BusTrigger, FeedTrigger, Triggers, read_triggers
from local.host.web import Keys, WebServer
from local.host.worker import Function, Invocation

_log = logging.getLogger(__name__)


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
        self._holder = Holder(options.host_id, uuid.uuid4().hex)
        self._running: list[str] = []
        self._stop = Stop()
        self._accounts: dict[str, Account] = {}
        self._buses: dict[str, ServiceBusClient] = {}
        self._web = WebServer(triggers.http, invoke=self.invoke, keys=options.keys)
        feeds = [self._feed(trigger) for trigger in triggers.feeds]
        pumps = [self._pump(trigger) for trigger in triggers.bus]
        self._listeners: list[FeedProcessor | Pump[ServiceBusReceivedMessage]] = [*feeds, *pumps]
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
        clients = [account.close() for account in self._accounts.values()] + [
            bus.close() for bus in self._buses.values()
        ]
        await asyncio.gather(self._web.close(), *clients, return_exceptions=True)
        if not self.gave_up:
            worker.stop()

    def _feed(self, trigger: FeedTrigger) -> FeedProcessor:
        account = self._account(trigger.connection)
        store = CosmosLeases(self._account(trigger.lease_connection), trigger)

        async def open_leases() -> LeaseBook:
            await store.prepare()
            return LeaseBook(
                store,
                prefix=await lease_prefix(account, trigger),
                holder=self._holder,
                expiration_s=trigger.expiration_interval_s,
                clock=_now,
            )

        async def run(documents: list[Document], retry: RetryContext) -> object:
            data = TypedData(string=json.dumps(documents))
            return await self.invoke(trigger.function, Invocation(data=data, retry=retry))

        return FeedProcessor(
            trigger.function.name,
            feed=CosmosFeed(account, trigger),
            open_leases=open_leases,
            run=run,
            options=FeedOptions(
                poll_delay_s=trigger.poll_delay_s,
                acquire_interval_s=trigger.acquire_interval_s,
                renew_interval_s=trigger.renew_interval_s,
                retry=trigger.retry,
            ),
        )

    def _pump(self, trigger: BusTrigger) -> Pump[ServiceBusReceivedMessage]:
        options = self._host_options.service_bus
        bus = self._bus(trigger.connection)

        async def run(message: ServiceBusReceivedMessage) -> Verdict:
            try:
                await self.invoke(trigger.function, invocation_of(message, binary=trigger.binary))
            except InvocationFailed:
                return Verdict.ABANDON
            return Verdict.COMPLETE if trigger.auto_complete else Verdict.LEAVE

        lanes = min(self._options.lanes, options.max_concurrent_calls)
        return Pump(
            trigger.function.name,
            receivers=[BusReceiver(bus, trigger, prefetch=options.prefetch_count) for _ in range(lanes)],
            run=run,
            options=PumpOptions(options.max_concurrent_calls, options.lock_renewal_s),
        )

    def _account(self, connection: Connection) -> Account:
        return self._accounts.setdefault(connection.name, Account(connection))

    def _bus(self, connection: Connection) -> ServiceBusClient:
        if connection.name not in self._buses:
            self._buses[connection.name] = open_bus(connection)
        return self._buses[connection.name]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
