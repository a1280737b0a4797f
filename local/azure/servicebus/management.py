"""`$management` of an entity: the operations that are requests and not links. Translates, decides nothing.

Knows no connection: a request comes in, a reply goes out.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from local.azure.servicebus.addresses import Address
from local.azure.servicebus.entities import Entry, Queue, Topic
from local.azure.servicebus.errors import BadRequest, NotImplementedHere, Refusal
from local.azure.servicebus.sections import Request, render, write_reply
from local.azure.servicebus.state import Broker
from local.azure.servicebus.values import Array, Int, Malformed, Symbol

MAX_REPLY_BYTES = 262_144
_PREFIX = "com.microsoft:"
_LONG, _TIMESTAMP = 0x81, 0x83

type _Body = Mapping[object, object]
type _Answer = tuple[int, object]


@dataclass(frozen=True, slots=True)
class _Entity:
    """What the request is about."""

    broker: Broker
    name: str

    @property
    def queue(self) -> Queue:
        return self.broker.queue(self.name)

    @property
    def topic(self) -> Topic:
        return self.broker.topic(self.name)


async def answer(request: Request, address: Address, *, broker: Broker) -> bytes:
    """The reply to send; a change that it confirms is durable."""
    operation = request.application.get("operation")
    try:
        run = _OPERATIONS.get(str(operation).removeprefix(_PREFIX))
        if run is None:
            raise NotImplementedHere(f"operation {operation!r} is not implemented")
        if not isinstance(request.body, dict):
            raise BadRequest(f"{operation} needs a map")
        status, body = await run(_Entity(broker, address.entity), request.body)
    except Refusal as refusal:
        return _reply(request, status=refusal.status, text=str(refusal), condition=refusal.condition)
    except Malformed as exc:
        return _reply(request, status=400, text=str(exc), condition="amqp:decode-error")
    return _reply(request, status=status, text="OK", body=body)


def _reply(request: Request, *, status: int, text: str, condition: str | None = None, body: object = None) -> bytes:
    told: dict[str, object] = {"statusCode": Int(status), "statusDescription": text}
    if condition is not None:
        told["errorCondition"] = Symbol(condition)
    return write_reply(request, told, body={} if body is None else body)


def _items[T](body: _Body, name: str, *, kind: type[T]) -> list[T]:
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, kind) for item in value):
        raise BadRequest(f"{name!r} has to be a list of {kind.__name__}, and not empty")
    return cast("list[T]", value)


def _number(body: _Body, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int):
        raise BadRequest(f"{name!r} has to be a number")
    return value


def _refuse_session(body: _Body) -> None:
    if body.get("session-id") is not None:
        raise NotImplementedHere("sessions are not implemented")


async def _renew_lock(on: _Entity, body: _Body) -> _Answer:
    until = on.broker.renew(on.queue, _items(body, "lock-tokens", kind=UUID))
    return 200, {"expirations": Array(until, _TIMESTAMP)}


async def _peek(on: _Entity, body: _Body) -> _Answer:
    _refuse_session(body)
    found = on.broker.peek(
        on.queue, from_number=_number(body, "from-sequence-number"), limit=_number(body, "message-count")
    )
    messages, size = list[dict[str, bytes]](), 0
    for entry in found:
        message = render(entry, peeked=True)
        size += len(message)
        if messages and size > MAX_REPLY_BYTES:
            break
        messages.append({"message": message})
    return (200, {"messages": messages}) if messages else (204, None)


async def _schedule(on: _Entity, body: _Body) -> _Answer:
    payloads = []
    for message in _items(body, "messages", kind=dict):
        payload = message.get("message")
        if not isinstance(payload, bytes):
            raise BadRequest("a message has to be binary")
        payloads.append(payload)
    topic = on.topic
    topic.counts["sends"] += 1
    numbers, durable = on.broker.publish(topic, payloads)
    await durable
    return 200, {"sequence-numbers": Array(numbers, _LONG)}


async def _cancel(on: _Entity, body: _Body) -> _Answer:
    await on.broker.cancel(on.topic, _items(body, "sequence-numbers", kind=int))
    return 200, None


async def _receive(on: _Entity, body: _Body) -> _Answer:
    _refuse_session(body)
    deletes = _number(body, "receiver-settle-mode") == 0
    numbers = _items(body, "sequence-numbers", kind=int)
    entries, durable = on.broker.receive_deferred(on.queue, numbers, deletes=deletes)
    messages = [_received(entry) for entry in entries]
    await durable
    return 200, {"messages": messages}


def _received(entry: Entry) -> dict[str, object]:
    message: dict[str, object] = {"message": render(entry)}
    if entry.lock_token is not None:
        message["lock-token"] = entry.lock_token
    return message


async def _settle(on: _Entity, body: _Body) -> _Answer:
    _refuse_session(body)
    if body.get("properties-to-modify"):
        raise NotImplementedHere("properties-to-modify is not implemented")
    status, queue = body.get("disposition-status"), on.queue
    verbs: dict[object, Callable[[UUID], asyncio.Future[None]]] = {
        "completed": lambda token: on.broker.complete(queue, token),
        "abandoned": lambda token: on.broker.abandon(queue, token),
        "defered": lambda token: on.broker.defer(queue, token),
        "suspended": lambda token: on.broker.dead_letter(
            queue, token, reason=_text(body, "deadletter-reason"), description=_text(body, "deadletter-description")
        ),
    }
    if status not in verbs:
        raise NotImplementedHere(f"disposition-status {status!r} is not implemented")
    settled: Sequence[asyncio.Future[None]] = [verbs[status](token) for token in _items(body, "lock-tokens", kind=UUID)]
    for durable in settled:
        await durable
    return 200, None


def _text(body: _Body, name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


_OPERATIONS = {
    "renew-lock": _renew_lock,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel,
    "receive-by-sequence-number": _receive,
    "update-disposition": _settle,
}
