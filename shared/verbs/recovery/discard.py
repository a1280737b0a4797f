"""recover, by an operator: give up what cannot be saved. Nothing is sent, and what was done is recorded all the same.

Of a step: one event in the payment's stream; its own function then asks the provider and ends it. Of money that a
person has given back: a note in the stream. Of a letter that the stream knows nothing of: the letter alone is closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared import flow, signals
from shared.domain.events import PaymentResumed, PaymentSeenTo
from shared.domain.letters import (
    MONEY_TO_GIVE_BACK,
    LetterRecord,
    LetterStatus,
    holds_unrecorded,
    is_in_the_box_alone,
    letter_status,
    money_of,
)
from shared.domain.standing import Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.errors import LetterMoved, StreamMoved, Unreadable
from shared.services import Services
from shared.steps.letters import answer_recorded, closed, resume, shown_as, stands_still
from shared.steps.recording import RELOADS, append_here


class Way(StrEnum):
    """What a discard comes to."""

    NOTHING = "nothing"  # nothing is left to do about it
    CLOSE = "close"  # the letter alone
    NOTE = "note"  # that money was given back
    END = "end"  # the step
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """What came of it, or would. discarded: whether it is, or is being, given up. cause: the event that ends the step.

    money: the provider's reference of what is noted as given back.
    """

    letter_id: str
    discarded: bool
    comes_to: Way
    why: str
    cause: str | None = None
    money: str | None = None


async def discard(letter_id: str, *, by: str, reason: str, dry_run: bool = False, services: Services) -> Discard | None:
    """Give up what a dead letter tells of; None when there is no such letter. With dry_run nothing is changed, and it
    says what would happen now.

    A payment whose money was taken is not ended: it goes on. Safe to repeat. Of several actions at once one is taken,
    and the others look again. Raises StreamMoved, StoreBusy, AppendUnknown: repeat it.
    """
    for _ in range(RELOADS):
        letter = await services.letters.get(letter_id)
        if letter is None:
            return None
        if dry_run:
            return await _would(letter, services=services)
        try:
            return await _discard(letter, by=by, reason=reason, services=services)
        except (StreamMoved, LetterMoved):
            continue
    raise StreamMoved(f"the payment of dead letter {letter_id} was written to by others {RELOADS} times in a row")


def _way(letter: LetterRecord, stream: Sequence[StoredEvent], *, services: Services) -> tuple[Way, str]:
    """By these events; and why it is kept, if it is. The one rule of a discard and of its dry run."""
    if letter_status(letter, stream) is LetterStatus.CLOSED:
        return Way.NOTHING, ""
    if is_in_the_box_alone(letter, stream):
        return Way.CLOSE, ""
    if letter.reason in MONEY_TO_GIVE_BACK:
        return Way.NOTE, ""
    if letter.task is None:
        return Way.CLOSE, ""
    now = standing(stream, letter.task)
    refused = "" if stands_still(now, step=letter.task, services=services) else _why_not(letter, now)
    return (Way.KEEP, refused) if refused else (Way.END, "")


async def _would(letter: LetterRecord, *, services: Services) -> Discard:
    """What _discard would come to now; nothing is written."""
    if _is_of_the_feed(letter):
        return _nothing(letter) if letter.closing else _gone(letter, _WOULD_CLOSE, to=Way.CLOSE)
    try:
        stream = await _stream_of(letter, services)
    except Unreadable as exc:
        return _unread(letter, exc)
    way, why = _way(letter, stream, services=services)
    if way is not Way.NOTHING and holds_unrecorded(letter, stream):
        to = Way.END if way is Way.END else Way.CLOSE
        return _gone(letter, "the yes that it holds would be recorded; then it is ended as far as it may be", to=to)
    match way:
        case Way.NOTHING:
            return _nothing(letter)
        case Way.CLOSE:
            return _gone(letter, _WOULD_CLOSE, to=way)
        case Way.NOTE:
            money = money_of(letter, stream)
            return _gone(letter, f"it would be noted that {money} was given back", to=way, money=money)
        case Way.END:
            return _gone(letter, f"{letter.step} would be {_ended(letter)[1]}", to=way)
        case Way.KEEP:
            return _kept(letter, why)


async def _discard(letter: LetterRecord, *, by: str, reason: str, services: Services) -> Discard:
    if _is_of_the_feed(letter):
        return await _in_the_box(letter, by=by, reason=reason, services=services)
    try:
        stream = await _stream_of(letter, services)
        if await answer_recorded(letter, stream, services=services):
            stream = await _stream_of(letter, services)
    except Unreadable as exc:
        return _unread(letter, exc)
    way, why = _way(letter, stream, services=services)
    match way:
        case Way.NOTHING:
            await shown_as(letter, stream, services=services)
            return _nothing(letter)
        case Way.CLOSE:
            return await _in_the_box(letter, by=by, reason=reason, services=services)
        case Way.NOTE:
            return await _given_back(letter, stream, by=by, reason=reason, services=services)
        case Way.END:
            return await _end(letter, stream=stream, by=by, reason=reason, services=services)
        case Way.KEEP:
            await shown_as(letter, stream, services=services)
            return _kept(letter, why)


_WOULD_CLOSE = "the letter would be closed; no payment waits for it"


def _is_of_the_feed(letter: LetterRecord) -> bool:
    """Of a document that reached no topic: the stream says nothing of the letter."""
    return letter.source == flow.EVENTS and letter.reason not in MONEY_TO_GIVE_BACK


def _unread(letter: LetterRecord, fault: Unreadable) -> Discard:
    return _kept(letter, f"the stream cannot be read, so nobody knows what was done: deploy what reads it ({fault})")


async def _in_the_box(letter: LetterRecord, *, by: str, reason: str, services: Services) -> Discard:
    if letter.closing:
        return _nothing(letter)
    await closed(letter, action="discarded", by=by, note=reason, services=services)
    _count(letter, services)
    return _gone(letter, "the letter is closed; no payment waits for it", to=Way.CLOSE)


def _why_not(letter: LetterRecord, now: Standing) -> str:
    """Why the step may not be ended by this letter now; empty when it may.

    A letter that was taken up still names the step to end, if what was started again is not done.
    """
    if letter.cause == now.cause or (now.stands is Stands.RUNNING and now.resumed and not now.is_to_end):
        return ""
    if now.is_to_end:
        return f"it is being ended already, by {now.cause}"
    where = f"see dead letter {now.parked.letter_id}" if now.parked else "and may be under way"
    return f"the step was started again as {now.cause}, {where}"


async def _end(
    letter: LetterRecord, *, stream: Sequence[StoredEvent], by: str, reason: str, services: Services
) -> Discard:
    if letter.task is None:
        raise ValueError(f"dead letter {letter.letter_id} names no step")
    now = standing(stream, letter.task)
    resumed = PaymentResumed(
        occurred_at=services.clock.now(),
        step=letter.task.value,
        replaces=now.cause,
        starter=now.starter,
        to="end",
        by="discard",
        who=by,
        why=reason,
        action=services.new_id(),
        letter_id=letter.letter_id,
        heard=letter.yes is not None or now.was_heard,
    )
    stored = await resume(resumed, stream=stream, letter=letter, services=services)
    _count(letter, services)
    return _gone(letter, f"{letter.step} is being {_ended(letter)[0]}", to=Way.END, cause=stored.event_id)


def _ended(letter: LetterRecord) -> tuple[str, str]:
    """How it goes on, and how it would. Who owes a merchant only a word has nothing to ask the provider."""
    if letter.task is not None and not letter.task.step.moves_money:
        return (told := "given up: its merchant is not told of it"), told
    return "ended: what was done is asked for and recorded", "ended; the provider is asked first"


async def _given_back(
    letter: LetterRecord, stream: Sequence[StoredEvent], *, by: str, reason: str, services: Services
) -> Discard:
    seen_to = PaymentSeenTo(
        occurred_at=services.clock.now(), step=None, reference=money_of(letter, stream), who=by, why=reason
    )
    stored = await append_here(
        stream[-1].payment,
        seen_to,
        caused_by=f"letter:{letter.letter_id}",
        traceparent=stream[-1].traceparent,
        services=services,
    )
    await shown_as(letter, (*stream, stored), services=services)
    _count(letter, services)
    why = f"noted that {seen_to.reference} was given back"
    return _gone(letter, why, to=Way.NOTE, cause=stored.event_id, money=seen_to.reference)


async def _stream_of(letter: LetterRecord, services: Services) -> Sequence[StoredEvent]:
    return await services.store.load(letter.payment_id) if letter.payment_id else ()


def _count(letter: LetterRecord, services: Services) -> None:
    services.telemetry.count(signals.DEAD_LETTERS_DISCARDED, step=letter.step, reason=letter.reason)


def _nothing(letter: LetterRecord) -> Discard:
    return _gone(letter, "nothing is left to do about it", to=Way.NOTHING)


def _gone(letter: LetterRecord, why: str, *, to: Way, cause: str | None = None, money: str | None = None) -> Discard:
    return Discard(letter_id=letter.letter_id, discarded=True, comes_to=to, why=why, cause=cause, money=money)


def _kept(letter: LetterRecord, why: str) -> Discard:
    return Discard(letter_id=letter.letter_id, discarded=False, comes_to=Way.KEEP, why=why)
