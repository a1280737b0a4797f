"""What was done to many dead letters, or would be, as one summary. Knows no HTTP."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from ops.client import Json
from ops.output import say, show_table

STAYS = frozenset({"cannot", "failed", "would stay", "not discarded", "died again"})
"""Words of what somebody has to look at."""
MOST_NAMED = 20
"""So many of them are named each; more are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter. why: for people. comes_to, money: of a discard, as the app says it."""

    letter: Json
    word: str
    why: str
    comes_to: str | None = None
    money: str | None = None


def show_summary(outcomes: Sequence[Outcome], *, nothing: str, out: TextIO | None = None) -> None:
    """One line for each kind of outcome, and the counts at last. What several have in common is said once.

    Money that is noted as given back has a line for each reference, however many there are.
    """
    if not outcomes:
        say(nothing, out=out)
        return
    groups: dict[tuple[str, str, str, str], list[Outcome]] = {}
    is_each_named = sum(each.word in STAYS for each in outcomes) <= MOST_NAMED
    for each in outcomes:
        own = each.letter["id"] if each.money or (is_each_named and each.word in STAYS) else ""
        groups.setdefault((each.word, each.letter["step"], each.letter["reason"], own), []).append(each)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    show_table([_row(key, own) for key, own in ordered], out=out)
    say(", ".join(f"{number} {word}" for word, number in counts(outcomes).items()), out=out)


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many of each, the most first."""
    found: dict[str, int] = {}
    for each in outcomes:
        found[each.word] = found.get(each.word, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _row(key: tuple[str, str, str, str], outcomes: Sequence[Outcome]) -> dict[str, str]:
    word, step, reason, own = key
    return {
        "LETTERS": str(len(outcomes)),
        "OUTCOME": word,
        "STEP": step,
        "REASON": reason,
        "ID": own or "-",
        "WHY": _common([each.why for each in outcomes]),
    }


def _common(whys: Sequence[str]) -> str:
    """The words of one, and of how many others they are not."""
    others = len(set(whys)) - 1
    return whys[0] if not others else f"{whys[0]} (and {others} other reasons: --json has each)"
