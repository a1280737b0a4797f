"""The time, from outside, so that a test can set it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """What the verbs and steps get the time from."""

    def now(self) -> datetime:
        """Aware, UTC."""
