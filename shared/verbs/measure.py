"""measure the backlog: what publisher and read model have not read, and which dead letters are open. Knows no Cosmos.

A dead publisher reports nothing, so it is measured from outside: its leases and the store tell how far it came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import flow, signals
from shared.codec.values import time_from_json, time_to_json
from shared.ports.letter_box import LetterKind
from shared.ports.outbox import Unread
from shared.services import Services

_PARTS, _PROJECTED, _LETTERS, _MARKS = "parts", "projected", "letters", "marks"
"""What is remembered from one round to the next."""

_MOST_MARKS = 60
"""So that what is remembered stays small, however long the read model stands still."""


@dataclass(frozen=True, slots=True)
class _Lag:
    """Of one reader of the feed. since: when each part that has something to read was first seen where it is."""

    parts: Sequence[Unread]
    since: Mapping[str, datetime]

    def seconds(self, now: datetime) -> float:
        """Of the part that stands still the longest."""
        return max(((now - moment).total_seconds() for moment in self.since.values()), default=0.0)

    def remembered(self) -> dict[str, Any]:
        return {
            each.part: {"position": each.position, "since": time_to_json(self.since[each.part])}
            for each in self.parts
            if each.part in self.since
        }


async def measure_backlog(*, services: Services) -> None:
    """Set the gauges, after everything that was measured is kept for the next round.

    A part's lag is how long its position has not moved while there was something to read. It is zero while the reader
    keeps up, and at most one round of the timer too small. What cannot be kept would make it zero for ever, just when
    readers cannot keep their positions for the same reason: then nothing is set. Raises StoreBusy, AppendUnknown.

    Up to when the read model is whole is noted beside it, for lists.
    """
    now = services.clock.now()
    before = await services.outbox.remembered()
    unread = await services.outbox.unread()
    letters = await services.letters.open_by_kind()
    published = _lag(unread[flow.PUBLISH_LEASE_PREFIX], before=before.get(_PARTS, {}), now=now)
    projected = _lag(unread[flow.PROJECT_LEASE_PREFIX], before=before.get(_PROJECTED, {}), now=now)
    whole_as_of, marks = _passed(before.get(_MARKS, []), parts=projected.parts, now=now)
    await services.outbox.remember(
        {_PARTS: published.remembered(), _PROJECTED: projected.remembered(), _LETTERS: list(letters), _MARKS: marks}
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


def _lag(parts: Sequence[Unread], *, before: Mapping[str, Any], now: datetime) -> _Lag:
    return _Lag(parts, {each.part: _since(each, before=before, now=now) for each in parts if each.changes})


def _since(part: Unread, *, before: Mapping[str, Any], now: datetime) -> datetime:
    seen = before.get(part.part)
    if seen is not None and seen["position"] == part.position:
        return time_from_json(seen["since"])
    return now


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


def _tell_lag(lag: _Lag, *, lag_s: float, services: Services) -> None:
    services.telemetry.log(
        signals.LOG_OUTBOX_LAG,
        {"lag_s": lag_s, "changes": sum(each.changes for each in lag.parts), "parts": len(lag.parts)},
    )


def _gone(before: Sequence[Sequence[str]], *, letters: Mapping[LetterKind, int]) -> set[LetterKind]:
    """Kinds of which no letter is open any more. They are set to 0, a Counter's default: an alert looks at the last
    value. An earlier release remembered no severity, and nobody looks at what it set.
    """
    kinds = {LetterKind(*kind) for kind in before if len(kind) == len(LetterKind._fields)}
    return kinds - letters.keys()
