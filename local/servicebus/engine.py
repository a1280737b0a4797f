"""One AMQP connection: Proton without its own I/O, inside an asyncio protocol. The only module that knows Proton.

It turns Proton's events into calls on the peer, and offers links in plain words. Knows no entity, decides nothing.
"""

import asyncio
import time
from typing import Protocol, cast
from uuid import UUID

from proton import (
    Collector,
    Condition,
    Connection,
    Delivery,
    Event,
    Link,
    Terminus,
    Transport,
    TransportException,
    symbol,
)

from local.servicebus.frames import BATCH_FORMAT, FrameWatch
from local.servicebus.sasl import Sasl

_MAX_FRAME_BYTES = 65_536
_CREDIT = 1_000
_SETTLED_BY_SENDER = 1


def _condition(name: str, description: str) -> Condition:
    """With an info map, as the service has one: the SDK takes for granted that it is there."""
    return Condition(name, description, {symbol("com.microsoft:source"): "local"})


class Sink(Protocol):
    """Takes what a client sends on one link."""

    def received(self, transfer: "Transfer") -> None: ...


class Source(Protocol):
    """Gives a client messages on one link."""

    def flow(self) -> None:
        """The client has given credit, or wants to be told that there is nothing (drain)."""

    def outcome(self, handed: "Handed") -> None:
        """The client has said what became of a message."""

    def closed(self) -> None: ...


class Peer(Protocol):
    """What this connection's client may do."""

    def attach_sink(self, link: "Inbound") -> None: ...

    def attach_source(self, link: "Outbound") -> None: ...

    def lost(self) -> None: ...


class _LinkEnd:
    def __init__(self, engine: "Engine", link: Link) -> None:
        self._engine = engine
        self._link = link
        self.name: str = link.name
        self.properties = cast("dict[str, object]", dict(link.remote_properties or {}))

    def _copy_ends(self) -> None:
        self._link.source.copy(self._link.remote_source)
        self._link.target.copy(self._link.remote_target)
        self._link.snd_settle_mode = self._link.remote_snd_settle_mode
        self._link.rcv_settle_mode = self._link.remote_rcv_settle_mode

    def refuse(self, condition: str, description: str) -> None:
        """Attach with nothing behind it, then detach with the error: so the client learns why."""
        self._link.source.type = Terminus.UNSPECIFIED
        self._link.target.type = Terminus.UNSPECIFIED
        self._link.open()
        self._link.condition = _condition(condition, description)
        self._link.close()
        self._engine.wake()


class Inbound(_LinkEnd):
    """A link on which the client sends."""

    def __init__(self, engine: "Engine", link: Link) -> None:
        super().__init__(engine, link)
        self.address: str = link.remote_target.address or ""

    def open(self, sink: Sink, *, max_message_bytes: int) -> None:
        self._copy_ends()
        self._link.max_message_size = max_message_bytes
        self._link.open()
        self._link.flow(_CREDIT)
        self._engine.sinks[self.name] = sink


class Outbound(_LinkEnd):
    """A link on which the client receives."""

    def __init__(self, engine: "Engine", link: Link) -> None:
        super().__init__(engine, link)
        self.address: str = link.remote_source.address or ""
        self.reply_address: str = link.remote_target.address or ""
        self.deletes: bool = link.remote_snd_settle_mode == _SETTLED_BY_SENDER
        self._replies = 0

    @property
    def wants_session(self) -> bool:
        filters = self._link.remote_source.filter
        filters.rewind()
        named = filters.get_object() if filters.next() else None
        return isinstance(named, dict) and "com.microsoft:session-filter" in {str(name) for name in named}

    @property
    def credit(self) -> int:
        return cast("int", self._link.credit)

    @property
    def is_draining(self) -> bool:
        return bool(self._link.drain_mode)

    def open(self, source: Source) -> None:
        self._copy_ends()
        self._link.open()
        self._engine.sources[self.name] = source

    def send(self, message: bytes, token: UUID | None = None) -> None:
        """Without a token the message is settled as it goes."""
        self._replies += 1
        tag = token.bytes_le if token is not None else b"%d" % self._replies
        delivery = self._link.delivery(tag)
        self._link.send(message)
        self._link.advance()
        if token is None:
            delivery.settle()
        else:
            delivery.token = token
        self._engine.wake()

    def drained(self) -> None:
        self._link.drained()
        self._engine.wake()


class Transfer:
    """One message, or one batch, from the client. Accept or reject it, once, at any time."""

    def __init__(self, engine: "Engine", delivery: Delivery, payload: bytes, *, is_batch: bool) -> None:
        self._engine = engine
        self._delivery = delivery
        self.payload = payload
        self.is_batch = is_batch

    def accept(self) -> None:
        self._delivery.update(Delivery.ACCEPTED)
        self._delivery.settle()
        self._engine.wake()

    def reject(self, condition: str, description: str) -> None:
        self._delivery.local.condition = _condition(condition, description)
        self._delivery.update(Delivery.REJECTED)
        self._delivery.settle()
        self._engine.wake()


