"""The only source of chance. Each action has its own, so that leaving out one action does not change the others."""

from collections.abc import Sequence
from random import Random


class Luck:
    """fault_rate: how often a call of a port meets with a fault that can happen to it, from 0 to 1.

    silent: the call that asks was cut off by its time limit: whatever is done, no answer comes.
    """

    def __init__(self, seed: int, *, fault_rate: float = 0.0) -> None:
        self._random = Random(seed)
        self.fault_rate = fault_rate
        self.silent = False

    def fault(self) -> bool:
        """Whether the call at hand meets with a fault."""
        return self.fault_rate > 0 and self._random.random() < self.fault_rate

    def happens(self, chance: float) -> bool:
        """With this chance, whatever the fault rate."""
        return self._random.random() < chance

    def often(self, chance: float) -> bool:
        """With this chance where there are faults at all."""
        return self.fault_rate > 0 and self._random.random() < chance

    def number(self) -> float:
        """From 0 to 1, for jitter."""
        return self._random.random()

    def one_of[T](self, things: Sequence[T]) -> T:
        return things[int(self._random.random() * len(things))]

    def weighted[T](self, things: Sequence[tuple[T, float]]) -> T:
        """One of several, each with its weight."""
        drawn = self._random.random() * sum(weight for _, weight in things)
        for thing, weight in things:
            drawn -= weight
            if drawn < 0:
                return thing
        return things[-1][0]
