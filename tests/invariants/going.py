"""How far jobs come: none, some or all of their calls, one job alone or several in turn."""

from tests.invariants.luck import Luck
from tests.invariants.stage import Job
from tests.invariants.world import WORKERS, World

MOST_JOBS = 6
"""Jobs at the same time."""


def is_full(world: World) -> bool:
    """Whether nobody takes on another job now."""
    return len(world.stage.jobs) >= MOST_JOBS


def a_worker(luck: Luck) -> int:
    return luck.one_of(range(WORKERS))


def go_on(job: Job, luck: Luck, world: World) -> None:
    """The job makes some of its calls, often all of them."""
    most = luck.weighted([(0, 0.1), (1, 0.12), (2, 0.1), (3, 0.08), (4, 0.05), (60, 0.55)])
    for _ in range(most):
        if job.dead or not job.waiting:
            return
        world.stage.let_go(luck.one_of(job.waiting), luck=luck)


def between(world: World, jobs: list[Job], luck: Luck) -> None:
    """Some of their calls, or all, in any order."""
    for _ in range(luck.one_of([2, 10, 60, 60])):
        waiting = [job for job in jobs if job.waiting and not job.dead]
        if not waiting:
            return
        job = luck.one_of(waiting)
        world.stage.let_go(luck.one_of(job.waiting), luck=luck)
