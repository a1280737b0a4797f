"""`python -m tests.invariants SEED`: one run and its shortest story; `--runs N`: many, until one breaks."""

import argparse
import sys
import time
from collections import Counter

from tests.invariants.checks import judge
from tests.invariants.runs import Run, play, shortest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.invariants", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="the run of this seed, told whole and then shortened")
    parser.add_argument("--runs", type=int, default=1000, help="as many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--all", action="store_true", help="go on after a run that breaks; count what breaks")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _one(asked.seed)
    return _many(asked.first, asked.runs, goes_on=asked.all)


def _one(seed: int) -> int:
    ended = play(Run.of(seed), judge=judge, tells=True)
    if ended.broken is not None:
        ended = shortest(ended, judge=judge)
    print(ended.story)
    return 1 if ended.broken else 0


def _many(first: int, runs: int, *, goes_on: bool) -> int:
    began, broken = time.perf_counter(), Counter[str]()
    for seed in range(first, first + runs):
        ended = play(Run.of(seed), judge=judge)
        if ended.broken is None:
            continue
        broken[ended.broken.name] += 1
        if broken[ended.broken.name] <= 3:
            print(f"seed {seed}: {ended.broken.name}: {ended.broken.story}", flush=True)
        if not goes_on:
            return _one(seed)
    seconds = time.perf_counter() - began
    print(f"{runs} runs in {seconds:.1f} s, {runs / seconds:.0f} a second; broken: {dict(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
