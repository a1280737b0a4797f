"""One AMQP connection: Proton without its own I/O, inside an asyncio protocol. Knows Proton; so does `links.py`.

It turns Proton's events into calls on the peer. Knows no entity, decides nothing.
"""

import asyncio
import time
from typing import Protocol, cast

from proton import Collector, Connection, Delivery, Event, Link, Session, Transport, TransportException

from local.azure.servicebus.frames import BATCH_FORMAT, FrameWatch
from local.azure.servicebus.links import CREDIT, Handed, Inbound, Outbound, Sink, Source, Transfer
from local.azure.servicebus.sasl import Sasl

_MAX_FRAME_BYTES = 65_536


class Peer(Protocol):
    """What this connection's client may do."""

    def attach_sink(self, link: Inbound) -> None: ...

    def attach_source(self, link: Outbound) -> None: ...

    def lost(self) -> None: ...


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
                self._end_session(event.session)
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

    def _end_session(self, session: Session) -> None:
        link = self._connection.link_head(0)
        while link is not None:
            if link.session == session:
                self._detach(link)
            link = link.next(0)
        session.close()

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
        if link.credit <= CREDIT // 2:
            link.flow(CREDIT - link.credit)
        if delivery.aborted:
            delivery.settle()
        elif (sink := self.sinks.get(link.name)) is not None:
            sink.received(Transfer(self, delivery, payload=payload, is_batch=message_format == BATCH_FORMAT))
