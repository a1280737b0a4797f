"""Compares the lines of a settlement file with a payment's stream, by the provider's references. Knows no HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.client import Json
from ops.reconciling.differences import Difference, Kind, Of
from ops.reconciling.movements import Moved, Movement, Story
from ops.reconciling.pairing import not_given_back, not_in_pairs, paired, repeated
from ops.reconciling.settlement import Line, Period
from terminal.money import money

_NOT_HERE = {
    Moved.REFUND: Kind.REFUNDED_NOT_RECORDED,
    Moved.DISPUTE: Kind.DISPUTED_NOT_RECORDED,
    Moved.DISPUTE_WON: Kind.WON_NOT_RECORDED,
}
_NOT_THERE = {
    Moved.CAPTURE: Kind.NOT_CHARGED,
    Moved.REFUND: Kind.NOT_REFUNDED,
    Moved.DISPUTE: Kind.NOT_DISPUTED,
    Moved.DISPUTE_WON: Kind.NOT_WON,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A movement, as the stream tells of it."""

    movement: Movement

    @property
    def words(self) -> str:
        """For people."""
        amount = {"amount_minor": self.movement.amount_minor, "currency": self.movement.currency}
        return f"{money(amount)} {self.movement.reference}".strip()

    def as_json(self) -> Json:
        """For programs."""
        return {
            "reference": self.movement.reference,
            "amount_minor": self.movement.amount_minor,
            "currency": self.movement.currency,
        }


def line_differences(payment_id: str, *, lines: Sequence[Line], story: Story, period: Period) -> Iterator[Difference]:
    """What does not agree about one payment. lines: all that the file has of it, in its order."""
    once, again = _parted(lines)
    found = paired(once, movements=story.movements, period=period)
    for line, movement in found.pairs:
        yield from _of_pair(payment_id, line=line, movement=movement)
    for line in again:
        known = repeated(line, movements=story.movements)
        yield _difference(Kind.LISTED_TWICE, payment_id=payment_id, line=line, movement=known)
    missing = [each for each in found.left if _is_expected(each, period=period)]
    unknown = not_given_back(not_in_pairs(found, heard=story.disputes), captures=story.given_back)
    yield from _not_here(payment_id, lines=unknown, story=story, missing=missing)
    for movement in missing:
        yield _not_there(payment_id, movement=movement, period=period)


def _parted(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines, and those that only repeat one before them: a dispute can be lost again after it was won."""
    once: list[Line] = []
    again: list[Line] = []
    last: dict[tuple[Of, str], Moved] = {}
    seen: set[tuple[Moved, str, datetime]] = set()
    for line in lines:
        key, itself = (line.moved.of, line.reference), (line.moved, line.reference, line.at)
        if last.get(key) is line.moved or itself in seen:
            again.append(line)
            continue
        once.append(line)
        last[key] = line.moved
        seen.add(itself)
    return once, again


def _is_expected(movement: Movement, *, period: Period) -> bool:
    """Whether the file should have it: it was heard of in the period, or it is known to have happened in it."""
    was_heard = period.holds(movement.recorded_at) and movement.at < period.until
    return was_heard or period.holds(movement.at)


def _of_pair(payment_id: str, *, line: Line, movement: Movement) -> Iterator[Difference]:
    if (line.amount_minor, line.currency) != (movement.amount_minor, movement.currency):
        yield _difference(Kind.AMOUNT, payment_id=payment_id, line=line, movement=movement)
    if movement.owed:
        yield _difference(movement.owed, payment_id=payment_id, line=line, movement=movement)


def _not_here(
    payment_id: str, *, lines: Sequence[Line], story: Story, missing: Sequence[Movement]
) -> Iterator[Difference]:
    """A payment is taken once: a capture that is not recorded beside another one is a second one."""
    others = [each for each in story.movements if each.moved is Moved.CAPTURE and each not in missing]
    is_taken = bool(others)
    for line in lines:
        kind = _NOT_HERE.get(line.moved)
        if kind is None:
            first = Kind.CHARGED_BUT_FAILED if story.has_failed else Kind.NOT_RECORDED
            kind, is_taken = Kind.CHARGED_TWICE if is_taken else first, True
        yield _difference(kind, payment_id=payment_id, line=line)


def _not_there(payment_id: str, *, movement: Movement, period: Period) -> Difference:
    """It was recorded in the period, but may have happened before it: then the file before has it."""
    return Difference(
        kind=_NOT_THERE[movement.moved],
        payment_id=payment_id,
        provider=None,
        stream=Recorded(movement),
        since=movement.at,
        is_at_edge=not period.holds(movement.not_before),
    )


def _difference(kind: Kind, *, payment_id: str, line: Line, movement: Movement | None = None) -> Difference:
    return Difference(
        kind=kind,
        payment_id=payment_id,
        provider=line,
        stream=Recorded(movement) if movement else None,
        since=line.at,
        of=line.moved.of,
    )
