"""recover, by an operator: start the step again that a dead letter tells of, and only it. Safe to repeat.

That is one event in the payment's stream, appended at the version that was looked at; the feed sends what follows from
it. A letter of `publish` is the exception: its document reached no topic, and is sent from here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from shared import flow, signals
from shared.codec.documents import from_document
from shared.codec.messages import Message, outgoing
from shared.domain.events import PaymentResumed
from shared.domain.letters import (
    MONEY_TO_GIVE_BACK,
    DeadLetter,
    Entry,
    LetterRecord,
    LetterStatus,
    holds_unrecorded,
    letter_status,
    told_of,
)
from shared.domain.payment import Task
from shared.domain.reasons import Reason
from shared.domain.rows import Row
from shared.domain.standing import Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.errors import LetterMoved, PaymentsError, StreamMoved, Unreadable
from shared.services import Services
from shared.steps.letters import answer_recorded, closed, resume, shown_as, stands_still
from shared.steps.recording import RELOADS


class Verdict(StrEnum):
    """What came of a replay, or would come of it now."""

    REPLAYED = "replayed"
    NOTHING_TO_DO = "nothing_to_do"
    CANNOT = "cannot"
    FAILED = "failed"  # by a fault that passes: it stays open
    GONE = "gone"  # somebody has removed it
    LEFT_OUT = "left_out"  # of many, it has to be named


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The verdict on one dead letter. cause: the event that starts the step again. why: for people."""

    letter_id: str
    verdict: Verdict
    why: str
    cause: str | None = None


async def replay(letter_id: str, *, by: str, dry_run: bool, services: Services) -> Replay | None:
    """Start a dead letter's step again; None when there is no such letter.

    The bus need not be there: the event stands in the stream, and is sent when the bus is back. Of several actions at
    once one is taken, and the others look again. With dry_run nothing is changed, and the verdict says what would
    happen now. Raises StreamMoved, StoreBusy, AppendUnknown, and for a letter of `publish` BusUnavailable: repeat it.
    """
    for _ in range(RELOADS):
        letter = await services.letters.get(letter_id)
        if letter is None:
            return None
        try:
            return await _replay(letter, by=by, dry_run=dry_run, services=services)
        except (StreamMoved, LetterMoved):
            continue
    raise StreamMoved(f"the payment of dead letter {letter_id} was written to by others {RELOADS} times in a row")


async def replay_all(
    letters: Sequence[LetterRecord],
    *,
    by: str,
    dry_run: bool,
    named: str | None,
    at_once: int | None,
    services: Services,
) -> list[Replay]:
    """The verdicts, in the order of the letters. One that fails does not stop the others.

    Payments go side by side, `at_once` of them if the limits allow so many, and the letters of one payment one after
    another. named: the reason that was asked for. What the other side has refused as wrong would be refused again, so
    it is left out unless it is named.
    """
    verdicts: dict[str, Replay] = {}
    payments: dict[str, list[LetterRecord]] = {}
    for letter in letters:
        payments.setdefault(letter.payment_id or letter.letter_id, []).append(letter)
    most = services.limits.replays_at_once
    places = asyncio.Semaphore(min(at_once or most, most))

    async def of_one_payment(own: Sequence[LetterRecord]) -> None:
        async with places:
            for letter in own:
                verdicts[letter.letter_id] = await _one_of_many(
                    letter, by=by, dry_run=dry_run, named=named, services=services
                )

    async with asyncio.TaskGroup() as group:
        for own in payments.values():
            group.create_task(of_one_payment(own))
    return [verdicts[letter.letter_id] for letter in letters]


