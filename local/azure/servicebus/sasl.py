"""The SASL exchange before AMQP: any mechanism is welcome, rights are proved over `$cbs`. Knows nothing behind it.

It is done outside Proton, whose own SASL layer does not know the mechanism MSSBCBS of Microsoft's clients.
"""

import struct

from local.azure.servicebus.values import Symbol, encode, encode_list

_SASL_HEADER = b"AMQP\x03\x01\x00\x00"
_MECHANISMS, _OUTCOME = 0x40, 0x44


class Sasl:
    """Feed it what the client sends; it answers, and hands on what comes after the exchange."""

    def __init__(self) -> None:
        self._received = b""
        self._greeted = False
        self.done = False

    def feed(self, octets: bytes) -> tuple[bytes, bytes]:
        """(what to send, what belongs to AMQP)."""
        self._received += octets
        out = b""
        if not self._greeted:
            if len(self._received) < len(_SASL_HEADER):
                return b"", b""
            if not self._received.startswith(_SASL_HEADER):
                self.done = True
                return b"", self._received
            self._received = self._received[len(_SASL_HEADER) :]
            self._greeted = True
            out = _SASL_HEADER + _mechanisms()
        if (init_size := _frame_size(self._received)) is not None:
            rest, self.done = self._received[init_size:], True
            return out + _frame(_OUTCOME, encode_list([b"\x50\x00"])), rest
        return out, b""


def _frame_size(octets: bytes) -> int | None:
    if len(octets) < 4:
        return None
    size = int.from_bytes(octets[:4])
    return size if len(octets) >= size else None


def _frame(performative: int, fields: bytes) -> bytes:
    content = bytes((0x00, 0x53, performative)) + fields
    return struct.pack(">IBBH", len(content) + 8, 2, 1, 0) + content


def _mechanisms() -> bytes:
    names = [encode(Symbol(name))[1:] for name in ("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL")]
    content = b"".join(names)
    array = bytes((0xE0, len(content) + 2, len(names), 0xA3)) + content
    return _frame(_MECHANISMS, encode_list([array]))
