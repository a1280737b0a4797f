"""Which files are changed, and which of all mutants a seed stands for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

from tests.mutants.known import Known
from tests.mutants.operators import Change, changes, mutants
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
    drawn: list[Mutant] = []
    left: list[Iterator[Mutant]] = []
    for source in sources:
        every = mutants(source, _apart(source, changes(source, known), Random(f"{seed} {source.path}")))
        drawn += islice(every, AT_LEAST if source.path.startswith(PLENTY) else SOME)
        left.append(every)
    chance = Random(seed)
    while more > 0 and left:
        every = chance.choice(left)
        mutant = next(every, None)
        if mutant is None:
            left.remove(every)
        else:
            drawn.append(mutant)
            more -= 1
    return drawn


def _apart(source: Source, every: Sequence[Change], chance: Random) -> list[Change]:
    """Shuffled; a second one of the same line or of the same kind comes after the first of all others."""
    met: Counter[object] = Counter()
    turns = []
    for change in chance.sample(every, len(every)):
        kind, (start, _), _ = change
        line = source.code.count(b"\n", 0, start)
        met.update((line, kind))
        turns.append((max(met[line], met[kind]), change))
    return [change for _, change in sorted(turns, key=lambda turn: turn[0])]
