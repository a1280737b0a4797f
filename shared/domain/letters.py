"""Dead letters: what is parked, the record that is kept of it, and what operators do with it. Knows no storage."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What a person must look at: the message as it was, why it ended here and where.

    reason: a stable snake_case word. description: for people. source: `topic/subscription`, or `events` for the feed.
    """

    message_id: str
    body: str
    subject: str
    reason: str
    description: str
    source: str
    attempt: int = 0
    run: str = "0"
    delivery_count: int = 1
    answered: bool = False


NAMESPACE = uuid.UUID("7f1d2a54-93b6-5c7b-9a63-2f6c07d8b1e4")
"""Namespace of the record ids. It must never change: a redelivered letter would become a second record."""


class LetterStatus(StrEnum):
    """OPEN until somebody has dealt with it."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    RESOLVED = "resolved"  # found to need nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done with a dead letter, by whom."""

    at: datetime
    action: str
    by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRecord:
    """A death of a message: what it was, why and where it ended, and what was done about it.

    step: the subscription's step, or `publish`. run and attempt: of the message that died. replays: the runs of its
    replays. etag: of the stored record; None for one that is not stored yet.
    """

    letter_id: str
    status: LetterStatus
    step: str
    source: str
    reason: str
    description: str
    severity: str
    payment_id: str | None
    event_id: str | None
    message_id: str
    subject: str
    body: str
    attempt: int
    run: str
    delivery_count: int
    answered: bool
    recorded_at: datetime
    replays: tuple[str, ...] = ()
    history: tuple[Entry, ...] = ()
    etag: str | None = None

    def after(self, action: str, *, at: datetime, by: str, note: str, **changes: Any) -> Self:  # noqa: ANN401 - fields
        """The record with one more line of history."""
        entry = Entry(at=at, action=action, by=by, note=note)
        return replace(self, history=(*self.history, entry), **changes)


def letter_id_of(*, source: str, message_id: str) -> str:
    """One id per death. The message id holds run and attempt, so a new death is a new record; a redelivery is not."""
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{message_id}"))


def run_under_way(
    letters: Iterable[LetterRecord], *, now: datetime, horizon: timedelta, but: str | None = None
) -> str | None:
    """The run of a replay whose retries may not be over, from the letters of one step without the letter `but`.

    Two runs side by side would ask at the same moment. Both would be told that the request is unknown, and both would
    send. A run that died left a letter of its own, and is not under way. horizon: how long a step's retries may take.
    """
    letters = tuple(letters)
    died = {letter.run for letter in letters}
    for letter in letters:
        if letter.letter_id == but or letter.status is not LetterStatus.REPLAYED:
            continue
        if letter.replays[-1] not in died and now - letter.history[-1].at < horizon:
            return letter.replays[-1]
    return None