class Handed:
    """A message in the client's hands, about which it has now said something."""

    def __init__(self, engine: "Engine", delivery: Delivery) -> None:
        self._engine = engine
        self._delivery = delivery
        self.token: UUID = delivery.token
        self.state: str = getattr(delivery.remote_state, "name", "NONE")
        self.undeliverable_here = bool(delivery.remote.undeliverable)
        condition = delivery.remote.condition
        told = condition.info if condition is not None and isinstance(condition.info, dict) else {}
        self.told: dict[str, object] = {str(name): value for name, value in told.items()}

    def confirm(self) -> None:
        """Echo the client's own outcome: it waits for the same."""
        if not self._delivery.settled:
            self._delivery.local.failed = self._delivery.remote.failed
            self._delivery.local.undeliverable = self._delivery.remote.undeliverable
            self._delivery.update(self._delivery.remote_state)
        self._delivery.settle()
        self._engine.wake()

    def refuse(self, condition: str, description: str) -> None:
        self._delivery.local.condition = _condition(condition, description)
        self._delivery.update(Delivery.REJECTED)
        self._delivery.settle()
        self._engine.wake()


class Engine(asyncio.Protocol):
    """The bytes of one connection in and out."""

    def __init__(self, *, container: str) -> None:
        self.peer: Peer | None = None
        self.sinks: dict[str, Sink] = {}
        self.sources: dict[str, Source] = {}
        self._container = container
        self._sasl = Sasl()
        self._frames = FrameWatch()
        self._collector = Collector()
        self._connection = Connection()
        self._connection.collect(self._collector)
        self._proton = Transport(Transport.SERVER)
        self._proton.max_frame_size = _MAX_FRAME_BYTES
        self._proton.bind(self._connection)
        self._socket: asyncio.Transport | None = None
        self._woken = False
        self._heartbeat: asyncio.TimerHandle | None = None

    # -- asyncio ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._sasl.done:
            out, data = self._sasl.feed(data)
            if out and self._socket is not None:
                self._socket.write(out)
        if data:
            self._frames.feed(data)
            self._push(data)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._socket = None
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self.peer is not None:
            self.peer.lost()
        for source in tuple(self.sources.values()):
            source.closed()
        self.sinks.clear()
        self.sources.clear()

    @property
    def is_lost(self) -> bool:
        return self._socket is None

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._socket is not None:
            self._socket.abort()

    def wake(self) -> None:
        """Something waits to be sent: send it in this turn of the loop, together with what else comes up."""
        if not self._woken and self._socket is not None:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._flush)

    # -- bytes and events ------------------------------------------------------------------------------------------

    def _push(self, octets: bytes) -> None:
        try:
            while octets:
                room = self._proton.capacity()
                if room <= 0:
                    return
                self._proton.push(octets[:room])
                octets = octets[room:]
                self._take_events()
        except TransportException:
            self.cut()

    def _flush(self) -> None:
        self._woken = False
        if self._socket is None:
            return
        self._take_events()
        self._beat()
        while (size := self._proton.pending()) > 0:
            self._socket.write(self._proton.peek(size))
            self._proton.pop(size)
        if size < 0:
            self._socket.close()

    def _beat(self) -> None:
        """Empty frames for a client that asked for them."""
        deadline = self._proton.tick(time.monotonic()) if self._proton.remote_idle_timeout else 0
        if deadline and self._heartbeat is None:
            self._heartbeat = asyncio.get_running_loop().call_later(max(0, deadline - time.monotonic()), self._beat_due)

    def _beat_due(self) -> None:
        self._heartbeat = None
        self._flush()

    def _take_events(self) -> None:
        while (event := self._collector.peek()) is not None:
            self._take(event)
            self._collector.pop()

    def _take(self, event: Event) -> None:
        match event.type:
            case Event.CONNECTION_REMOTE_OPEN:
                event.connection.container = self._container
                event.connection.open()
            case Event.SESSION_REMOTE_OPEN:
                event.session.open()
            case Event.LINK_REMOTE_OPEN:
                self._attach(event.link)
            case Event.LINK_FLOW:
                if event.link.is_sender and (source := self.sources.get(event.link.name)):
                    source.flow()
            case Event.DELIVERY:
                self._delivery(event.delivery)
            case Event.LINK_REMOTE_CLOSE | Event.LINK_REMOTE_DETACH:
                self._detach(event.link)
            case Event.SESSION_REMOTE_CLOSE:
                event.session.close()
            case Event.CONNECTION_REMOTE_CLOSE:
                event.connection.close()

    def _attach(self, link: Link) -> None:
        if self.peer is None:
            return
        if link.is_receiver:
            self.peer.attach_sink(Inbound(self, link))
        else:
            self.peer.attach_source(Outbound(self, link))

    def _detach(self, link: Link) -> None:
        if link.is_sender and (source := self.sources.pop(link.name, None)):
            source.closed()
        elif link.is_receiver:
            self.sinks.pop(link.name, None)
        link.close()

    def _delivery(self, delivery: Delivery) -> None:
        link = delivery.link
        if link.is_receiver:
            self._receive(link, delivery)
        elif delivery.updated and hasattr(delivery, "token") and (source := self.sources.get(link.name)):
            source.outcome(Handed(self, delivery))

    def _receive(self, link: Link, delivery: Delivery) -> None:
        if not delivery.readable or (delivery.partial and not delivery.aborted):
            return
        message_format = self._frames.take(link.name)
        payload = b"" if delivery.aborted else bytes(link.recv(delivery.pending) or b"")
        link.advance()
        if link.credit <= _CREDIT // 2:
            link.flow(_CREDIT - link.credit)
        if delivery.aborted:
            delivery.settle()
        elif (sink := self.sinks.get(link.name)) is not None:
            sink.received(Transfer(self, delivery, payload, is_batch=message_format == BATCH_FORMAT))
