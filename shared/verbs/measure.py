"""measure the backlog: what publisher and read model have not read, and which dead letters are open. Knows no Cosmos.

A dead publisher reports nothing, so it is measured from outside: its leases and the store tell how far it came.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import flow, signals
from shared.codec.values import time_from_json, time_to_json
from shared.ports.letter_box import LetterKind
from shared.ports.outbox import PROJECTED, PUBLISHED, Lag, Unread, lag_of
from shared.services import Services

_LETTERS, _MARKS = "letters", "marks"
"""What is remembered from one round to the next, beside where the readers stood."""

_MOST_MARKS = 60
"""So that what is remembered stays small, however long the read model stands still."""


async def measure_backlog(*, services: Services) -> None:
    """Set the gauges, after everything that was measured is kept for the next round.

    What cannot be kept would make a lag zero for ever, just when readers cannot keep their positions for the same
    reason: then nothing is set. Raises StoreBusy, AppendUnknown.

    Up to when the read model is whole is noted beside it, for lists.
    """
    now = services.clock.now()
    before = await services.outbox.remembered()
    unread = await services.outbox.unread()
    letters = await services.letters.open_by_kind()
    published = lag_of(unread[flow.PUBLISH_LEASE_PREFIX], before=before.get(PUBLISHED, {}), now=now)
    projected = lag_of(unread[flow.PROJECT_LEASE_PREFIX], before=before.get(PROJECTED, {}), now=now)
    whole_as_of, marks = _passed(before.get(_MARKS, []), parts=projected.parts, now=now)
    await services.outbox.remember(
        {PUBLISHED: published.remembered(), PROJECTED: projected.remembered(), _LETTERS: list(letters), _MARKS: marks}
    )
    if whole_as_of is not None:
        await services.overview.note_whole(whole_as_of)
    services.telemetry.gauge(signals.OUTBOX_LAG_S, published.seconds(now))
    services.telemetry.gauge(signals.PROJECTION_LAG_S, projected.seconds(now))
    _tell_lag(published, lag_s=published.seconds(now), services=services)
    for kind in letters.keys() | _gone(before.get(_LETTERS, []), letters=letters):
        services.telemetry.gauge(
            signals.DEAD_LETTERS_OPEN, letters[kind], step=kind.step, reason=kind.reason, severity=kind.severity
        )


def _passed(
    before: Sequence[Mapping[str, Any]], *, parts: Sequence[Unread], now: datetime
) -> tuple[datetime | None, list[Mapping[str, Any]]]:
    """The last round since which the reader has read all that there was then, and what the next round has to know.

    Each round leaves a mark: the newest change of each part. A reader that is never quite done passes older marks.
    """
    read_to = {each.part: each.read_to for each in parts}
    mark = {"at": time_to_json(now), "newest": {each.part: each.newest for each in parts}}
    marks = [*before, mark] if parts else []
    passed = [
        number
        for number, each in enumerate(marks)
        if all(read_to.get(part, -1) >= newest for part, newest in each["newest"].items())
    ]
    ahead = marks[passed[-1] + 1 :] if passed else marks
    kept = ahead[::2] if len(ahead) > _MOST_MARKS else ahead
    return time_from_json(marks[passed[-1]]["at"]) if passed else None, kept


def _tell_lag(lag: Lag, *, lag_s: float, services: Services) -> None:
    services.telemetry.log(
        signals.LOG_OUTBOX_LAG,
        {"lag_s": lag_s, "changes": lag.changes, "parts": len(lag.parts)},
    )


def _gone(before: Sequence[Sequence[str]], *, letters: Mapping[LetterKind, int]) -> set[LetterKind]:
    """Kinds of which no letter is open any more. They are set to 0, a Counter's default: an alert looks at the last
    value. An earlier release remembered no severity, and nobody looks at what it set.
    """
    kinds = {LetterKind(*kind) for kind in before if len(kind) == len(LetterKind._fields)}
    return kinds - letters.keys()
