"""The only source of chance. Each action has its own, so that leaving out one action does not change the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a call meets with a fault that can happen to it, from 0 to 1, by whom it asks."""

    store: float = 0.0
    bus: float = 0.0
    provider: float = 0.0
    merchant: float = 0.0


CALM = Rates()


class Luck:
    """silent: the call that asks was cut off by its time limit: whatever is done, no answer comes."""

    def __init__(self, seed: int, *, rates: Rates = CALM) -> None:
        self._random = Random(seed)
        self.rates = rates
        self.silent = False

    def meets(self, rate: float) -> bool:
        """Whether a call with this rate meets with a fault."""
        return rate > 0 and self._random.random() < rate

    def happens(self, chance: float) -> bool:
        """With this chance, however calm it is."""
        return self._random.random() < chance

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
