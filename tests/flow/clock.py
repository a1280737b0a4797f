"""Time that passes when a test says so. The product, the broker and the provider of one world share one."""

from datetime import UTC, datetime, timedelta

from tests.builders import NOON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class VirtualClock:
    """The product's Clock, and a function for the services that take the time as one."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def __call__(self) -> datetime:
        return self.at

    def now_ms(self) -> int:
        return (self.at - _EPOCH) // _MS

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def pass_to_ms(self, moment_ms: int) -> None:
        self.at = max(self.at, _EPOCH + moment_ms * _MS)
