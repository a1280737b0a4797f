"""PNG files as far as pictures of the docs need them: their size, and a note that travels with them. Knows no page."""

import struct
import zlib
from collections.abc import Iterator

BYTES_PER_PIXEL = 3
"""A browser's screenshot has red, green and blue."""

NOTE = "text-sha256"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def with_note(png: bytes, digest: str) -> bytes:
    """The same picture with the digest of the text that belongs to it, and a fifth smaller: of much text on little
    ground zlib makes less when the browser has not filtered it before.
    """
    header = chunks(png)[0]
    plain = b"".join(b"\0" + row for row in _rows(pixels(png), row_bytes=size(png)[0] * BYTES_PER_PIXEL))
    note = f"{NOTE}\0{digest}".encode("latin-1")
    kept = [header, (b"tEXt", note), (b"IDAT", zlib.compress(plain, 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in kept)


def pixels(png: bytes) -> bytes:
    """Rows from above, each with the kind of its filter before it."""
    return zlib.decompress(b"".join(body for kind, body in chunks(png) if kind == b"IDAT"))


def _rows(filtered: bytes, *, row_bytes: int) -> Iterator[bytes]:
    """Without the filters of the PNG specification (9.2), by which a byte stands for how it differs from others."""
    above = bytearray(row_bytes)
    for start in range(0, len(filtered), row_bytes + 1):
        kind, row = filtered[start], bytearray(filtered[start + 1 : start + 1 + row_bytes])
        for place in range(row_bytes) if kind else ():
            left, upper_left = (
                (row[place - BYTES_PER_PIXEL], above[place - BYTES_PER_PIXEL]) if place >= BYTES_PER_PIXEL else (0, 0)
            )
            row[place] = row[place] + _foretold(kind, left, above[place], upper_left) & 0xFF
        above = row
        yield bytes(row)


def _foretold(kind: int, left: int, up: int, upper_left: int) -> int:
    match kind:
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) // 2
        case _:
            guess = left + up - upper_left
            return min((left, up, upper_left), key=lambda each: abs(guess - each))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Raises ValueError where it is no PNG, or one that was cut."""
    if not png.startswith(SIGNATURE):
        raise ValueError("it is no PNG")
    found, place = [], len(SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8].ljust(8, b"\0"))
        body = png[place + 8 : place + 8 + length]
        if png[place : place + 12 + length] != chunk(kind, body):
            raise ValueError(f"the part {kind!r} is broken")
        found.append((kind, body))
        place += 12 + length
    return found


def noted(png: bytes) -> str | None:
    """The digest of the text that the picture was made with."""
    notes = dict(body.decode("latin-1").split("\0", 1) for kind, body in chunks(png) if kind == b"tEXt")
    return notes.get(NOTE)


def size(png: bytes) -> tuple[int, int]:
    """Width and height, in pixels."""
    width, height = struct.unpack_from(">II", dict(chunks(png))[b"IHDR"])
    return int(width), int(height)