async def _one_of_many(
    letter: LetterRecord, *, by: str, dry_run: bool, named: str | None, services: Services
) -> Replay:
    if letter.reason == Reason.OUR_FAULT and named != Reason.OUR_FAULT:
        return _verdict(
            letter, Verdict.LEFT_OUT, why="it would be refused again: name the reason our_fault to replay it"
        )
    try:
        verdict = await replay(letter.letter_id, by=by, dry_run=dry_run, services=services)
    except PaymentsError as exc:
        return _verdict(letter, Verdict.FAILED, why=str(exc))
    return verdict or _verdict(letter, Verdict.GONE, why="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One dead letter, the payment as it now is, what was done about it, and what a replay would do."""

    letter: LetterRecord
    history: Sequence[Entry]
    row: Row | None
    replay_would: Replay


async def look_at(letter_id: str, *, services: Services) -> Look | None:
    """Changes nothing; None when there is no such letter. Raises StoreBusy."""
    letter = await services.letters.get(letter_id)
    if letter is None:
        return None
    row = await services.overview.find(letter.payment_id) if letter.payment_id else None
    plan = await _replay(letter, by="", dry_run=True, services=services)
    try:
        stream = await _stream_of(letter, services)
    except Unreadable:
        return Look(letter=letter, history=letter.history, row=row, replay_would=plan)
    letter = replace(letter, status=letter_status(letter, stream))
    return Look(letter=letter, history=told_of(letter, stream), row=row, replay_would=plan)


# --- one letter ---


async def _replay(letter: LetterRecord, *, by: str, dry_run: bool, services: Services) -> Replay:
    if letter.closing or (letter.as_of is None and letter.status is LetterStatus.CLOSED):
        return _verdict(letter, Verdict.NOTHING_TO_DO, why="the dead letter is closed")
    if letter.reason in MONEY_TO_GIVE_BACK:
        return _verdict(letter, Verdict.CANNOT, why="a person gives the money back at the provider, then discards it")
    if letter.payment_id is None or letter.event_id is None:
        return _verdict(letter, Verdict.CANNOT, why="it names no payment: look at the message, then discard it")
    if letter.step == flow.PUBLISH:
        return await _replay_publish(letter, by=by, dry_run=dry_run, services=services)
    if letter.task is None:
        return _verdict(letter, Verdict.CANNOT, why=f"no step of ours reads {letter.source}")
    return await _replay_step(letter, by=by, dry_run=dry_run, services=services)


async def _replay_step(letter: LetterRecord, *, by: str, dry_run: bool, services: Services) -> Replay:
    try:
        stream = await _stream_of(letter, services)
        if not dry_run and await answer_recorded(letter, stream, services=services):
            stream = await _stream_of(letter, services)
    except Unreadable as exc:
        return _verdict(letter, Verdict.CANNOT, why=f"the stream cannot be read: {exc}")
    if not stream:
        return _verdict(letter, Verdict.CANNOT, why=f"no events of payment {letter.payment_id} are stored")
    if dry_run and holds_unrecorded(letter, stream):
        return _verdict(
            letter, Verdict.REPLAYED, why="the yes that it holds is recorded first; nothing is sent after it"
        )
    now = standing(stream, _task(letter))
    plan = _plan(letter, now, services=services)
    if dry_run:
        return plan
    if plan.verdict is Verdict.REPLAYED:
        return await _resume(letter, now, stream=stream, by=by, services=services)
    await shown_as(letter, stream, services=services)
    return plan


def _plan(letter: LetterRecord, now: Standing, *, services: Services) -> Replay:
    """What a replay would do now. What was started again, and stands still since, may be started once more."""
    status = now.payment.status.value
    if now.stands is Stands.NONE or letter.cause not in now.causes:
        why = now.refused or "its message stems from no event that starts this step"
        return _verdict(letter, Verdict.CANNOT, why=f"the payment is {status}: {why}")
    if now.stands is Stands.DONE and not now.rests:
        return _verdict(letter, Verdict.NOTHING_TO_DO, why=f"the payment moved on: it is {status}")
    if letter.cause != now.cause and not stands_still(now, step=_task(letter), services=services):
        again = f"and parked again: see dead letter {now.parked.letter_id}" if now.parked else "and is under way"
        return _verdict(letter, Verdict.NOTHING_TO_DO, why=f"the step was started again as {now.cause}, {again}")
    return _verdict(letter, Verdict.REPLAYED, why=f"the payment is {status} and {letter.step} is left to do")


async def _resume(
    letter: LetterRecord, now: Standing, *, stream: Sequence[StoredEvent], by: str, services: Services
) -> Replay:
    resumed = PaymentResumed(
        occurred_at=services.clock.now(),
        step=_task(letter).value,
        replaces=now.cause,
        starter=now.starter,
        to="finish",
        by="replay",
        who=by,
        why=f"replay of dead letter {letter.letter_id}",
        action=services.new_id(),
        letter_id=letter.letter_id,
        heard=letter.yes is not None or now.was_heard,
    )
    stored = await resume(resumed, stream=stream, letter=letter, services=services)
    services.telemetry.count(signals.DEAD_LETTERS_REPLAYED, step=letter.step, reason=letter.reason)
    return _verdict(letter, Verdict.REPLAYED, why=f"{letter.step} is started again", cause=stored.event_id)


# --- a letter of the feed ---


async def _replay_publish(letter: LetterRecord, *, by: str, dry_run: bool, services: Services) -> Replay:
    """Sent under the event's own id, to whoever it concerns; then the letter is closed."""
    document = await services.store.load_document(letter.event_id or "")
    if document is None:
        return _verdict(letter, Verdict.CANNOT, why=f"there is no document {letter.event_id}")
    try:
        sent = outgoing(from_document(document))
    except Unreadable as exc:
        return _verdict(letter, Verdict.CANNOT, why=f"it still cannot be mapped: {exc}")
    if dry_run:
        return _verdict(letter, Verdict.REPLAYED, why="its document can be mapped now")
    for dead in (each for each in sent if isinstance(each, DeadLetter)):
        await services.dead_letters.park(dead)
    if messages := [each for each in sent if isinstance(each, Message)]:
        rejected = await services.publisher.publish(messages)
        if rejected:
            return _verdict(letter, Verdict.CANNOT, why=f"the broker refuses it: {rejected[0].reason}")
    await closed(letter, action="sent", by=by, note=f"document {letter.event_id}", services=services)
    services.telemetry.count(signals.DEAD_LETTERS_REPLAYED, step=letter.step, reason=letter.reason)
    return _verdict(letter, Verdict.REPLAYED, why="its document was sent", cause=letter.event_id)


def _task(letter: LetterRecord) -> Task:
    """Of a letter that names one."""
    if letter.task is None:
        raise ValueError(f"dead letter {letter.letter_id} names no task")
    return letter.task


async def _stream_of(letter: LetterRecord, services: Services) -> Sequence[StoredEvent]:
    return await services.store.load(letter.payment_id) if letter.payment_id else ()


def _verdict(letter: LetterRecord, verdict: Verdict, *, why: str, cause: str | None = None) -> Replay:
    return Replay(letter_id=letter.letter_id, verdict=verdict, why=why, cause=cause)
