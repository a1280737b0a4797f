"""Which payments to ask about their notifications, how soon again, and which attempts are new. Knows no HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

type Json = dict[str, Any]

SOONEST_S, LATEST_S = 0.5, 20.0
"""A payment that has moved is asked about at once. Each time that it has nothing new the pause doubles, up to the
latest: a notification that is sent again by hand moves no payment, and is found within that time."""
WAITING_S = 1.0
"""The longest pause while a notification is still to be delivered: each try may come at any time."""
AT_ONCE = 50
"""The most payments in one round, those that moved last first."""
MOST_OLDER = 1000
"""The most that are followed beside those of the list. At LATEST_S each they take half of the rounds."""

_ENDED = frozenset({"completed", "failed", "voided"})


class Lost(Enum):
    """What may not be seen of payments from now on."""

    OLDER = auto()
    """There are older ones than those of the list. Of them the ones are followed that were listed while it ran."""
    UNTOLD = auto()
    """More than MOST_OLDER of them have a merchant still to be told: the oldest are followed no more."""
    UNLISTED = auto()
    """So many came since the last look that the list may not have shown all of them."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the merchant's server, as the API shows it."""

    row: Json
    """The payment as the list shows it."""
    notification: Json
    told: Json
    """The attempt itself: `at`, `attempt`, `by`, `url`, what came of it, and what was sent."""

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.told["at"])

    @property
    def headers(self) -> dict[str, str]:
        """Those of the signature; empty where nothing could be signed."""
        return dict(self.told.get("headers") or {})

    @property
    def body(self) -> str:
        return str(self.told.get("body") or "")

    @property
    def was_signed(self) -> bool:
        return bool(self.body and self.headers.get("webhook-signature"))


@dataclass(slots=True)
class _Followed:
    row: Json
    ask_at_s: float = 0.0
    pause_s: float = SOONEST_S
    is_waiting: bool = True
    is_open: bool = True
    """Its merchant is still to be told; so it may be where nobody knows yet."""
    is_older: bool = False
    """It is not among the newest any more."""
    seen: set[tuple[object, ...]] = field(default_factory=set)


class Watch:
    """What is known of the payments that are followed. since: attempts before it are passed over.

    Times in seconds are those of one clock that never goes back.
    """

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._followed: dict[str, _Followed] = {}
        self._has_looked = False

    def listed(self, rows: Sequence[Json], *, now_s: float, is_all: bool = False) -> set[Lost]:
        """Takes the newest payments, newest first, and keeps older ones while they are open, MOST_OLDER at most.

        is_all: there are no others, so that those that are not listed are gone. Returns what is lost by it.
        """
        before, self._followed = self._followed, {}
        for row in rows:
            known = before.get(row["payment_id"])
            if known is None:
                known = _Followed(row, ask_at_s=now_s)
            elif known.row["version"] != row["version"]:
                known.row, known.ask_at_s, known.pause_s = row, now_s, SOONEST_S
            self._followed[row["payment_id"]] = known
        has_looked, self._has_looked = self._has_looked, True
        if is_all:
            return set()
        lost = {Lost.OLDER}
        if has_looked and before.keys().isdisjoint(self._followed):
            lost.add(Lost.UNLISTED)
        if self._kept_open(before) > MOST_OLDER:
            lost.add(Lost.UNTOLD)
        return lost

    def _kept_open(self, before: Mapping[str, _Followed]) -> int:
        """How many there are; as many as may be are kept."""
        still_open = [each for each in before if each not in self._followed and before[each].is_open]
        for payment_id in still_open[:MOST_OLDER]:  # newest first, as they were
            self._followed[payment_id] = before[payment_id]
            before[payment_id].is_older = True
        return len(still_open)

    def due(self, *, now_s: float) -> list[str]:
        """The ids of the payments to ask about now, AT_ONCE at most: those first that wait the longest."""
        due = [(each.ask_at_s, payment_id) for payment_id, each in self._followed.items() if each.ask_at_s <= now_s]
        return [payment_id for _, payment_id in sorted(due)[:AT_ONCE]]

    def postponed(self, payment_id: str, *, now_s: float) -> None:
        """The payment could not be asked about: others have their turn first."""
        self._followed[payment_id].ask_at_s = now_s + WAITING_S

    def refused(self, payment_id: str, *, now_s: float) -> None:
        """The app does not say what its merchant is told."""
        self.answered(payment_id, {"notifications": []}, now_s=now_s)
        self._followed[payment_id].is_open = False

    def answered(self, payment_id: str, answer: Json, *, now_s: float) -> list[Attempt]:
        """The attempts that are new, each once, oldest first."""
        followed = self._followed.get(payment_id)
        if followed is None:
            return []
        new = list(self._new(followed, answer))
        followed.is_waiting = any(each["state"] == "waiting" for each in answer["notifications"])
        is_untold = not answer["notifications"] and followed.row.get("status") not in _ENDED
        followed.is_open = followed.is_waiting or is_untold
        followed.pause_s = SOONEST_S if new else min(2 * followed.pause_s, LATEST_S)
        is_soon = followed.is_waiting and not followed.is_older
        followed.ask_at_s = now_s + (min(followed.pause_s, WAITING_S) if is_soon else followed.pause_s)
        return sorted(new, key=lambda attempt: attempt.at)

    def _new(self, followed: _Followed, answer: Json) -> Iterator[Attempt]:
        for notification in answer["notifications"]:
            for told in notification["attempts"]:
                key = (notification["notification_id"], told["by"], told["attempt"], told["at"])
                if key not in followed.seen:
                    followed.seen.add(key)
                    attempt = Attempt(followed.row, notification, told)
                    if attempt.at >= self._since:
                        yield attempt
