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
_NOT_OURS = _LOUDEST_FIRST.index(Severity.NORMAL)
"""A word that nobody knows goes before what can wait."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """groups: the loudest first, then by step and reason. payments: of all of them, each once. of_no_payment: letters
    of which nobody knows whose they are.
    """

    groups: tuple[Group, ...]
    letters: int
    payments: int
    of_no_payment: int


async def count(wanted: LetterFilter, *, services: Services) -> Counted:
    """Raises StoreBusy, StoreRefuses."""
    with services.telemetry.span("count"):
        letters = await services.letters.glances(wanted)
    return Counted(
        groups=tuple(_group(kind, tuple(each)) for kind, each in groupby(sorted(letters, key=_place), key=_kind)),
        letters=len(letters),
        payments=_payments(letters),
        of_no_payment=sum(letter.payment_id is None for letter in letters),
    )


def _payments(letters: Sequence[Glance]) -> int:
    return len({letter.payment_id for letter in letters if letter.payment_id})


def _kind(letter: Glance) -> LetterKind:
    return letter.kind


def _place(letter: Glance) -> tuple[int, str, str, str]:
    step, reason, severity = letter.kind
    return _LOUDEST_FIRST.index(severity) if severity in _LOUDEST_FIRST else _NOT_OURS, severity, step, reason


def _group(kind: LetterKind, letters: Sequence[Glance]) -> Group:
    amounts = {letter.payment_id: letter.amount for letter in letters if letter.payment_id and letter.amount}
    worth: Counter[str] = Counter()
    for amount in amounts.values():
        worth[amount.currency] += amount.amount_minor
    times = [letter.recorded_at for letter in letters]
    return Group(
        kind=kind,
        letters=len(letters),
        payments=_payments(letters),
        worth=dict(sorted(worth.items())),
        oldest_at=min(times),
        newest_at=max(times),
    )
