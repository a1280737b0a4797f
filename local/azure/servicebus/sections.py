"""The sections of an AMQP message, kept as the bytes in which they arrived. Knows no link and no queue.

A message is stored as it was sent. What the broker adds on delivery (lock token, sequence number, delivery count, why
it is dead) is put around those bytes; bodies are never decoded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from local.azure.servicebus.entities import Entry, Envelope, MessageState
from local.azure.servicebus.values import (
    Described,
    Int,
    Malformed,
    Symbol,
    Timestamp,
    UInt,
    decode,
    encode,
    encode_list,
    encode_map,
    end_of,
    items_of,
)

_HEADER, _DELIVERY_ANNOTATIONS, _ANNOTATIONS, _PROPERTIES, _APPLICATION = 0x70, 0x71, 0x72, 0x73, 0x74
_DATA, _SEQUENCE, _VALUE, _FOOTER = 0x75, 0x76, 0x77, 0x78
_LATEST_MS = 253_402_300_799_999
_SYSTEM = {
    "messageid": 0,
    "to": 2,
    "label": 3,
    "subject": 3,
    "replyto": 4,
    "correlationid": 5,
    "contenttype": 6,
    "sessionid": 10,
    "replytosessionid": 12,
}
_OURS = frozenset(
    (
        "x-opt-enqueued-time",
        "x-opt-sequence-number",
        "x-opt-locked-until",
        "x-opt-enqueue-sequence-number",
        "x-opt-message-state",
        "x-opt-deadletter-source",
        "x-opt-lock-token",
    )
)


@dataclass(slots=True)
class Sections:
    """One message taken apart. Each part is the encoded value behind the section's descriptor; the body keeps all."""

    header: bytes = b""
    annotations: bytes = b""
    properties: bytes = b""
    application: bytes = b""
    body: bytes = b""


