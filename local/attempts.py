"""Which payments to ask about their notifications, how soon again, and which attempts are new. Knows no HTTP."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

type Json = dict[str, Any]

SOONEST_S, LATEST_S = 0.5, 20.0
"""A payment that has moved is asked about at once. Each time that it has nothing new the pause doubles, up to the
latest: a notification that is sent again by hand moves no payment, and is found within that time."""
WAITING_S = 1.0
"""The longest pause while a notification is still to be delivered: each try may come at any time."""
AT_ONCE = 50
"""The most payments in one round, those that moved last first."""


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
    seen: set[tuple[object, ...]] = field(default_factory=set)


class Watch:
    """What is known of the payments that are followed. since: attempts before it are passed over.

    Times in seconds are those of one clock that never goes back.
    """

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._followed: dict[str, _Followed] = {}

    def listed(self, rows: Iterable[Json], *, now_s: float) -> None:
        """Takes the newest payments, newest first. Those that are not among them any more are forgotten."""
        before, self._followed = self._followed, {}
        for row in rows:
            known = before.get(row["payment_id"])
            if known is None:
                known = _Followed(row, ask_at_s=now_s)
            elif known.row["version"] != row["version"]:
                known.row, known.ask_at_s, known.pause_s = row, now_s, SOONEST_S
            self._followed[row["payment_id"]] = known

    def due(self, *, now_s: float) -> list[str]:
        """The ids of the payments to ask about now, AT_ONCE at most: those first that wait the longest."""
        due = [(each.ask_at_s, payment_id) for payment_id, each in self._followed.items() if each.ask_at_s <= now_s]
        return [payment_id for _, payment_id in sorted(due)[:AT_ONCE]]

    def postponed(self, payment_id: str, *, now_s: float) -> None:
        """The payment could not be asked about: others have their turn first."""
        self._followed[payment_id].ask_at_s = now_s + WAITING_S

    def answered(self, payment_id: str, answer: Json, *, now_s: float) -> list[Attempt]:
        """The attempts that are new, each once, oldest first."""
        followed = self._followed.get(payment_id)
        if followed is None:
            return []
        new = list(self._new(followed, answer))
        followed.is_waiting = any(each["state"] == "waiting" for each in answer["notifications"])
        followed.pause_s = SOONEST_S if new else min(2 * followed.pause_s, LATEST_S)
        followed.ask_at_s = now_s + (min(followed.pause_s, WAITING_S) if followed.is_waiting else followed.pause_s)
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
