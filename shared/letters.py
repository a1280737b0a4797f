"""Dead letters as they are kept: the record, its way through an operator's hands, and the port that stores it.

Knows no storage product. The field names of the record's JSON live for ever, like those of events.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Self

from shared.codec import time_from_json, time_to_json
from shared.errors import PaymentsError, Then

NAMESPACE = uuid.UUID("7f1d2a54-93b6-5c7b-9a63-2f6c07d8b1e4")
"""Of the record ids. It must never change: a redelivered letter would become a second record."""


class LetterMoved(PaymentsError):
    """Another operator's action on this dead letter was first. Nothing was done: look again."""

    code, then = "letter_moved", Then.RELOAD


class LetterStatus(StrEnum):
    """OPEN until someone has seen to it."""

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

    step: the subscription's step, or `publish`. run and attempt: of the message that died. replays: the runs that were
    minted from it. etag: of the stored record; None for one that is not stored yet.
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
    """One id per death: the message id holds run and attempt, so a new death is a new record, a redelivery is not."""
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{message_id}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which dead letters; None means any. recorded_before: for letters of at least some age."""

    status: str | None = None
    step: str | None = None
    reason: str | None = None
    payment_id: str | None = None
    recorded_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some dead letters, and where the next ones begin; None at the end."""

    letters: tuple[LetterRecord, ...]
    next_page: str | None


class LetterBox(Protocol):
    """Where dead letters are kept until someone has seen to them."""

    async def add(self, record: LetterRecord) -> bool:
        """False when this death is recorded already. Raises StoreBusy, AppendUnknown: adding again is safe."""

    async def get(self, letter_id: str) -> LetterRecord | None:
        """Raises StoreBusy."""

    async def save(self, record: LetterRecord) -> LetterRecord:
        """Replace the record as it was read. Raises LetterMoved when it has changed since; StoreBusy."""

    async def find(self, wanted: LetterFilter, *, limit: int, page: str | None = None) -> LetterPage:
        """Oldest first where the store keeps that order. Raises StoreBusy."""

    async def open_by_step_and_reason(self) -> Counter[tuple[str, str]]:
        """How many are open. Raises StoreBusy."""


def letter_to_json(record: LetterRecord) -> dict[str, Any]:
    """As stored, and as operators see it."""
    return {
        "id": record.letter_id,
        "status": record.status.value,
        "step": record.step,
        "source": record.source,
        "reason": record.reason,
        "description": record.description,
        "severity": record.severity,
        "payment_id": record.payment_id,
        "event_id": record.event_id,
        "message": {
            "message_id": record.message_id,
            "subject": record.subject,
            "body": record.body,
            "attempt": record.attempt,
            "run": record.run,
            "delivery_count": record.delivery_count,
            "answered": record.answered,
        },
        "recorded_at": time_to_json(record.recorded_at),
        "replays": list(record.replays),
        "history": [
            {"at": time_to_json(entry.at), "action": entry.action, "by": entry.by, "note": entry.note}
            for entry in record.history
        ],
    }


def letter_from_json(fields: Mapping[str, Any]) -> LetterRecord:
    """The record as it was stored."""
    message = fields["message"]
    return LetterRecord(
        letter_id=fields["id"],
        status=LetterStatus(fields["status"]),
        step=fields["step"],
        source=fields["source"],
        reason=fields["reason"],
        description=fields["description"],
        severity=fields["severity"],
        payment_id=fields["payment_id"],
        event_id=fields["event_id"],
        message_id=message["message_id"],
        subject=message["subject"],
        body=message["body"],
        attempt=message["attempt"],
        run=message["run"],
        delivery_count=message["delivery_count"],
        answered=message["answered"],
        recorded_at=time_from_json(fields["recorded_at"]),
        replays=tuple(fields["replays"]),
        history=tuple(
            Entry(at=time_from_json(entry["at"]), action=entry["action"], by=entry["by"], note=entry["note"])
            for entry in fields["history"]
        ),
        etag=fields.get("_etag"),
    )
