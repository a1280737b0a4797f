"""What a difference is: what it is called, what is missing where, and since when. Knows no HTTP and no file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ops.client import Json


class Type(StrEnum):
    """Which side has it: the provider and not our stream, our stream and not the provider, or both and not alike."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount_differs"
    TWICE = "twice"


class Of(StrEnum):
    """Which money it is about."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"


class Kind(StrEnum):
    """What has happened, as the word under which docs/operations.md says what to do."""

    CHARGED_TWICE = "charged_twice"
    CAPTURED_LATE = "captured_late"  # after the payment had failed, and the stream says so
    CHARGED_BUT_FAILED = "charged_but_failed"  # and the stream does not say so
    NOT_RECORDED = "charged_not_recorded"
    NOT_CHARGED = "recorded_not_charged"
    AMOUNT = "amount_differs"
    LISTED_TWICE = "listed_twice"  # by the file itself
    REFUNDED_NOT_RECORDED = "refunded_not_recorded"
    NOT_REFUNDED = "recorded_not_refunded"
    REFUNDED_TWICE = "refunded_twice"
    REFUNDED_TOO_MUCH = "refunded_too_much"
    DISPUTED_NOT_RECORDED = "disputed_not_recorded"
    NOT_DISPUTED = "recorded_not_disputed"
    WON_NOT_RECORDED = "won_not_recorded"
    NOT_WON = "recorded_not_won"


MEANING: dict[Kind, tuple[Type, Of]] = {
    Kind.CHARGED_TWICE: (Type.TWICE, Of.CAPTURE),
    Kind.CAPTURED_LATE: (Type.MISSING_HERE, Of.CAPTURE),
    Kind.CHARGED_BUT_FAILED: (Type.MISSING_HERE, Of.CAPTURE),
    Kind.NOT_RECORDED: (Type.MISSING_HERE, Of.CAPTURE),
    Kind.NOT_CHARGED: (Type.MISSING_THERE, Of.CAPTURE),
    Kind.AMOUNT: (Type.AMOUNT, Of.CAPTURE),
    Kind.LISTED_TWICE: (Type.TWICE, Of.CAPTURE),
    Kind.REFUNDED_NOT_RECORDED: (Type.MISSING_HERE, Of.REFUND),
    Kind.NOT_REFUNDED: (Type.MISSING_THERE, Of.REFUND),
    Kind.REFUNDED_TWICE: (Type.TWICE, Of.REFUND),
    Kind.REFUNDED_TOO_MUCH: (Type.AMOUNT, Of.REFUND),
    Kind.DISPUTED_NOT_RECORDED: (Type.MISSING_HERE, Of.DISPUTE),
    Kind.NOT_DISPUTED: (Type.MISSING_THERE, Of.DISPUTE),
    Kind.WON_NOT_RECORDED: (Type.MISSING_HERE, Of.DISPUTE),
    Kind.NOT_WON: (Type.MISSING_THERE, Of.DISPUTE),
}
"""Of what a kind is, if nothing else is said. Money of a payment that has failed is none that it has taken, to us."""


class Told(Protocol):
    """What one side says."""

    @property
    def words(self) -> str:
        """For people."""
        ...

    def as_json(self) -> Json:
        """For programs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that does not agree. provider, stream: what they say of it; None: nothing at all.

    since: when it happened, as the side says that has it; None: neither knows. of: where the kind does not tell.
    is_at_edge: the file before this one may have it.
    """

    kind: Kind
    payment_id: str
    provider: Told | None
    stream: Told | None
    since: datetime | None
    of: Of | None = None
    is_at_edge: bool = False

    @property
    def type(self) -> Type:
        return MEANING[self.kind][0]

    @property
    def about(self) -> Of:
        return self.of or MEANING[self.kind][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """listed: what is reported, oldest first. younger: how many may still be on their way. at_edge: how many may stand
    in the file before."""

    listed: tuple[Difference, ...]
    younger: int
    at_edge: int


_FIRST = datetime.min.replace(tzinfo=UTC)


def found(differences: Sequence[Difference], *, older_than: timedelta, now: datetime) -> Found:
    """What is younger than `older_than` is only counted. What has no age is listed: it may be old."""
    here = [each for each in differences if not each.is_at_edge]
    old = [each for each in here if not older_than or each.since is None or now - each.since >= older_than]
    at_edge = sum(each.is_at_edge for each in differences)
    listed = sorted(old, key=lambda each: (each.since or _FIRST, each.payment_id))
    return Found(listed=tuple(listed), younger=len(here) - len(old), at_edge=at_edge)
