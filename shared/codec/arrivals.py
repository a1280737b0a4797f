"""What a broker hands over, whatever it is, as a Delivery. Knows no broker.

Whoever may send to a topic chooses body, id, subject and properties, and their types. So nothing here raises, and what
comes out has a size: it is stored, sent on and logged.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, time
from typing import Protocol

from shared.codec.deliveries import Delivery
from shared.codec.messages import MAX_DESCRIPTION
from shared.codec.properties import TRIES
from shared.codec.tries import MOST_CHARACTERS

MAX_BODY = 32_768
"""Characters; ours have a few thousand. At four bytes each, a copy still fits into a message of 256 KB."""

MAX_SUBJECT = 200
"""Characters."""

MAX_ID = 128
"""Characters; Service Bus sends no longer one on."""

_WHERE_IT_DIED = 300
"""Characters; a topic's name has at most 260."""


class Arrived(Protocol):
    """What a message of the host and one of the SDK have in common."""

    @property
    def message_id(self) -> object: ...
    @property
    def subject(self) -> object: ...
    @property
    def application_properties(self) -> object: ...
    @property
    def dead_letter_source(self) -> object: ...
    @property
    def sequence_number(self) -> object: ...
    @property
    def enqueued_time_utc(self) -> object: ...


def arrived(message: Arrived, *, body: object, delivery_count: int, queue: str) -> Delivery:
    """body: bytes, or what an AMQP message of another kind holds. Bytes that are not UTF-8 are kept as far as readable.

    delivery_count: 1 the first time. queue: where it was read.
    """
    said = message.application_properties
    return Delivery(
        message_id=_own_id(message) or _id_of_unnamed(message, body=body, queue=queue),
        body=_cut(_text(body), at=MAX_BODY),
        subject=_cut(_text(message.subject), at=MAX_SUBJECT),
        delivery_count=delivery_count,
        properties={_text(name): _plain(_text(name), value) for name, value in said.items()}
        if isinstance(said, Mapping)
        else {},
        dead_letter_source=_cut(_text(message.dead_letter_source), at=_WHERE_IT_DIED) or None,
    )


def _own_id(message: Arrived) -> str | None:
    """None also for one that nobody could send on."""
    text = _text(message.message_id)
    return text if 0 < len(text) <= MAX_ID else None


def _id_of_unnamed(message: Arrived, *, body: object, queue: str) -> str:
    """A message may come without an id. Its place in its queue makes one, the same each time it comes from there.

    The sequence number alone repeats where a topic was made anew, and content repeats when it is sent twice. What moves
    to another queue gets another number: in doubt one message becomes two records, never two messages one.
    """
    place = f"{queue}\n{_text(message.enqueued_time_utc)}\n"
    held = body if isinstance(body, bytes) else _text(body).encode()
    return f"unnamed-{_text(message.sequence_number)}-{hashlib.sha256(place.encode() + held).hexdigest()[:16]}"


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value.encode(errors="replace").decode()  # without lone surrogates, which nobody can send
        case bytes() | bytearray():
            return value.decode(errors="replace")
        case Mapping() | list() | tuple():
            return json.dumps(_tree(value), ensure_ascii=False)
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _tree(value: object) -> object:
    match value:
        case Mapping():
            return {_text(name): _tree(each) for name, each in value.items()}
        case list() | tuple():
            return [_tree(each) for each in value]
        case None | bool() | int() | float():
            return value
        case _:
            return _text(value)


def _plain(name: str, value: object) -> object:
    """A property: a number stays one, for attempts are counted by them; all else is text."""
    at = MOST_CHARACTERS if name == TRIES else MAX_DESCRIPTION
    return value if value is None or isinstance(value, bool | int | float) else _cut(_text(value), at=at)


def _cut(text: str, *, at: int) -> str:
    """Never longer than `at`, so that what was cut before is left as it is."""
    if len(text) <= at:
        return text
    mark = f" [cut: {len(text)} characters]"
    return text[: at - len(mark)] + mark
