"""Dead letters: what is parked, the record that is kept of it, and how it stands. Knows no storage."""

import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.events import (
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentParked,
    PaymentResumed,
    PaymentSeenTo,
)
from shared.domain.evolution import fold
from shared.domain.money import Money
from shared.domain.payment import NoticeTask, RefundTask, Step, Task, task_named
from shared.domain.reasons import Reason
from shared.domain.sameness import yeses_of
from shared.domain.standing import Standing, Stands, standing, standings
from shared.domain.stream import StoredEvent


@dataclass(frozen=True, slots=True)
class Yes:
    """A yes of the other side that is not recorded yet.

    reference and heard_at: None in messages and letters of a release that did not keep them. of: the step that it is a
    yes to, where that is another than the one that heard it: a void can hear that the money was taken.
    """

    reference: str | None = None
    heard_at: datetime | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt of a step that brought nothing. code: a stable word; answer: for people."""

    at: datetime
    code: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What a person must look at: the message as it was, why it ended here and where.

    reason: a stable snake_case word. description: for people. source: `topic/subscription`, or `events` for the feed.
    yes: what the other side had said, if it is not recorded. tries: as far as they are known, oldest first.
    """

    message_id: str
    body: str
    subject: str
    reason: str
    description: str
    source: str
    attempt: int = 0
    delivery_count: int = 1
    yes: Yes | None = None
    tries: tuple[Try, ...] = ()


NAMESPACE = uuid.UUID("7f1d2a54-93b6-5c7b-9a63-2f6c07d8b1e4")
"""Namespace of the record ids. It must never change: a redelivered letter would become a second record."""


class LetterStatus(StrEnum):
    """It only ever goes forward, in this order."""

    OPEN = "open"  # somebody has to deal with it
    TAKEN_UP = "taken_up"  # its step was started again since
    CLOSED = "closed"  # nothing is left to do about it


