"""The provider's settlement file: each time that money moved, with the provider's own reference and its time.

Knows no protocol and no rule: what moved is told by the answers that the provider gave. docs/provider.md has the form.
"""

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from local.provider.records import Remembered

COLUMNS = ("type", "reference", "payment_reference", "amount_minor", "currency", "at")
_PERIOD = ("since", "until")


class Moved(StrEnum):
    """What a line is of. A dispute takes money from the merchant, a dispute that is won gives it back."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement. reference: of the capture, refund or dispute. at: ISO 8601 with its offset."""

    type: str
    reference: str
    payment_reference: str
    amount_minor: int
    currency: str
    at: str

    @property
    def key(self) -> str:
        """A dispute may take money more than once."""
        return f"{self.type}:{self.reference}:{self.at}"


def line_of(told: Remembered) -> Line | None:
    """None for an answer that names no money that moved: a refusal names none."""
    for moved, name in ((Moved.REFUND, "refund_id"), (Moved.CAPTURE, "capture_id")):
        if told.answer.get(name):
            return Line(
                type=moved.value,
                reference=str(told.answer[name]),
                payment_reference=told.payment_reference,
                amount_minor=int(str(told.answer["amount_minor"])),
                currency=str(told.answer["currency"]),
                at=told.answered_at,
            )
    return None


def period_of(query: Mapping[str, str]) -> dict[str, datetime | None]:
    """since and until, where they are asked for. Raises ValueError for what is no RFC 3339 time."""
    return {name: _moment(name, text=query[name]) if name in query else None for name in _PERIOD}


def as_csv(lines: Iterable[Line], *, since: datetime | None, until: datetime | None) -> str:
    """The file over a period, which begins with `since` and ends before `until`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(lines, since=since, until=until))
    return text.getvalue()


def _cells(lines: Iterable[Line], *, since: datetime | None, until: datetime | None) -> Iterator[tuple[str, ...]]:
    timed = sorted(((datetime.fromisoformat(line.at), line) for line in lines), key=lambda each: each[0])
    for at, line in timed:
        if (since is None or since <= at) and (until is None or at < until):
            amount = str(line.amount_minor)
            yield line.type, line.reference, line.payment_reference, amount, line.currency, _in_utc(at)


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(name: str, *, text: str) -> datetime:
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment
    raise ValueError(f"{name} must be a time with its offset, such as 2026-01-02T00:00:00Z")
