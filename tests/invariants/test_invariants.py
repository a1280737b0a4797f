"""Whatever happens to payments, in whatever order: the invariants hold once the world is mended and at rest."""

import os

import pytest

from tests.invariants.checks import judge
from tests.invariants.runs import Run, play, shortest

RUNS = int(os.environ.get("INVARIANT_RUNS", "500"))
FIRST = int(os.environ.get("INVARIANT_SEED", "0"))
PARTS = 10


@pytest.mark.timeout(60 + RUNS)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_the_invariants_hold_in_the_end(part: int) -> None:
    for seed in range(FIRST + part, FIRST + RUNS, PARTS):
        ended = play(Run.of(seed), judge=judge)
        if ended.broken is not None:
            pytest.fail(shortest(ended, judge=judge).story, pytrace=False)
