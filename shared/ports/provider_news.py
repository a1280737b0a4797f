"""What the payment provider tells without being asked. Raises nothing: what was sent is judged, and is a value.

News says where to look, and nothing more: what has happened is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.dispute import DisputeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeNews:
    """Something has become of a dispute about a payment.

    status, told_at: what, and when by the provider's clock, if it says so. They show whether its books are behind.
    """

    payment_id: str
    dispute_id: str
    status: DisputeStatus
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class OtherNews:
    """The provider's own word, and of nothing that is followed here."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """The provider's own word, and not in the form that was agreed on. why: without what was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class NotSigned:
    """Not known to be from the provider: no signature of its, or an old one. why: without what was sent.

    is_claimed: it came with a signature. Then the two sides may have different secrets or clocks.
    """

    why: str
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class NoSecret:
    """It cannot be known who has sent it, because no secret is set, or none that can be used."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """Of this provider no news is read, by design: nothing is wrong, whoever has sent it. why: for the sender."""

    why: str


type News = DisputeNews | OtherNews | Garbled | NotSigned | NoSecret | NotRead


class ProviderNews(Protocol):
    """Tells what the provider has sent from what anybody may have sent in its name."""

    def read(self, body: bytes, headers: Mapping[str, str]) -> News:
        """headers: names in small letters."""
