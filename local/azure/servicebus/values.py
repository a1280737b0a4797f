"""AMQP 1.0 values as bytes and as Python objects. Knows nothing of messages, links or Service Bus.

Decoding distinguishes what the broker has to distinguish (symbol, timestamp, described). Widths of integers are not
kept, so sections are copied as bytes and never re-encoded from here.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


class Malformed(ValueError):
    """The bytes are not AMQP 1.0."""


class Symbol(str):
    """An AMQP symbol."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970, UTC."""


class Int(int):
    """Encoded as a 32-bit int; a plain int is encoded as a long."""


class UInt(int):
    """Encoded as a 32-bit uint."""


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that this codec does not look into."""

    descriptor: object
    value: object


@dataclass(frozen=True, slots=True)
class Array:
    """An AMQP array of long, timestamp or uuid: all the same type, which is encoded once."""

    items: Sequence[int | UUID]
    code: int


_FIXED: dict[int, tuple[str, Callable[[int | float], object]]] = {
    0x50: (">B", int),
    0x51: (">b", int),
    0x52: (">B", int),
    0x53: (">B", int),
    0x54: (">b", int),
    0x55: (">b", int),
    0x56: (">B", bool),
    0x60: (">H", int),
    0x61: (">h", int),
    0x70: (">I", int),
    0x71: (">i", int),
    0x72: (">f", float),
    0x80: (">Q", int),
    0x81: (">q", int),
    0x82: (">d", float),
    0x83: (">q", Timestamp),
}
_EMPTY: dict[int, object] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_WIDEST = 16
_ARRAY_CODES = {0x81: ">q", 0x83: ">q", 0x71: ">i", 0x70: ">I", 0x80: ">Q"}


def end_of(octets: bytes, at: int) -> int:
    """Where the value that starts at `at` ends, without decoding it."""
    try:
        code = octets[at]
        if code == 0:
            return end_of(octets, end_of(octets, at + 1))
        group = code >> 4
        if group in _WIDTHS:
            end = at + 1 + _WIDTHS[group]
        elif group in (0xA, 0xC, 0xE):
            end = at + 2 + octets[at + 1]
        elif group in (0xB, 0xD, 0xF):
            end = at + 5 + _size(octets, at + 1)
        else:
            raise Malformed(f"no AMQP type has the code 0x{code:02x}")
    except IndexError as exc:
        raise Malformed("the value ends too early") from exc
    except RecursionError as exc:
        raise Malformed("the value is nested too deep") from exc
    if end > len(octets):
        raise Malformed("the value ends too early")
    return end


def decode(octets: bytes, at: int = 0) -> tuple[object, int]:
    """The value that starts at `at`, and where it ends."""
    end = end_of(octets, at)
    try:
        return _decoded(octets[at:end]), end
    except RecursionError as exc:
        raise Malformed("the value is nested too deep") from exc


def _decoded(octets: bytes) -> object:
    """The value whose encoding is exactly these bytes."""
    code = octets[0]
    if code in _EMPTY:
        return _EMPTY[code]
    if code in _FIXED:
        layout, kind = _FIXED[code]
        return kind(struct.unpack_from(layout, octets, 1)[0])
    if code == 0:
        descriptor, value_at = decode(octets, 1)
        return Described(descriptor, decode(octets, value_at)[0])
    reader = _READERS.get(code)
    if reader is None:
        raise Malformed(f"AMQP type 0x{code:02x} is not implemented")
    return reader(octets)


def _size(octets: bytes, at: int) -> int:
    if at + 4 > len(octets):
        raise Malformed("the value ends too early")
    return int.from_bytes(octets[at : at + 4])


def _content(octets: bytes) -> bytes:
    return octets[2 if octets[0] >> 4 == 0xA else 5 :]


def _text(octets: bytes) -> str:
    try:
        return _content(octets).decode()
    except UnicodeDecodeError as exc:
        raise Malformed("a string is not UTF-8") from exc


def _symbol(octets: bytes) -> Symbol:
    return Symbol(_content(octets).decode("ascii", "replace"))


def _uuid(octets: bytes) -> UUID:
    return UUID(bytes=octets[1:])


def _raw(octets: bytes) -> bytes:
    """Decimals and characters: carried along, never looked into."""
    return octets[1:]


def items_of(octets: bytes, at: int) -> list[bytes]:
    """The members of the list or map that starts at `at`, each as its bytes."""
    code = octets[at]
    if code == 0x45:
        return []
    if code not in (0xC0, 0xC1, 0xD0, 0xD1):
        raise Malformed(f"0x{code:02x} is neither a list nor a map")
    short = code in (0xC0, 0xC1)
    limit = end_of(octets, at)
    count = octets[at + 2] if short else _size(octets, at + 5)
    members, at = [], at + (3 if short else 9)
    for _ in range(count):
        end = end_of(octets, at)
        if end > limit:
            raise Malformed("a member is longer than its list")
        members.append(octets[at:end])
        at = end
    return members


def _list(octets: bytes) -> list[object]:
    return [decode(member)[0] for member in items_of(octets, 0)]


def _map(octets: bytes) -> dict[object, object]:
    flat = [decode(member)[0] for member in items_of(octets, 0)]
    try:
        return dict(zip(flat[::2], flat[1::2], strict=True))
    except (TypeError, ValueError) as exc:
        raise Malformed("a map has an odd member or a key that is no key") from exc


def _array(octets: bytes) -> list[object]:
    short = octets[0] == 0xE0
    if len(octets) < 3:
        raise Malformed("an array without a count")
    count = octets[2] if short else _size(octets, 5)
    at, end = 3 if short else 9, len(octets)
    code, at, members = octets[at : at + 1], at + 1, list[object]()
    if at > end or count > end:
        raise Malformed("an array is shorter than it says")
    for _ in range(count):
        # An array names the type once: each member becomes a value of its own again.
        value, length = decode(code + octets[at : min(end, at + _WIDEST) if code < b"\xa0" else end])
        members.append(value)
        at += length - 1
    return members


_READERS: dict[int, Callable[[bytes], object]] = {
    0x45: lambda _: [],
    0x73: _raw,
    0x74: _raw,
    0x84: _raw,
    0x94: _raw,
    0x98: _uuid,
    0xA0: _content,
    0xB0: _content,
    0xA1: _text,
    0xB1: _text,
    0xA3: _symbol,
    0xB3: _symbol,
    0xC0: _list,
    0xD0: _list,
    0xC1: _map,
    0xD1: _map,
    0xE0: _array,
    0xF0: _array,
}


def _sized(content: bytes, short: int) -> bytes:
    if len(content) < 256:
        return bytes((short, len(content))) + content
    return bytes((short + 0x10,)) + struct.pack(">I", len(content)) + content


def _compound(members: Sequence[bytes], short: int) -> bytes:
    content = b"".join(members)
    if len(content) < 255 and len(members) < 256:
        return bytes((short, len(content) + 1, len(members))) + content
    return bytes((short + 0x10,)) + struct.pack(">II", len(content) + 4, len(members)) + content


def encode_list(members: Sequence[bytes]) -> bytes:
    """A list of values that are already encoded."""
    return _compound(members, 0xC0)


def encode_map(members: Sequence[bytes]) -> bytes:
    """A map of keys and values that are already encoded, in turn."""
    return _compound(members, 0xC1)


def _encode_array(array: Array) -> bytes:
    if array.code == 0x98:
        content = b"".join(item.bytes for item in array.items if isinstance(item, UUID))
    else:
        content = b"".join(struct.pack(_ARRAY_CODES[array.code], item) for item in array.items)
    return struct.pack(">BIIB", 0xF0, len(content) + 5, len(array.items), array.code) + content


def _encode_number(value: int) -> bytes:
    match value:
        case bool():
            return b"\x41" if value else b"\x42"
        case Timestamp():
            return struct.pack(">Bq", 0x83, value)
        case UInt():
            return struct.pack(">BI", 0x70, value)
        case Int():
            return struct.pack(">Bi", 0x71, value)
        case _:
            return struct.pack(">Bq", 0x81, value)


def encode(value: object) -> bytes:
    """Any value that the broker itself writes."""
    match value:
        case None:
            return b"\x40"
        case int():
            return _encode_number(value)
        case float():
            return struct.pack(">Bd", 0x82, value)
        case Symbol():
            return _sized(value.encode("ascii"), 0xA3)
        case str():
            return _sized(value.encode(), 0xA1)
        case bytes():
            return _sized(value, 0xA0)
        case UUID():
            return b"\x98" + value.bytes
        case Array():
            return _encode_array(value)
        case Mapping():
            return encode_map([encode(part) for pair in value.items() for part in pair])
        case list():
            return encode_list([encode(member) for member in value])
        case _:
            raise TypeError(f"no AMQP encoding for {type(value).__name__}")
