"""count: the dead letters of a filter, by step and reason, with the money at stake. Changes nothing. Knows no HTTP."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from shared.domain.reasons import Severity
from shared.ports.letter_box import Glance, LetterFilter, LetterKind
from shared.services import Services

_LOUDEST_FIRST = [severity.value for severity in reversed(Severity)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Dead letters of one kind. payments: how many they are about, as far as that is known.

    worth: in minor units by currency, the amount of each of these payments once.
    """

    kind: LetterKind
    letters: int
    payments: int
    worth: Mapping[str, int]
    oldest_at: datetime
    newest_at: datetime


async def count(wanted: LetterFilter, *, services: Services) -> tuple[Group, ...]:
    """The loudest first, then by step and reason. Raises StoreBusy, StoreRefuses."""
    with services.telemetry.span("count"):
        letters = await services.letters.glances(wanted)
    return tuple(_group(kind, tuple(each)) for kind, each in groupby(sorted(letters, key=_place), key=_kind))


def _kind(letter: Glance) -> LetterKind:
    return letter.kind


def _place(letter: Glance) -> tuple[int, str, str, str]:
    """Severities that are not ours come last."""
    step, reason, severity = letter.kind
    known = severity in _LOUDEST_FIRST
    return _LOUDEST_FIRST.index(severity) if known else len(_LOUDEST_FIRST), severity, step, reason


def _group(kind: LetterKind, letters: Sequence[Glance]) -> Group:
    amounts = {letter.payment_id: letter.amount for letter in letters if letter.payment_id and letter.amount}
    worth: Counter[str] = Counter()
    for amount in amounts.values():
        worth[amount.currency] += amount.amount_minor
    times = [letter.recorded_at for letter in letters]
    return Group(
        kind=kind,
        letters=len(letters),
        payments=len({letter.payment_id for letter in letters if letter.payment_id}),
        worth=dict(sorted(worth.items())),
        oldest_at=min(times),
        newest_at=max(times),
    )
