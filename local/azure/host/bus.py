"""The Service Bus SDK behind the pump's receivers. Must not know how a pump uses them, nor what a message says."""

import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import certifi
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessagingEntityNotFoundError

from local.azure.host.credentials import credential_of
from local.azure.host.delivery import NotConvertible, invocation_of, trace_parent_of
from local.azure.host.errors import WITHOUT_IT, CannotStart, InvocationFailed
from local.azure.host.hostjson import ServiceBusOptions
from local.azure.host.pump import Pump, PumpOptions, Verdict
from local.azure.host.settings import Connection
from local.azure.host.traces import Traces
from local.azure.host.triggers import BusTrigger
from local.azure.host.wire import TraceContext
from local.azure.host.worker import Function, Invocation

# How long one call to receive waits. Short polls buy nothing: a lane breaks the call off when it needs the receiver.
_RECEIVE_WAIT_S = 60.0
# The client looks at its socket in turns of this length, and a message that arrives in a turn of its own keep-alive
# task is seen one turn later. The SDK's own 0.2 s would show up as latency.
_SOCKET_TURN_S = 0.05

_TRACE_SCHEMA = "https://opentelemetry.io/schemas/1.23.0"  # as the .NET SDK names it

_log = logging.getLogger(__name__)

type Invoke = Callable[[Function, Invocation], Awaitable[object]]


class Buses:
    """The clients, one per connection, and the pumps over them."""

    def __init__(self, options: ServiceBusOptions, *, lanes: int, traces: Traces) -> None:
        self._options = options
        self._traces = traces
        self._lanes = min(lanes, options.max_concurrent_calls)
        self._clients: dict[str, ServiceBusClient] = {}
        self._trust = ssl.create_default_context(cafile=certifi.where())

    def pump(self, trigger: BusTrigger, *, invoke: Invoke) -> Pump[ServiceBusReceivedMessage]:
        client, prefetch = self._client(trigger.connection), self._options.prefetch_count

        async def run(message: ServiceBusReceivedMessage) -> Verdict:
            try:
                span = self._span(trigger, message, address=client.fully_qualified_namespace)
                await invoke(trigger.function, invocation_of(message, binary=trigger.binary, trace=span))
            except NotConvertible as failed:
                _log.error("%s failed before it ran: %s", trigger.function.name, failed)
                return Verdict.ABANDON
            except InvocationFailed:
                return Verdict.ABANDON
            return Verdict.COMPLETE if trigger.auto_complete else Verdict.LEAVE

        return Pump(
            trigger.function.name,
            receivers=[BusReceiver(client, trigger, prefetch=prefetch) for _ in range(self._lanes)],
            run=run,
            options=PumpOptions(self._options.max_concurrent_calls, self._options.lock_renewal_s),
        )

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _span(self, trigger: BusTrigger, message: ServiceBusReceivedMessage, *, address: str) -> TraceContext:
        attributes = {
            "az.namespace": "Microsoft.ServiceBus",
            "az.schema_url": _TRACE_SCHEMA,
            "messaging.system": "servicebus",
            "messaging.operation": "process",
            "messaging.destination.name": trigger.entity,
            "server.address": address,
        }
        return self._traces.span(trace_parent_of(message), attributes=attributes)

    def _client(self, connection: Connection) -> ServiceBusClient:
        if connection.name not in self._clients:
            self._clients[connection.name] = _open(connection, trust=self._trust)
        return self._clients[connection.name]


def _open(connection: Connection, *, trust: ssl.SSLContext) -> ServiceBusClient:
    """A client whose retries are few and quick: the pump itself goes on trying.

    trust: without it the SDK reads all authorities anew for each receiver, 20 ms each, also where nothing is encrypted.
    """
    quick: dict[str, Any] = {
        "retry_total": 1,
        "retry_backoff_factor": 0.1,
        "socket_timeout": _SOCKET_TURN_S,
        "ssl_context": trust,
    }
    if connection.connection_string:
        return ServiceBusClient.from_connection_string(connection.connection_string, **quick)
    return ServiceBusClient(str(connection.endpoint), credential_of(connection), **quick)


class BusReceiver:
    """One receiver of the SDK, with a connection of its own."""

    def __init__(self, client: ServiceBusClient, trigger: BusTrigger, *, prefetch: int) -> None:
        self._trigger = trigger
        self._receiver = _receiver(client, trigger, prefetch=prefetch)

    async def open(self) -> None:
        try:
            await self._receiver.__aenter__()
        except MessagingEntityNotFoundError as exc:
            raise CannotStart(
                f"{self._trigger.function.name}: no Service Bus entity is named {self._trigger.entity}: create it or"
                " correct the name",
                there=WITHOUT_IT,
            ) from exc

    async def receive(self) -> ServiceBusReceivedMessage | None:
        # One at a time: a call that asks for more waits 0.2 s for the rest, and leaves credit behind at the broker,
        # which then sends messages that nobody is reading.
        received = await self._receiver.receive_messages(1, max_wait_time=_RECEIVE_WAIT_S)
        return received[0] if received else None

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        await self._receiver.complete_message(message)

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        await self._receiver.abandon_message(message)

    async def renew(self, message: ServiceBusReceivedMessage) -> None:
        await self._receiver.renew_message_lock(message)

    async def close(self) -> None:
        await self._receiver.close()


def _receiver(client: ServiceBusClient, trigger: BusTrigger, *, prefetch: int) -> ServiceBusReceiver:
    if trigger.queue:
        return client.get_queue_receiver(trigger.queue, prefetch_count=prefetch)
    return client.get_subscription_receiver(str(trigger.topic), str(trigger.subscription), prefetch_count=prefetch)
