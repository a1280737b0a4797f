"""Reads the frames that come in, for the one thing that Proton does not show: the message-format.

Only its format tells a batch: a body may look like anything. Knows links by name only.
"""

from collections import defaultdict, deque

from local.azure.servicebus.values import Malformed, decode, items_of

BATCH_FORMAT = 0x80013700
_HEADER_SIZE = 8
_ATTACH, _TRANSFER = 0x12, 0x14


class FrameWatch:
    """Fed with what is then given to Proton, from the protocol header on."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._header_seen = False
        self._names: dict[tuple[int, int], str] = {}
        self._formats: dict[str, deque[int]] = defaultdict(deque)
        self._unfinished: set[str] = set()

    def feed(self, octets: bytes) -> None:
        """Bytes that make no sense are left for Proton to complain about."""
        self._received += octets
        if not self._header_seen and len(self._received) >= _HEADER_SIZE:
            del self._received[:_HEADER_SIZE]
            self._header_seen = True
        while self._header_seen and len(self._received) >= _HEADER_SIZE:
            size = int.from_bytes(self._received[:4])
            if size < _HEADER_SIZE or len(self._received) < size:
                return
            frame = bytes(self._received[:size])
            del self._received[:size]
            self._look_at(frame)

    def take(self, link: str) -> int:
        """The format of the next whole message on the link of that name."""
        formats = self._formats[link]
        return formats.popleft() if formats else 0

    def _look_at(self, frame: bytes) -> None:
        start = frame[4] * 4
        if frame[start : start + 2] != b"\x00\x53" or frame[start + 2] not in (_ATTACH, _TRANSFER):
            return
        channel = int.from_bytes(frame[6:8])
        try:
            fields = items_of(frame, start + 3)
            if frame[start + 2] == _ATTACH:
                self._attach(channel, fields)
            else:
                self._transfer(channel, fields)
        except Malformed:
            return

    def _attach(self, channel: int, fields: list[bytes]) -> None:
        name, handle, receives = (decode(field)[0] for field in fields[:3])
        if isinstance(name, str) and isinstance(handle, int) and receives is False:
            self._names[channel, handle] = name
            self._formats.pop(name, None)
            self._unfinished.discard(name)

    def _transfer(self, channel: int, fields: list[bytes]) -> None:
        handle = decode(fields[0])[0]
        name = self._names.get((channel, handle)) if isinstance(handle, int) else None
        if name is None:
            return
        if name not in self._unfinished:
            message_format = decode(fields[3])[0] if len(fields) > 3 else 0
            self._formats[name].append(message_format if isinstance(message_format, int) else 0)
        more = len(fields) > 5 and decode(fields[5])[0] is True
        aborted = len(fields) > 9 and decode(fields[9])[0] is True
        if more and not aborted:
            self._unfinished.add(name)
        else:
            self._unfinished.discard(name)
