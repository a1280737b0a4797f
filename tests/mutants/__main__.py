"""`python -m tests.mutants [--seed N] [--more N] [--only PATH...] [--seconds N]`: draw mutants, try each, judge.

The same seed draws the same mutants. What was killed before is not tried again while the product is the same, so that
a run that was stopped goes on. Only one mutant is in a copy at a time, and two copies are used.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

from tests.mutants.choosing import Map, measured
from tests.mutants.copies import Copy
from tests.mutants.drawing import draw, product
from tests.mutants.judging import judged
from tests.mutants.results import SURVIVORS, Kept, Listed, Result, digest, listed
from tests.mutants.source import Mutant

TREE = Path(__file__).parent.parent.parent
FOLDER = TREE / ".local" / "mutants"
MAP_LIMIT_S = 1800.0


@dataclass(slots=True)
class Trial:
    """The mutants that are left, taken one by one by the copies. until: no further one is begun after it."""

    left: list[Mutant]
    tests: Map
    kept: Kept
    until: float
    total: int = field(init=False)

    def __post_init__(self) -> None:
        self.total = len(self.left)

    async def work(self, copy: Copy) -> None:
        while self.left and time.monotonic() < self.until:
            mutant = self.left.pop(0)
            number = self.total - len(self.left)
            chosen = self.tests.chosen(mutant)
            longest_s = max(map(self.tests.seconds, chosen))
            ran = await copy.tried(mutant, tests=chosen, limit_s=60 + 4 * longest_s)
            self.kept.add(Result(mutant.mutant_id, ran.failed, ran.took_s))
            word = f"killed by {ran.failed}" if ran.failed else f"SURVIVED {sum(map(len, chosen))} tests"
            print(f"{number}/{self.total} {mutant.path}:{mutant.line} [{mutant.kind}] {mutant.diff}", flush=True)
            print(f"    {word} ({ran.took_s:.0f} s)", flush=True)


async def try_all(trial: Trial, *, copies: Sequence[Copy]) -> None:
    async with asyncio.TaskGroup() as group:
        for copy in copies:
            group.create_task(trial.work(copy))


def to_try(drawn: Sequence[Mutant], results: Mapping[str, Result], entries: Sequence[Listed]) -> list[Mutant]:
    """What survived before is tried again, for there may be a new test; what is listed, once."""
    known = {each.mutant_id for each in drawn if any(entry.names(each) for entry in entries)}
    done = {name for name, result in results.items() if result.killed_by is not None or name in known}
    return [mutant for mutant in drawn if mutant.mutant_id not in done]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # copies are taken away, and what runs in them
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="which mutants are drawn; a new one without it")
    parser.add_argument("--more", type=int, default=0, help="further mutants, from anywhere")
    parser.add_argument("--only", nargs="*", default=[""], help="only files whose path begins so, in this order")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no mutant after so long")
    parser.add_argument("--copies", type=int, default=2, help="how many are tried at once")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else SystemRandom().randrange(1_000_000)
    every = draw(TREE, seed=seed, more=arguments.more)
    drawn = list(dict.fromkeys(each for first in arguments.only for each in every if each.path.startswith(first)))
    kept, entries = Kept.of(TREE, folder=FOLDER), list(listed((TREE / SURVIVORS).read_text()))
    print(f"seed {seed}: {len(drawn)} mutants")
    left = to_try(drawn, kept.read(), entries)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy.made(TREE, into=Path(folder).resolve() / str(number)) for number in range(arguments.copies)]
        state = digest(TREE, product(TREE))
        tests, failing = asyncio.run(measured(copies, product=state, folder=FOLDER, limit_s=MAP_LIMIT_S))
        for test in failing:
            print(f"fails without any mutant, and is left out: {test}", flush=True)
        trial = Trial(left, tests, kept, until=time.monotonic() + arguments.seconds)
        asyncio.run(try_all(trial, copies=copies))
    verdict = judged(drawn, kept.read(), entries)
    for mutant in verdict.survived:
        print(f"survived: {mutant.path}:{mutant.line}\n    - {mutant.was}\n    + {mutant.now}")
    print(*verdict.faults, f"seed {seed}: {verdict.figures}", sep="\n")
    return 1 if verdict.faults or failing else 0


if __name__ == "__main__":
    sys.exit(main())
