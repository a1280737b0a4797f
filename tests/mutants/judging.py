"""What the results of a draw amount to. Runs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.mutants.results import OTHERS_AT_MOST, Listed, Result
from tests.mutants.source import Mutant


@dataclass(frozen=True, slots=True)
class Verdict:
    """survived: in order. unlisted, others: of them, those not on the list, and those listed without being equivalent.

    stale: listed and drawn, yet killed.
    """

    drawn: int
    killed: int
    survived: list[Mutant]
    unlisted: list[Mutant]
    others: list[Mutant]
    stale: list[Mutant]

    @property
    def faults(self) -> list[str]:
        found = [f"survives and is not listed: {each.path}:{each.line}" for each in self.unlisted]
        found += [f"is listed as a survivor and is killed: {each.path}:{each.line}" for each in self.stale]
        if len(self.others) > OTHERS_AT_MOST * self.drawn:
            found.append(f"{len(self.others)} of {self.drawn} survive without being equivalent: at most 5 in 100 may")
        if self.killed + len(self.survived) < self.drawn:
            found.append(f"{self.drawn - self.killed - len(self.survived)} were not tried: run it again to go on")
        return found

    @property
    def figures(self) -> str:
        equivalent = len(self.survived) - len(self.unlisted) - len(self.others)
        return (
            f"{self.drawn} drawn, {self.killed} killed, {len(self.survived)} survived:"
            f" {equivalent} equivalent, {len(self.others)} listed otherwise, {len(self.unlisted)} not listed"
        )


def judged(drawn: Sequence[Mutant], results: Mapping[str, Result], entries: Sequence[Listed]) -> Verdict:
    entry_of = {mutant.mutant_id: next((each for each in entries if each.names(mutant)), None) for mutant in drawn}
    tried = [mutant for mutant in drawn if mutant.mutant_id in results]
    survived = [mutant for mutant in tried if results[mutant.mutant_id].killed_by is None]
    killed = [mutant for mutant in tried if mutant not in survived]
    return Verdict(
        drawn=len(drawn),
        killed=len(killed),
        survived=survived,
        unlisted=[mutant for mutant in survived if entry_of[mutant.mutant_id] is None],
        others=[each for each in survived if (entry := entry_of[each.mutant_id]) and not entry.is_equivalent],
        stale=[mutant for mutant in killed if entry_of[mutant.mutant_id]],
    )
