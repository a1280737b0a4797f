"""Which line of a settlement file is which movement of the stream, and which lines need none. Knows no HTTP.

Captures and refunds have references of their own. The movements of one dispute share theirs, so the period tells them
apart, and their time, which is the provider's on both sides.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from ops.reconciling.differences import Of
from ops.reconciling.movements import Moved, Movement
from ops.reconciling.settlement import Line, Period

type _Key = tuple[Moved, str]
type _Fits = Callable[[Line, Movement], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """unknown: lines of what moved money unheard. repeats: those of them of which the stream says so all the same.

    left: movements that no line has, whether it should or not.
    """

    pairs: tuple[tuple[Line, Movement], ...]
    unknown: tuple[Line, ...]
    repeats: frozenset[Line]
    left: tuple[Movement, ...]


def paired(lines: Sequence[Line], *, movements: Sequence[Movement], period: Period) -> Paired:
    """Each line with the movement of its very time, else with the nearest. Each movement is taken once.

    The very time first: else a line of what was never heard takes the movement of the line after it.
    """

    def is_on_its_side(line: Line, movement: Movement) -> bool:
        """A bank that takes the money anew in the period has not taken what it took before."""
        is_there = line.moved.of is not Of.DISPUTE or period.side(line.at) == period.side(movement.at)
        return is_there and not movement.is_repeat

    def is_of_its_time(line: Line, movement: Movement) -> bool:
        return line.at == movement.at

    left = list(movements)
    taken: dict[int, Movement] = {}
    for fits in (is_of_its_time, is_on_its_side):
        for number, line in enumerate(lines):
            if number not in taken and (movement := _nearest(left, line, fits=fits)):
                left.remove(movement)
                taken[number] = movement
    repeats = {number for number, movement in taken.items() if movement.is_repeat}
    return Paired(
        pairs=tuple((lines[number], taken[number]) for number in sorted(taken)),
        unknown=tuple(line for number, line in enumerate(lines) if number not in taken or number in repeats),
        repeats=frozenset(lines[number] for number in repeats),
        left=tuple(each for each in left if not each.is_repeat),
    )


def _nearest(movements: Sequence[Movement], line: Line, *, fits: _Fits) -> Movement | None:
    same = [each for each in movements if _key(each) == _key(line) and fits(line, each)]
    return min(same, key=lambda each: abs(each.at - line.at), default=None)


def _key(moved: Line | Movement) -> _Key:
    return moved.moved, moved.reference


def repeated(line: Line, *, movements: Sequence[Movement]) -> Movement | None:
    """What a line tells once more."""
    return _nearest(movements, line, fits=lambda _line, _movement: True)


def not_given_back(lines: Sequence[Line], *, captures: Sequence[Movement]) -> list[Line]:
    """Without one refund for each capture that a person has given back: of what fits, the one that is most of it.

    A refund that was made after the person had said so is another one. So is a second one, and one of more.
    """
    left = list(lines)
    for capture in captures:
        fitting = [each for each in left if _gives_back(each, capture)]
        if fitting:
            left.remove(max(fitting, key=lambda each: each.amount_minor))
    return left


def not_in_pairs(found: Paired, *, heard: Set[str]) -> list[Line]:
    """The unknown lines without money that came back from a dispute and was taken again, or the other way, unheard.

    What a dispute came to between two words that were heard nobody tells any more, so nothing could be done about it.
    A dispute of which no word was heard is another thing: that is still to be told. heard: the others. A repeat is one
    half of such a pair, whose other half may stand in another file.
    """
    left: dict[tuple[Of, str], list[Line]] = defaultdict(list)
    for line in found.unknown:
        before = left[line.moved.of, line.reference]
        if line.reference in heard and before and _is_undone(before[-1], line):
            before.pop()
        else:
            before.append(line)
    return [line for each in left.values() for line in each if line not in found.repeats]


def _is_undone(before: Line, after: Line) -> bool:
    is_back = {before.moved, after.moved} == {Moved.DISPUTE, Moved.DISPUTE_WON}
    return is_back and (before.amount_minor, before.currency) == (after.amount_minor, after.currency)


def _gives_back(line: Line, capture: Movement) -> bool:
    is_of_it = line.moved is Moved.REFUND and line.currency == capture.currency
    is_in_time = capture.seen_to_at is not None and line.at <= capture.seen_to_at
    return is_of_it and is_in_time and line.amount_minor <= (capture.amount_minor or 0)