def _walk(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Each section as (descriptor, where it starts, where its value starts, where it ends)."""
    at = 0
    while at < len(message):
        if message[at] != 0:
            raise Malformed("a section starts without a descriptor")
        descriptor, value_at = decode(message, at + 1)
        end = end_of(message, value_at)
        if not isinstance(descriptor, int):
            raise Malformed("a section has a descriptor that is not a number")
        yield descriptor, at, value_at, end
        at = end


def split(message: bytes) -> Sections:
    """Take one encoded message apart; delivery annotations are the sender's business and dropped."""
    parts = Sections()
    body: list[bytes] = []
    for descriptor, at, value_at, end in _walk(message):
        match descriptor:
            case 0x70:
                parts.header = message[value_at:end]
            case 0x71:
                pass
            case 0x72:
                parts.annotations = message[value_at:end]
            case 0x73:
                parts.properties = message[value_at:end]
            case 0x74:
                parts.application = message[value_at:end]
            case 0x75 | 0x76 | 0x77 | 0x78:
                body.append(message[at:end])
            case _:
                raise Malformed(f"no section has the descriptor 0x{descriptor:02x}")
    parts.body = b"".join(body)
    return parts


def batch_members(message: bytes) -> list[bytes]:
    """The messages inside a transfer whose format says batch: one per data section."""
    members = []
    for descriptor, _at, value_at, end in _walk(message):
        if descriptor == _DATA:
            member = decode(message[value_at:end])[0]
            if not isinstance(member, bytes):
                raise Malformed("a data section holds no binary")
            members.append(member)
    return members


def _field(fields: list[bytes], index: int) -> object:
    return decode(fields[index])[0] if index < len(fields) else None


def _fields(octets: bytes) -> list[bytes]:
    return items_of(octets, 0) if octets else []


def _map_of(octets: bytes) -> dict[object, object]:
    if not octets:
        return {}
    value, _ = decode(octets)
    if not isinstance(value, dict):
        raise Malformed("annotations or application properties are no map")
    return value


def _as_text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bytes():
            return value.hex()
        case _:
            return str(value)


def _ttl_ms(header: list[bytes], properties: list[bytes]) -> int | None:
    """The header's time to live wins; without one, absolute-expiry-time minus creation-time."""
    ttl = _field(header, 2)
    if isinstance(ttl, int):
        return ttl
    expiry, created = _field(properties, 8), _field(properties, 9)
    if isinstance(expiry, int) and isinstance(created, int):
        return max(0, expiry - created)
    return None


def _storable(milliseconds: int | None) -> int | None:
    """AMQP has numbers that no file of ours holds; the end of the year 9999 is late enough for everybody."""
    return None if milliseconds is None else min(milliseconds, _LATEST_MS)


def envelope(message: bytes) -> Envelope:
    """What the broker must know of a message to route, expire, schedule and deduplicate it."""
    parts = split(message)
    properties = _fields(parts.properties)
    annotations = _map_of(parts.annotations)
    scheduled = annotations.get("x-opt-scheduled-enqueue-time")
    return Envelope(
        message_id=_as_text(_field(properties, 0)),
        ttl_ms=_storable(_ttl_ms(_fields(parts.header), properties)),
        scheduled_ms=_storable(int(scheduled) if isinstance(scheduled, int) else None),
        system={name: _system_value(name, _field(properties, index)) for name, index in _SYSTEM.items()},
        application={str(name).lower(): value for name, value in _map_of(parts.application).items()},
    )


def _system_value(name: str, value: object) -> object:
    return _as_text(value) if name in ("messageid", "correlationid") else value


def _section(descriptor: int, value: bytes) -> bytes:
    return bytes((0x00, 0x53, descriptor)) + value


def _header(octets: bytes, delivery_count: int) -> bytes:
    fields = _fields(octets)[:4]
    fields += [b"\x40"] * (4 - len(fields))
    return _section(_HEADER, encode_list([*fields, encode(UInt(delivery_count))]))


def _merged(octets: bytes, ours: Mapping[str, bytes], *, key: type[str]) -> bytes:
    """The sender's pairs as they came, without those that the broker sets, then the broker's."""
    flat = _fields(octets)
    kept = []
    for at in range(0, len(flat) - 1, 2):
        name = decode(flat[at])[0]
        if not (isinstance(name, str) and (name in ours or (key is Symbol and name in _OURS))):
            kept += flat[at : at + 2]
    return encode_map(kept + [part for name, value in ours.items() for part in (encode(key(name)), value)])


def _annotations(entry: Entry, *, locked: bool) -> dict[str, bytes]:
    ours = {
        "x-opt-enqueued-time": encode(Timestamp(entry.enqueued_ms)),
        "x-opt-sequence-number": encode(entry.sequence_number),
        "x-opt-enqueue-sequence-number": encode(entry.enqueued_sequence_number),
    }
    if locked:
        ours["x-opt-locked-until"] = encode(Timestamp(entry.locked_until_ms))
    if entry.state is not MessageState.ACTIVE:
        ours["x-opt-message-state"] = encode(Int(entry.state))
    if entry.source is not None:
        ours["x-opt-deadletter-source"] = encode(entry.source)
    return ours


def render(entry: Entry, *, peeked: bool = False) -> bytes:
    """The message as a receiver gets it; who only peeks learns nothing of the lock."""
    parts = split(entry.body.payload)
    out = [_header(parts.header, entry.delivery_count)]
    locked = entry.lock_token is not None and not peeked
    if locked:
        token = encode_map([encode(Symbol("x-opt-lock-token")), encode(entry.lock_token)])
        out.append(_section(_DELIVERY_ANNOTATIONS, token))
    out.append(_section(_ANNOTATIONS, _merged(parts.annotations, _annotations(entry, locked=locked), key=Symbol)))
    if parts.properties:
        out.append(_section(_PROPERTIES, parts.properties))
    obituary = {name: encode(value) for name, value in entry.obituary().items()}
    if parts.application or obituary:
        out.append(_section(_APPLICATION, _merged(parts.application, obituary, key=str)))
    out.append(parts.body)
    return b"".join(out)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to `$cbs` or `$management`."""

    message_id: object
    reply_to: str
    application: Mapping[object, object]
    body: object


def read_request(message: bytes) -> Request:
    """Raises Malformed when it is none."""
    parts = split(message)
    properties = _fields(parts.properties)
    body = decode(parts.body)[0] if parts.body else None
    return Request(
        message_id=_field(properties, 0),
        reply_to=_as_text(_field(properties, 4)) or "",
        application=_map_of(parts.application),
        body=body.value if isinstance(body, Described) else None,
    )


def write_reply(request: Request, application: Mapping[str, object], *, body: object) -> bytes:
    """The answer to a request; the correlation id has the very type of the request's message id."""
    correlation = request.message_id
    properties = [b"\x40"] * 5 + [encode(correlation if isinstance(correlation, UUID) else _as_text(correlation))]
    return b"".join(
        (
            _section(_PROPERTIES, encode_list(properties)),
            _section(_APPLICATION, encode(application)),
            _section(_VALUE, encode(body)),
        )
    )
