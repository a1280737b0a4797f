"""measure the backlog: what the publisher has not read, and the dead letters that are open. Knows no Cosmos.

A dead publisher reports nothing, so it is measured from outside: its leases and the store tell how far it came.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import signals
from shared.codec.values import time_from_json, time_to_json
from shared.ports.outbox import Unpublished
from shared.services import Services

_PARTS, _LETTERS = "parts", "letters"
"""What is remembered from one round to the next."""


async def measure_backlog(*, services: Services) -> None:
    """Set the gauges.

    A part's lag is how long its position has not moved while there was something to read. It is zero while the
    publisher keeps up, and at most one round of the timer too small.
    """
    now = services.clock.now()
    before = await services.outbox.remembered()
    parts = await services.outbox.unpublished()
    since = {each.part: _since(each, before=before.get(_PARTS, {}), now=now) for each in parts if each.changes}
    lag_s = max(((now - moment).total_seconds() for moment in since.values()), default=0.0)
    services.telemetry.gauge(signals.OUTBOX_LAG_S, lag_s)
    services.telemetry.log(
        signals.LOG_OUTBOX_LAG,
        {"lag_s": lag_s, "changes": sum(each.changes for each in parts), "parts": len(parts)},
    )
    read = {
        each.part: {"position": each.position, "since": time_to_json(since[each.part])}
        for each in parts
        if each.part in since
    }
    letters = await _count_letters(services, before=before.get(_LETTERS, []))
    await services.outbox.remember({_PARTS: read, _LETTERS: letters})


def _since(part: Unpublished, *, before: Mapping[str, Any], now: datetime) -> datetime:
    seen = before.get(part.part)
    if seen is not None and seen["position"] == part.position:
        return time_from_json(seen["since"])
    return now


async def _count_letters(services: Services, *, before: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """The steps and reasons that have open letters. Those that have none any more are set to 0, a Counter's default.

    Otherwise a gauge keeps its last value, and the alert never ends.
    """
    numbers = await services.letters.open_by_step_and_reason()
    gone = {(step, reason) for step, reason in before} - numbers.keys()
    for step, reason in numbers.keys() | gone:
        services.telemetry.gauge(signals.DEAD_LETTERS_OPEN, numbers[step, reason], step=step, reason=reason)
    return list(numbers)
