"""Where dead letters are kept until somebody has dealt with them. Raises StoreBusy, AppendUnknown, LetterMoved."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which dead letters; None means any. recorded_before: for letters of at least some age. like: a text that stands
    in reference, payment id, reason, description or message, in whatever case. payments: the letters of any of these;
    of none given, of all.
    """

    status: LetterStatus | None = None
    step: str | None = None
    reason: str | None = None
    payment_id: str | None = None
    severity: str | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    like: str | None = None
    payments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some dead letters, and where the next ones begin; None at the end."""

    letters: tuple[LetterRecord, ...]
    next_page: str | None


class LetterKind(NamedTuple):
    """What letters are counted by."""

    step: str
    reason: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What a summary needs of a letter. amount: of its payment; None where that is not known."""

    kind: LetterKind
    recorded_at: datetime
    payment_id: str | None
    amount: Money | None


class LetterBox(Protocol):
    """Where dead letters are kept until somebody has dealt with them."""

    async def add(self, record: LetterRecord) -> bool:
        """False when this death is recorded already. Raises StoreBusy, AppendUnknown: adding again is safe."""

    async def get(self, letter_id: str) -> LetterRecord | None:
        """Raises StoreBusy."""

    async def save(self, record: LetterRecord) -> LetterRecord:
        """Replace the record as it was read. Raises LetterMoved when it has changed since; StoreBusy, AppendUnknown."""

    async def find(self, wanted: LetterFilter, *, limit: int, page: str | None = None) -> LetterPage:
        """Oldest first where the store keeps that order. Raises StoreBusy, PageUnknown."""

    async def open_by_kind(self) -> Counter[LetterKind]:
        """How many are open. Raises StoreBusy."""

    async def glances(self, wanted: LetterFilter) -> Sequence[Glance]:
        """All of them, in no order. Raises StoreBusy."""


async def letters_of(*payment_ids: str, box: LetterBox) -> list[LetterRecord]:
    """All letters of these payments, one at least, by one question. Raises StoreBusy."""
    wanted = LetterFilter(payments=payment_ids)
    letters: list[LetterRecord] = []
    page: str | None = None
    while True:
        found = await box.find(wanted, limit=100, page=page)
        letters += found.letters
        page = found.next_page
        if page is None:
            return letters
