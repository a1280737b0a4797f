"""Where it is kept for a while how tries to tell merchants went. Nothing decides by it; a lost one harms nothing."""

from typing import Protocol

from shared.domain.notifications import Attempt

SHOWN_AT_MOST = 200
"""The newest of a payment. A notification is tried some 26 times; only many resends are more."""


class Attempts(Protocol):
    """The tries of the last weeks, by payment."""

    async def add(self, attempt: Attempt) -> None:
        """Raises StoreBusy, StoreRefuses, AppendUnknown."""

    async def of(self, payment_id: str) -> tuple[Attempt, ...]:
        """The newest SHOWN_AT_MOST, oldest first. Raises StoreBusy, StoreRefuses."""
