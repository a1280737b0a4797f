"""The links of one connection in plain words. With `wire.py` the only module that knows Proton.

Knows no entity and decides nothing: what a link is for, and what becomes of a message, is the peer's business.
"""

from typing import Protocol, cast
from uuid import UUID

from proton import Condition, Delivery, Link, Terminus, symbol

CREDIT = 1_000
"""How many messages a client may send ahead."""

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


class Wire(Protocol):
    """The connection under the links."""

    sinks: dict[str, Sink]
    sources: dict[str, Source]

    def wake(self) -> None:
        """Something waits to be sent."""


class _LinkEnd:
    def __init__(self, wire: Wire, link: Link) -> None:
        self._wire = wire
        self._link = link
        self.name: str = link.name

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
        self._wire.wake()


class Inbound(_LinkEnd):
    """A link on which the client sends."""

    def __init__(self, wire: Wire, link: Link) -> None:
        super().__init__(wire, link)
        self.address: str = link.remote_target.address or ""

    def open(self, sink: Sink, *, max_message_bytes: int) -> None:
        self._copy_ends()
        self._link.max_message_size = max_message_bytes
        self._link.open()
        self._link.flow(CREDIT)
        self._wire.sinks[self.name] = sink


class Outbound(_LinkEnd):
    """A link on which the client receives."""

    def __init__(self, wire: Wire, link: Link) -> None:
        super().__init__(wire, link)
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
        self._wire.sources[self.name] = source

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
        self._wire.wake()

    def drained(self) -> None:
        self._link.drained()
        self._wire.wake()


class Transfer:
    """One message, or one batch, from the client. Accept or reject it, once, at any time."""

    def __init__(self, wire: Wire, delivery: Delivery, *, payload: bytes, is_batch: bool) -> None:
        self._wire = wire
        self._delivery = delivery
        self.payload = payload
        self.is_batch = is_batch

    def accept(self) -> None:
        self._delivery.update(Delivery.ACCEPTED)
        self._delivery.settle()
        self._wire.wake()

    def reject(self, condition: str, description: str) -> None:
        self._delivery.local.condition = _condition(condition, description)
        self._delivery.update(Delivery.REJECTED)
        self._delivery.settle()
        self._wire.wake()


class Handed:
    """A message in the client's hands, about which it has now said something."""

    def __init__(self, wire: Wire, delivery: Delivery) -> None:
        self._wire = wire
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
        self._wire.wake()

    def refuse(self, condition: str, description: str) -> None:
        self._delivery.local.condition = _condition(condition, description)
        self._delivery.update(Delivery.REJECTED)
        self._delivery.settle()
        self._wire.wake()