_ORDER = tuple(LetterStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done about a dead letter, by whom."""

    at: datetime
    action: str
    by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose payment a letter is about, as people look for it. It never changes once the payment is there.

    refund_minor: of the refund that the letter is about, if one; None in records of a release that kept no such thing.
    """

    merchant_id: str
    reference: str
    amount: Money
    refund_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRecord:
    """A death of a message: what it was, why and where it ended. It never changes, but for three fields.

    step: the subscription's step, or `publish`. refund_id: which of the payment's refunds it is about, if one.
    event_id: the business event that the message told of; cause: the event that the message stems from. Of a resumed
    step they differ.
    status and as_of: how the letter stood at that version of the stream, for lists; letter_status is the truth. as_of
    is None in records of a release that kept no such thing. closing: how a person ended a letter that is in the box
    alone. history: what earlier releases noted. owner: None where no stream could be read, and in records of a release
    that kept no such thing. etag: of the stored record; None for one that is not stored yet.
    """

    letter_id: str
    step: str
    source: str
    reason: str
    description: str
    severity: str
    payment_id: str | None
    event_id: str | None
    cause: str | None
    message_id: str
    subject: str
    body: str
    attempt: int
    delivery_count: int
    yes: Yes | None
    recorded_at: datetime
    status: LetterStatus = LetterStatus.OPEN
    as_of: int | None = 0
    closing: Entry | None = None
    history: tuple[Entry, ...] = ()
    etag: str | None = None
    refund_id: str | None = None
    owner: Owner | None = None
    tries: tuple[Try, ...] = ()

    @property
    def task(self) -> Task | None:
        """The task that it tells of; None for a letter of the feed, or one that does not say which refund or event."""
        if self.step == Step.REFUND:
            return RefundTask(self.refund_id) if self.refund_id else None
        if self.step == Step.NOTICE:
            return NoticeTask(self.event_id) if self.event_id else None
        return task_named(self.step)


def letter_id_of(*, source: str, message_id: str, reason: str) -> str:
    """One id per death. The message id holds cause and attempt, so a new death is a new record; a redelivery is not."""
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{message_id}\n{reason}"))


def earlier_letter_id_of(*, source: str, message_id: str) -> str:
    """The id that earlier releases gave the record of the same death."""
    return str(uuid.uuid5(NAMESPACE, f"{source}\n{message_id}"))


# --- how a letter stands ---

MONEY_TO_GIVE_BACK = frozenset({Reason.CHARGED_TWICE, Reason.CAPTURED_LATE, Reason.CAPTURED_AFTER_FAILURE})
"""A person gives it back at the provider, and then says so: no step can."""


def letter_status(letter: LetterRecord, stream: Sequence[StoredEvent]) -> LetterStatus:
    """How the letter stands after these events: as far as it had ever come."""
    so_far = letter.status if letter.as_of is None else LetterStatus.OPEN
    if letter.closing:
        return LetterStatus.CLOSED
    if letter.reason in MONEY_TO_GIVE_BACK:
        return max(so_far, _status_of_money(letter, stream), key=_ORDER.index)
    if letter.task is None:
        return so_far
    known: set[str] = set()
    statuses = [so_far]
    for stored, now in zip(stream, standings(stream, letter.task), strict=True):
        known |= yeses_of(stored.event)
        statuses.append(_status_at(letter, now, known=known))
    return max(statuses, key=_ORDER.index)


def holds_unrecorded(letter: LetterRecord, stream: Sequence[StoredEvent]) -> bool:
    """Whether the letter holds a yes of a step that moves money which stands nowhere in the stream."""
    return _is_unrecorded(letter, known=frozenset[str]().union(*(yeses_of(stored.event) for stored in stream)))


def _is_unrecorded(letter: LetterRecord, *, known: Set[str]) -> bool:
    reference = letter.yes.reference if letter.yes else None
    moves_money = letter.task is not None and letter.task.step.moves_money
    return reference is not None and moves_money and reference not in known


def is_in_the_box_alone(letter: LetterRecord, stream: Sequence[StoredEvent]) -> bool:
    """Whether the stream says nothing of it, so that only a person can close it."""
    if letter.reason in MONEY_TO_GIVE_BACK:
        return money_of(letter, stream) is None
    return letter.task is None or not stream or letter.cause not in standing(stream, letter.task).causes


def money_of(letter: LetterRecord, stream: Sequence[StoredEvent]) -> str | None:
    """The provider's reference of the money that such a letter tells of; None when the stream does not know it."""
    for stored in stream:
        if stored.event_id != letter.event_id:
            continue
        if isinstance(stored.event, PaymentChargedTwice):
            return stored.event.reference
        if isinstance(stored.event, PaymentCapturedLate):
            return stored.event.capture_id
    payment = fold(stored.event for stored in stream)
    return payment.money_taken if payment and letter.reason == Reason.CAPTURED_AFTER_FAILURE else None


def _status_of_money(letter: LetterRecord, stream: Sequence[StoredEvent]) -> LetterStatus:
    payment, reference = fold(stored.event for stored in stream), money_of(letter, stream)
    is_seen_to = payment is not None and reference is not None and payment.is_given_back(reference)
    return LetterStatus.CLOSED if is_seen_to else LetterStatus.OPEN


def _status_at(letter: LetterRecord, now: Standing, *, known: Set[str]) -> LetterStatus:
    if letter.cause not in now.causes or _is_unrecorded(letter, known=known):
        return LetterStatus.OPEN
    if now.stands is Stands.DONE and not now.rests:
        return LetterStatus.CLOSED
    return LetterStatus.OPEN if letter.cause == now.cause else LetterStatus.TAKEN_UP


def told_of(letter: LetterRecord, stream: Sequence[StoredEvent]) -> tuple[Entry, ...]:
    """What was done about the letter, by whom: what it holds itself, and what the stream tells of its step."""
    reference = money_of(letter, stream) if letter.reason in MONEY_TO_GIVE_BACK else None
    name = letter.task.value if letter.task else letter.step
    told = [entry for stored in stream if (entry := _entry(stored, step=name, reference=reference))]
    closing = (letter.closing,) if letter.closing else ()
    return tuple(sorted((*letter.history, *told, *closing), key=lambda entry: entry.at))


def _entry(stored: StoredEvent, *, step: str, reference: str | None) -> Entry | None:
    event = stored.event
    match event:
        case PaymentParked() if event.step == step:
            return Entry(at=event.occurred_at, action="parked", by="recorder", note=f"{event.reason}, of {event.cause}")
        case PaymentResumed() if event.step == step:
            note = f"to {event.to} it, as {stored.event_id}: {event.why}"
            return Entry(at=event.occurred_at, action=event.by, by=event.who, note=note)
        case PaymentSeenTo() if event.step == step or (reference and event.reference == reference):
            return Entry(at=event.occurred_at, action="seen to", by=event.who, note=event.why)
    return None
