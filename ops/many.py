"""What was done to many dead letters, or would be, as one summary. Knows no HTTP."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from ops.client import Fault, Json
from ops.output import say, show_table

FAILED, NOT_BEGUN, NOT_KNOWN = "failed", "not begun", "not known"
STAYS = frozenset({"cannot", FAILED, NOT_KNOWN, "would stay", "not discarded", "died again"})
"""Words of what somebody has to look at."""
MOST_NAMED = 20
"""So many of them are named each; more are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter. why: for people. comes_to, money: of a discard, as the app says it.

    died_again_as: the id of the letter that there is now.
    """

    letter: Json
    word: str
    why: str
    comes_to: str | None = None
    money: str | None = None
    died_again_as: str | None = None

    @property
    def to_look_at(self) -> str:
        """The id of the letter that somebody has to deal with."""
        return self.died_again_as or str(self.letter["id"])


@dataclass(slots=True)
class Account:
    """What becomes of letters, noted one by one: nothing of it is lost when the work ends before it is done."""

    letters: Sequence[Json]
    fault: Fault | None = None
    _found: dict[str, Outcome] = field(default_factory=dict)

    def begin(self, letters: Iterable[Json]) -> None:
        """From here on something may come of them that nobody hears."""
        for letter in letters:
            self.note(
                Outcome(letter, NOT_KNOWN, "this was stopped before the answer came: show says what became of it")
            )

    def note(self, outcome: Outcome) -> None:
        self._found[outcome.letter["id"]] = outcome

    def fail(self, letters: Iterable[Json], fault: Fault) -> None:
        """After this nothing more is to be begun."""
        self.fault = fault
        for letter in letters:
            self.note(Outcome(letter, FAILED, str(fault)))

    @property
    def rest(self) -> list[Json]:
        """Those of which nothing is known."""
        return [each for each in self.letters if each["id"] not in self._found]

    @property
    def outcomes(self) -> list[Outcome]:
        """Of each letter, in the order in which it came to it; at last those that were not begun."""
        return [*self._found.values(), *(Outcome(each, NOT_BEGUN, "this ended before its turn") for each in self.rest)]

    @property
    def by_id(self) -> dict[str, Json]:
        """The letters of which something is known, and those that wait."""
        return {each["id"]: each for each in (*self.letters, *(found.letter for found in self._found.values()))}


def show_fault(fault: Fault | None) -> int:
    """Say on stderr why many were not gone through to the end; the exit code."""
    if fault is None:
        return 0
    say(f"stopped: {fault}; the same command can be given again", out=sys.stderr)
    return Fault.code


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
        own = each.to_look_at if each.money or (is_each_named and each.word in STAYS) else ""
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
