"""The flow: the provider was down for a minute and a half, and what waited has been carried through since."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from tests.browser import played
from tests.browser.scenes.shop import Json, at

DOWN = range(28, 37)
"""Of the sixty slices of ten seconds."""
ORDERED = [7 + round(2 * math.sin(each / 3) + each % 2) for each in range(60)]


def _created() -> list[int]:
    """What create takes out of what waits for it: nothing while the provider is down, then what it can carry."""
    waits, done = 0, []
    for slice_, ordered in enumerate(ORDERED):
        waits += ordered
        done.append(0 if slice_ in DOWN else min(waits, 14))
        waits -= done[-1]
    return done


CREATED = _created()
DECLINED = [1 if total % 47 < new else 0 for total, new in zip(accumulate(CREATED), CREATED, strict=True)]
SETTLED = [new - declined for new, declined in zip(CREATED, DECLINED, strict=True)]
VOIDED = [1 if each in {7, 19, 41, 51} else 0 for each in range(60)]
REFUNDED = [1 if each % 9 == 4 else 0 for each in range(60)]
TOPICS = {
    "payment-initiated": ORDERED,
    "payment-created": CREATED,
    "payment-settled": SETTLED,
    "payment-failed": DECLINED,
    "payment-completed": SETTLED,
    "payment-voided": VOIDED,
    "payment-cancel-requested": VOIDED,
    "payment-refund-requested": REFUNDED,
    "payment-refunded": REFUNDED,
    "payment-notices": REFUNDED,
}


def _rate(curve: Sequence[int]) -> Json:
    return {"minute": sum(curve[-6:]), "curve": list(curve)}


def _times(usual_s: float, *, after_s: Mapping[int, float]) -> list[list[float] | None]:
    """Half and 99 of 100, by slice. after_s: what those took at most that had waited."""
    return [
        None
        if each in DOWN
        else [round(usual_s * (1 + each % 3 / 20) + after_s.get(each, 0) * 0.6, 2), round(usual_s * 2.1 + extra, 2)]
        for each in range(60)
        for extra in [after_s.get(each, 0.0)]
    ]


BY_AGE = ((60, 1), (600, 5), (3600, 2), (21600, 2), (86400, 0), (None, 0))


def flow() -> Json:
    waited = {each: 95.0 - 8 * (each - DOWN.stop) for each in range(DOWN.stop, DOWN.stop + 11)}
    parked = {"high": 0, "normal": 0, "low": 0}
    retries = {"retries": {"attempts": 6, "longest_wait_s": 240.0}}
    told = played.summary(
        steps={
            "create": {"owed": 9, "late": 3, "oldest_s": 340, "parked": {**parked, "normal": 6}, **retries},
            "settle": {"owed": 4, "late": 1, "oldest_s": 205, "parked": {**parked, "high": 1, "normal": 1}, **retries},
            "notify": {"owed": 2, "parked": {**parked, "low": 2}},
        },
        as_of=at(0),
        counted_at=at(0),
        since=at(610),
        ends={"completed": _rate(SETTLED), "failed": _rate(DECLINED), "voided": _rate(VOIDED)},
        times={
            "completed_s": {"p50": 1.24, "p99": 93.6, "curve": _times(1.2, after_s=waited)},
            "certain_s": {
                "p50": 14.2,
                "p99": 101.0,
                "curve": [[each * 0.55, each] if (each := waited.get(slice_)) else None for slice_ in range(60)],
            },
        },
        letters=played.letters(
            open=10,
            high=1,
            oldest_s=6840,
            by_age=[{"up_to_s": up_to_s, "n": n} for up_to_s, n in BY_AGE],
        ),
    )
    topics = [{**each, **_rate(TOPICS.get(each["topic"], [0] * 60))} for each in told["topics"]]
    return {**told, "topics": topics}
