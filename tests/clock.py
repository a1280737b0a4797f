"""The one clock of the tests: it stands still, and moves only when a test moves it."""

from datetime import UTC, datetime, timedelta

from tests.builders import NOON

IN_2030 = datetime(2030, 1, 1, tzinfo=UTC)
"""Years after the machine's own time, so a local service that reads that one by mistake is found out."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class ManualClock:
    """The product's Clock, and also a function that returns the time, which is what the local services take."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def __call__(self) -> datetime:
        return self.at

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return (self.at - _EPOCH) // _MS

    def advance_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def advance_to_ms(self, moment_ms: int) -> None:
        """Never back."""
        self.at = max(self.at, _EPOCH + moment_ms * _MS)
