"""How often something happened lately, and how long it took: in slices of ten seconds, of the last ten minutes. Pure.

What is older is forgotten, so that neither grows.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

SLICE_S: Final = 10
SLICES: Final = 60
WINDOW: Final = timedelta(seconds=SLICE_S * SLICES)
_MINUTE: Final = 60 // SLICE_S

_STEP: Final = math.log(1.05)
"""Durations are kept as powers of 1.05: a percentile is at most 3% off, however many there are."""
_SHORTEST_S: Final = 0.001


def slice_at(moment: datetime) -> int:
    """The number of the slice that the moment is in; it begins at a whole ten seconds."""
    return int(moment.timestamp()) // SLICE_S


@dataclass(slots=True)
class Rate:
    """How often."""

    _counts: Counter[int] = field(default_factory=Counter)

    def add(self, moment: datetime) -> None:
        self._counts[slice_at(moment)] += 1

    def curve(self, now: datetime) -> list[int]:
        """By slice, the oldest first. The last one is that of now, and still grows."""
        last = slice_at(now)
        for old in [each for each in self._counts if each <= last - SLICES]:
            del self._counts[old]
        return [self._counts[each] for each in range(last - SLICES + 1, last + 1)]


def minute(curve: list[int]) -> int:
    """How often in the last six slices."""
    return sum(curve[-_MINUTE:])


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In seconds."""

    p50: float
    p99: float


@dataclass(slots=True)
class Durations:
    """How long."""

    _slices: dict[int, Counter[int]] = field(default_factory=dict)

    def add(self, moment: datetime, *, seconds: float) -> None:
        """moment: when it was over. What is below a millisecond counts as one, a clock that went back as well."""
        power = round(math.log(max(seconds, _SHORTEST_S)) / _STEP)
        self._slices.setdefault(slice_at(moment), Counter())[power] += 1

    def curve(self, now: datetime) -> list[Percentiles | None]:
        """By slice, as a rate has them; None where nothing was over."""
        last = slice_at(now)
        for old in [each for each in self._slices if each <= last - SLICES]:
            del self._slices[old]
        return [_percentiles(self._slices.get(each, Counter())) for each in range(last - SLICES + 1, last + 1)]

    def all(self, now: datetime) -> Percentiles | None:
        """Of all slices together."""
        last = slice_at(now)
        every: Counter[int] = Counter()
        for number, durations in self._slices.items():
            if last - SLICES < number <= last:
                every.update(durations)
        return _percentiles(every)


def _percentiles(powers: Counter[int]) -> Percentiles | None:
    total = powers.total()
    return Percentiles(_at(powers, total * 0.5), _at(powers, total * 0.99)) if total else None


def _at(powers: Counter[int], rank: float) -> float:
    """The shortest duration that is not exceeded by so many."""
    seen = 0
    for power in sorted(powers):
        seen += powers[power]
        if seen >= rank:
            return round(math.exp(power * _STEP), 3)
    raise AssertionError("there are fewer")
