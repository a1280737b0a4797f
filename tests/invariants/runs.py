"""A seed, its run, and the shortest list of actions that still breaks what the whole run broke."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.invariants.actions import Action, drawn, perform
from tests.invariants.loop import WorldLoop
from tests.invariants.rest import Restless
from tests.invariants.world import Setting, World, a_world


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that did not hold. name: of the invariant. story: what was found."""

    name: str
    story: str


type Judge = Callable[[World], Iterator[Broken]]
"""Mends the world, lets it come to rest, and tells what does not hold. It may stop at the first."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a seed stands for."""

    seed: int
    setting: Setting
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, seed: int) -> "Run":
        chance = Random(seed)
        return cls(seed, Setting.drawn(chance), tuple(drawn(chance)))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. lines: its story, when it was asked for."""

    run: Run
    broken: Broken | None
    lines: tuple[str, ...]

    @property
    def story(self) -> str:
        head = f"seed {self.run.seed}, {len(self.run.actions)} actions, {self.run.setting}"
        found = f"{self.broken.name}: {self.broken.story}" if self.broken else "nothing is broken"
        return "\n".join([found, head, *self.lines])


def play(run: Run, *, judge: Judge, tells: bool = False) -> Ended:
    """Let all of it happen, then judge."""
    loop = WorldLoop()
    with loop.running():
        world = a_world(loop, run.setting, tells=tells)
        try:
            for action in run.actions:
                perform(action, world)
            world.stage.tell("== everything is mended")
            broken = next(judge(world), None)
        except Restless as restless:
            broken = Broken("it_comes_to_rest", str(restless))
        finally:
            world.close()
            loop.close()
    return Ended(run, broken, tuple(world.stage.lines or ()))


def shortest(ended: Ended, *, judge: Judge) -> Ended:
    """Leave out actions as long as the same invariant breaks: halves first, then ever smaller parts."""
    assert ended.broken is not None
    run, name = ended.run, ended.broken.name
    size = max(len(run.actions) // 2, 1)
    while True:
        shorter = _without(run, size, name=name, judge=judge)
        if shorter is not None:
            run = shorter
        elif size == 1:
            break
        else:
            size //= 2
    return play(run, judge=judge, tells=True)


def _without(run: Run, size: int, *, name: str, judge: Judge) -> Run | None:
    for start in range(len(run.actions) - 1, -1, -size):
        kept = _cut(run.actions, start, size)
        if len(kept) == len(run.actions):
            continue
        candidate = Run(run.seed, run.setting, kept)
        broken = play(candidate, judge=judge).broken
        if broken is not None and broken.name == name:
            return candidate
    return None


def _cut(actions: Sequence[Action], start: int, size: int) -> tuple[Action, ...]:
    first = max(start - size + 1, 0)
    return (*actions[:first], *actions[start + 1 :])
