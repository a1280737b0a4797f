"""Partition keys, effective partition keys, physical partitions and resource ids: pure arithmetic.

The hash is version 2: MurmurHash3 x64 128 of the typed value, bytes reversed, the two top bits cleared. The SDKs
compute it too, so the two sides always agree on where an item lives. Knows nothing of storage or requests.
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import mmh3

from local.azure.cosmos.errors import bad_request, not_implemented
from local.azure.cosmos.values import UNDEFINED, Document, Json, Undefined, Value, at_path, dumps, loads

HASH_SPACE: Final = 0x4000
"""The two top bits are cleared, so hashes lie between 0000 and 3FFF (first two bytes)."""


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """The value of a partition key, in the canonical form under which items are stored."""

    text: str
    effective: str


@dataclass(frozen=True, slots=True)
class PhysicalRange:
    """One physical partition: the effective partition keys from `low` up to, not including, `high`."""

    id: int
    low: str
    high: str


def partition_key(value: Value) -> PartitionKey:
    """The canonical form and the hash of one partition key value."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PartitionKey(dumps(value), _effective(value))
    if isinstance(value, int | float):
        return PartitionKey(dumps(float(value)), _effective(float(value)))
    if value is UNDEFINED:
        return PartitionKey("{}", _effective(value))
    raise bad_request("Partition key value must be a string, a number, a boolean or null.")


def from_header(header: str) -> PartitionKey:
    """The partition key of a request: a JSON array with one value, `[{}]` for undefined."""
    try:
        values = loads(header)
    except ValueError as exc:
        raise bad_request(f"Partition key {header} is invalid.") from exc
    if not isinstance(values, list) or len(values) > 1:
        raise bad_request(f"Partition key provided either doesn't correspond to definition in the collection: {header}")
    value = values[0] if values else {}
    return partition_key(UNDEFINED if value == {} else value)


def from_document(document: Document, path: tuple[str, ...]) -> PartitionKey:
    return partition_key(at_path(document, path))


def parse_path(definition: Json) -> tuple[str, ...]:
    """The property names of a container's partition key path; refuses the kinds of keys that are not covered."""
    paths = definition.get("paths") if isinstance(definition, dict) else None
    if not isinstance(definition, dict) or not isinstance(paths, list) or not paths:
        raise bad_request("The partition key definition must name a path.")
    if definition.get("kind", "Hash") != "Hash" or len(paths) > 1:
        raise not_implemented("hierarchical partition keys")
    if definition.get("version", 2) != 2:
        raise not_implemented("partition keys of version 1")
    return tuple(name.strip('"') for name in str(paths[0]).strip("/").split("/"))


def split(count: int) -> tuple[PhysicalRange, ...]:
    """The key space in `count` equal physical partitions."""
    inner = [f"{HASH_SPACE * number // count:04X}" for number in range(1, count)]
    bounds = ["", *inner, "FF"]
    return tuple(PhysicalRange(number, bounds[number], bounds[number + 1]) for number in range(count))


def range_of(key: PartitionKey, ranges: Sequence[PhysicalRange]) -> PhysicalRange:
    return next(candidate for candidate in ranges if candidate.low <= key.effective < candidate.high)


def resource_id(*parts: int) -> str:
    """A resource id: 4 bytes for the database, 4 for the container, 8 for an item; slash is written as minus."""
    raw = b"".join(part.to_bytes(8 if place == 2 else 4, "big") for place, part in enumerate(parts))
    return base64.b64encode(raw).decode().replace("/", "-")


def is_database_id(text: str = "") -> bool:
    """Whether a text has the form of a database's resource id: 4 bytes."""
    if len(text) != 8 or not text.endswith("=="):  # every request asks: most names end here
        return False
    try:
        return len(base64.b64decode(text.replace("-", "/"), validate=True)) == 4
    except ValueError:
        return False


def _effective(value: bool | float | str | Undefined | None) -> str:  # noqa: FBT001 - a key may be a boolean
    digest = bytearray(reversed(mmh3.hash_bytes(_typed(value))))
    digest[0] &= 0x3F
    return digest.hex().upper()


def _typed(value: bool | float | str | Undefined | None) -> bytes:  # noqa: FBT001 - a key may be a boolean
    if value is UNDEFINED:
        return b"\x00"
    if value is None:
        return b"\x01"
    if isinstance(value, bool):
        return b"\x03" if value else b"\x02"
    if isinstance(value, str):
        return b"\x08" + value.encode() + b"\xff"
    return b"\x05" + struct.pack("<d", value)
