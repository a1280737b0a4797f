"""Which files are changed, and which of all mutants a seed stands for."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.mutants.known import Known
from tests.mutants.operators import mutants
from tests.mutants.source import Mutant, Source

FOLDERS = ("functions", "shared")
PLENTY = ("functions/", "shared/verbs/", "shared/steps/", "shared/adapters/")
"""Here a fault costs most: each file gets AT_LEAST mutants, or all that it has; a file elsewhere SOME."""
AT_LEAST, SOME = 5, 3


def product(root: Path) -> list[str]:
    paths = (path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    return sorted(path.relative_to(root).as_posix() for path in paths)


def draw(root: Path, *, seed: int, more: int = 0) -> list[Mutant]:
    """The least that each file gets, and `more` from anywhere; a file's own draw depends on no other file."""
    sources = [Source.read(root, path) for path in product(root)]
    known = Known.of(sources)
    drawn, left = [], []
    for source in sources:
        every = _apart(mutants(source, known), Random(f"{seed} {source.path}"))
        least = AT_LEAST if source.path.startswith(PLENTY) else SOME
        drawn += every[:least]
        left += every[least:]
    return [*drawn, *Random(seed).sample(left, min(more, len(left)))]


def _apart(every: Sequence[Mutant], chance: Random) -> list[Mutant]:
    """Shuffled; a second one of the same line or of the same kind comes after the first of all others."""
    met: Counter[object] = Counter()
    turns = []
    for mutant in chance.sample(every, len(every)):
        met.update((mutant.line, mutant.kind))
        turns.append((max(met[mutant.line], met[mutant.kind]), mutant))
    return [mutant for _, mutant in sorted(turns, key=lambda turn: turn[0])]
