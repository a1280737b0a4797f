"""Where it is kept for a while how tries to tell merchants went. A lost one harms nothing.

All that is decided by it is how soon a merchant may have a notification resent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from shared.domain.notifications import Attempt

SHOWN_OF_EACH: Final = 50
"""The newest of a notification. Its steps try it some 26 times; only many resends are more."""


class Attempts(Protocol):
    """The tries of the last weeks, by payment. One that was just made may be missing for a moment."""

    async def add(self, attempt: Attempt) -> None:
        """Raises StoreBusy, StoreRefuses, AppendUnknown."""

    async def of(self, payment_id: str, notification_ids: Sequence[str]) -> Mapping[str, tuple[Attempt, ...]]:
        """Of each, the newest SHOWN_OF_EACH, oldest first. Raises StoreBusy, StoreRefuses."""

    async def resent(
        self, payment_id: str, notification_id: str, *, since: datetime, limit: int
    ) -> tuple[datetime, ...]:
        """When it was last resent, by whomever, newest first. Raises StoreBusy, StoreRefuses."""
