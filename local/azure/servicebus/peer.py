"""What one client may do on its connection: which links it gets, and what is behind each. Translates, decides nothing.

Knows the broker and the links that `wire.py` offers; does not know Proton.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from local.azure.servicebus import cbs, management
from local.azure.servicebus.addresses import Address, parse
from local.azure.servicebus.entities import Entry, Queue, Topic
from local.azure.servicebus.errors import NotAllowed, NotImplementedHere, Refusal, TooLarge, Unauthorized
from local.azure.servicebus.faults import Faults
from local.azure.servicebus.links import Handed, Inbound, Outbound, Transfer
from local.azure.servicebus.sections import Request, batch_members, read_request, render
from local.azure.servicebus.state import Broker, Durable
from local.azure.servicebus.values import Malformed
from local.azure.servicebus.wire import Engine

MAX_MESSAGE_BYTES = 262_144
"""256 KB, the limit of the Standard tier, for one message and for one batch."""
_ANNOUNCED_TO_NODES = 1_048_576


class Client:
    """One connection."""

    def __init__(
        self, engine: Engine, broker: Broker, *, faults: Faults, now_ms: Callable[[], int], left: Callable[[], None]
    ) -> None:
        self.engine = engine
        self.broker = broker
        self.faults = faults
        self.lost = left
        self._now_ms = now_ms
        self._authorised = False
        self._replies: dict[str, Outbound] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def attach_sink(self, link: Inbound) -> None:
        address = parse(link.address)
        try:
            if address.is_cbs:
                link.open(RequestNode(self._authorise), max_message_bytes=_ANNOUNCED_TO_NODES)
                return
            self._check_rights()
            if address.is_management:
                self._check_exists(address)
                node = RequestNode(partial(self._manage, address=address, node=link.address))
                link.open(node, max_message_bytes=_ANNOUNCED_TO_NODES)
            elif address.is_topic:
                sink = TopicSink(self, self.broker.topic(address.entity))
                link.open(sink, max_message_bytes=MAX_MESSAGE_BYTES)
            else:
                raise NotAllowed(f"{address.entity!r} is a subscription: send to its topic")
        except Refusal as refusal:
            link.refuse(refusal.condition, str(refusal))

    def attach_source(self, link: Outbound) -> None:
        address = parse(link.address)
        try:
            if address.is_cbs or address.is_management:
                link.open(ReplySource(self, link))
                self._replies[link.reply_address] = self._replies[link.address] = link
                return
            self._check_rights()
            if link.wants_session:
                raise NotImplementedHere("sessions are not implemented")
            if address.is_transfer_dead:
                raise NotImplementedHere("transfer dead-letter queues are not implemented")
            queue = self.broker.queue(address.entity)
            source = QueueSource(self, link, queue=queue)
            link.open(source)
            self.broker.subscribe(queue, source)
        except Refusal as refusal:
            link.refuse(refusal.condition, str(refusal))

    def _check_rights(self) -> None:
        if not self._authorised:
            raise Unauthorized("put a token to $cbs first")

    def _check_exists(self, address: Address) -> None:
        if address.is_topic:
            self.broker.topic(address.entity)
        else:
            self.broker.queue(address.entity)

    def forget_reply(self, link: Outbound) -> None:
        self._replies = {address: one for address, one in self._replies.items() if one is not link}

    def _authorise(self, request: Request) -> None:
        message, fits = cbs.put_token(request, now_s=self._now_ms() / 1000)
        self._authorised = self._authorised or fits
        self._reply(request, message, node="$cbs")

    def _manage(self, request: Request, *, address: Address, node: str) -> None:
        task = asyncio.create_task(self._manage_and_reply(request, address=address, node=node))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _manage_and_reply(self, request: Request, *, address: Address, node: str) -> None:
        try:
            message = await management.answer(request, address, broker=self.broker)
        except Exception:
            # Not durable, or a mistake of ours: the client learns nothing and must assume the worst.
            self.engine.cut()
            raise
        self._reply(request, message, node=node)

    def _reply(self, request: Request, message: bytes, *, node: str) -> None:
        link = self._replies.get(request.reply_to) or self._replies.get(node)
        if link is not None and not self.engine.is_lost:
            link.send(message)

    def when_durable(self, durable: Durable, action: Callable[[], None]) -> None:
        """Answer when it is safe to. If it never is, cut the connection: the client must assume the worst."""

        def answer(done: Durable) -> None:
            if self.engine.is_lost or done.cancelled():
                return
            if done.exception() is None:
                action()
            else:
                self.engine.cut()

        durable.add_done_callback(answer)


class RequestNode:
    """Takes requests, for `$cbs` or `$management`."""

    def __init__(self, answer: Callable[[Request], None]) -> None:
        self._answer = answer

    def received(self, transfer: Transfer) -> None:
        try:
            request = read_request(transfer.payload)
        except Malformed as exc:
            transfer.reject("amqp:decode-error", str(exc))
            return
        transfer.accept()
        self._answer(request)


class ReplySource:
    """The way back from `$cbs` or `$management`."""

    def __init__(self, client: Client, link: Outbound) -> None:
        self._client = client
        self._link = link

    def flow(self) -> None:
        if self._link.is_draining:
            self._link.drained()

    def outcome(self, handed: Handed) -> None:
        """Replies go out settled."""

    def closed(self) -> None:
        self._client.forget_reply(self._link)


class TopicSink:
    """What the client sends here goes into the topic."""

    def __init__(self, client: Client, topic: Topic) -> None:
        self._client = client
        self._topic = topic

    def received(self, transfer: Transfer) -> None:
        self._topic.counts["sends"] += 1
        error = self._client.faults.refusal(self._topic.name)
        if error is not None:
            transfer.reject(error, "refused by an ordered fault")
            return
        try:
            durable = self._publish(transfer)
        except Refusal as refusal:
            transfer.reject(refusal.condition, str(refusal))
        except Malformed as exc:
            transfer.reject("amqp:decode-error", str(exc))
        else:
            cut = self._client.faults.cuts_after_accept(self._topic.name)
            self._client.when_durable(durable, self._client.engine.cut if cut else transfer.accept)

    def _publish(self, transfer: Transfer) -> Durable:
        if len(transfer.payload) > MAX_MESSAGE_BYTES:
            raise TooLarge(f"{len(transfer.payload)} bytes are more than the {MAX_MESSAGE_BYTES} that a send may have")
        payloads = batch_members(transfer.payload) if transfer.is_batch else [transfer.payload]
        return self._client.broker.publish(self._topic, payloads)[1]


class QueueSource:
    """The client receives from a subscription or a dead-letter queue."""

    def __init__(self, client: Client, link: Outbound, *, queue: Queue) -> None:
        self._client = client
        self._link = link
        self._queue = queue
        self._reserved = 0

    @property
    def deletes(self) -> bool:
        return self._link.deletes

    @property
    def credit(self) -> int:
        return self._link.credit - self._reserved

    def reserve(self) -> None:
        self._reserved += 1

    def deliver(self, entry: Entry) -> None:
        if self.deletes:
            self._reserved -= 1
        if not self._client.engine.is_lost:
            self._link.send(render(entry), entry.lock_token)
            self._end_drain()

    def flow(self) -> None:
        self._client.broker.pump(self._queue)
        self._end_drain()

    def _end_drain(self) -> None:
        if self._link.is_draining and not self._reserved:
            self._link.drained()

    def closed(self) -> None:
        """What was handed out stays locked until its lock ends: it can still be settled over `$management`."""
        self._client.broker.unsubscribe(self._queue, self)

    def outcome(self, handed: Handed) -> None:
        try:
            durable = self._settle(handed)
        except Refusal as refusal:
            handed.refuse(refusal.condition, str(refusal))
        else:
            if durable is not None:
                self._client.when_durable(durable, handed.confirm)

    def _settle(self, handed: Handed) -> Durable | None:
        broker, queue, token = self._client.broker, self._queue, handed.token
        match handed.state:
            case "ACCEPTED":
                return broker.complete(queue, token)
            case "RELEASED":
                return broker.release(queue, token)
            case "MODIFIED" if handed.undeliverable_here:
                return broker.defer(queue, token)
            case "MODIFIED":
                return broker.abandon(queue, token)
            case "REJECTED":
                reason, description = (handed.told.get(f"DeadLetter{part}") for part in ("Reason", "ErrorDescription"))
                return broker.dead_letter(queue, token, reason=_text(reason), description=_text(description))
            case "RECEIVED" | "NONE":
                return None
            case other:
                raise NotImplementedHere(f"outcome {other} is not implemented")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
