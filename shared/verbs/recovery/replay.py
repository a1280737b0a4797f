"""recover, by an operator: send a dead letter again to the step that failed, and only there. Safe to repeat.

A letter of `publish` is the exception: its event never reached its topic, so it goes to every subscriber.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared import flow, signals
from shared.codec.cloud_events import from_cloud_event
from shared.codec.documents import from_document
from shared.codec.messages import Message, announced_again, started_again
from shared.domain.decisions import Intention, Refused, intend
from shared.domain.letters import LetterRecord, LetterStatus, run_under_way
from shared.domain.payment import Step, fold
from shared.domain.rows import Row
from shared.errors import PaymentsError, Unreadable
from shared.ports.letter_box import letters_of
from shared.services import Services

_REPLAY_RUN = re.compile(r"r[0-9]{1,9}")


class Verdict(StrEnum):
    """What came of a replay, or would come of it now."""

    REPLAYED = "replayed"
    NOTHING_TO_DO = "nothing_to_do"
    CANNOT = "cannot"
    FAILED = "failed"  # by a fault that passes: it stays open
    GONE = "gone"  # somebody has removed it


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The verdict on one dead letter. run: the one it was sent under. why: for people."""

    letter_id: str
    verdict: Verdict
    why: str
    run: str | None = None


async def replay(
    letter_id: str, *, by: str, dry_run: bool, services: Services, due_at: datetime | None = None
) -> Replay | None:
    """Send a dead letter's message again under a new run; None when there is no such letter.

    The run is noted before the message is sent. A repeat of an interrupted replay uses the same run, and the topic
    drops it if it was sent. The trace of the payment is kept. With dry_run nothing is changed, and the verdict says
    what would happen now. due_at: when the message may be delivered, to spread many. Raises LetterMoved, StoreBusy,
    AppendUnknown, BusUnavailable: repeat it.
    """
    record = await services.letters.get(letter_id)
    if record is None:
        return None
    plan = await _plan(record, services)
    if dry_run or plan.verdict is Verdict.CANNOT:
        return plan
    if plan.verdict is Verdict.NOTHING_TO_DO:
        await _close(record, plan, by=by, services=services)
        return plan
    return await _send(record, by=by, services=services, due_at=due_at)


async def replay_all(
    letters: Sequence[LetterRecord], *, by: str, dry_run: bool, rate_per_s: float, services: Services
) -> list[Replay]:
    """Replay one after another; the messages become due at this rate. One that fails does not stop the others."""
    start, sent, verdicts = services.clock.now(), 0, []
    for letter in letters:
        due_at = start + timedelta(seconds=sent / rate_per_s)
        try:
            verdict = await replay(letter.letter_id, by=by, dry_run=dry_run, services=services, due_at=due_at)
        except PaymentsError as exc:
            verdict = _verdict(letter, Verdict.FAILED, why=str(exc))
        verdicts.append(verdict or _verdict(letter, Verdict.GONE, why=""))
        sent += verdicts[-1].verdict is Verdict.REPLAYED
    return verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One dead letter, the payment as it now is, and what a replay would do."""

    letter: LetterRecord
    row: Row | None
    replay_would: Replay


async def look_at(letter_id: str, *, services: Services) -> Look | None:
    """Changes nothing; None when there is no such letter. Raises StoreBusy."""
    letter = await services.letters.get(letter_id)
    if letter is None:
        return None
    row = await services.overview.get(letter.payment_id) if letter.payment_id else None
    return Look(letter=letter, row=row, replay_would=await _plan(letter, services))


async def _plan(record: LetterRecord, services: Services) -> Replay:
    """What a replay would do now."""
    if record.status is LetterStatus.DISCARDED or record.status is LetterStatus.RESOLVED:
        return _verdict(record, Verdict.NOTHING_TO_DO, why=f"the dead letter is {record.status.value}")
    if record.status is LetterStatus.REPLAYED and not _cut_off(record):
        return _verdict(record, Verdict.NOTHING_TO_DO, why=f"it was replayed as {record.replays[-1]}")
    if record.payment_id is None or record.event_id is None:
        return _verdict(record, Verdict.CANNOT, why="it names no payment: look at the message, then discard it")
    if record.step == flow.PUBLISH:
        return await _plan_publish(record, services)
    if record.step not in set(Step):
        return _verdict(record, Verdict.CANNOT, why=f"no step of ours reads {record.source}")
    return await _plan_step(record, Step(record.step), services=services)


def _cut_off(record: LetterRecord) -> bool:
    """The run was noted, and that the message was sent was not."""
    return bool(record.history) and record.history[-1].action == "replaying"


async def _plan_publish(record: LetterRecord, services: Services) -> Replay:
    document = await services.store.load_document(record.event_id or "")
    if document is None:
        return _verdict(record, Verdict.CANNOT, why=f"there is no document {record.event_id}")
    try:
        from_document(document)
    except Unreadable as exc:
        return _verdict(record, Verdict.CANNOT, why=f"it still cannot be mapped: {exc}")
    return _verdict(record, Verdict.REPLAYED, why="its document can be mapped now")


async def _plan_step(record: LetterRecord, step: Step, *, services: Services) -> Replay:
    try:
        payment = fold(stored.event for stored in await services.store.load(record.payment_id or ""))
    except Unreadable as exc:
        return _verdict(record, Verdict.CANNOT, why=f"the stream cannot be read: {exc}")
    if payment is None:
        return _verdict(record, Verdict.CANNOT, why=f"no events of payment {record.payment_id} are stored")
    match intend(payment, step, now=services.clock.now()):
        case Refused(reason):
            return _verdict(record, Verdict.CANNOT, why=f"the payment is {payment.status.value}: {reason}")
        case Intention.NOTHING:
            return _verdict(record, Verdict.NOTHING_TO_DO, why=f"the payment moved on: it is {payment.status.value}")
        case Intention.CALL | Intention.EXPIRE:
            run = run_under_way(
                await _of_the_same(record, services),
                now=services.clock.now(),
                horizon=services.limits.horizon(step),
                but=record.letter_id,
            )
            if run is not None:
                return _verdict(record, Verdict.NOTHING_TO_DO, why=f"another letter of this step was replayed as {run}")
            return _verdict(
                record, Verdict.REPLAYED, why=f"the payment is {payment.status.value} and owes {step.value}"
            )


async def _send(record: LetterRecord, *, by: str, services: Services, due_at: datetime | None) -> Replay:
    """Note the run, send, note that it was sent. After a crash in between, do it again."""
    if _cut_off(record):
        run = record.replays[-1]
    else:
        run = f"r{await _runs_so_far(record, services) + 1}"
        noted = record.after(
            "replaying",
            at=services.clock.now(),
            by=by,
            note=f"as {run}",
            status=LetterStatus.REPLAYED,
            replays=(*record.replays, run),
        )
        record = await services.letters.save(noted)
    await services.scheduler.schedule(
        await _message(record, run=run, services=services), due_at=due_at or services.clock.now()
    )
    await services.letters.save(record.after("replayed", at=services.clock.now(), by=by, note=f"as {run}"))
    services.telemetry.count(signals.DEAD_LETTERS_REPLAYED, step=record.step, reason=record.reason)
    return _verdict(record, Verdict.REPLAYED, why=f"sent to {record.source} as {run}", run=run)


async def _runs_so_far(record: LetterRecord, services: Services) -> int:
    """The highest run of this event at this step. Two letters replayed at the same moment may draw the same number.

    Then the topic drops one of two messages that would have done the same.
    """
    runs = [run for letter in await _of_the_same(record, services) for run in letter.replays]
    return max(int(run[1:]) if _REPLAY_RUN.fullmatch(run) else 0 for run in [record.run, *record.replays, *runs])


async def _of_the_same(record: LetterRecord, services: Services) -> list[LetterRecord]:
    """All letters of this event at this step, this one among them."""
    letters = await letters_of(record.payment_id or "", box=services.letters)
    return [letter for letter in letters if (letter.event_id, letter.step) == (record.event_id, record.step)]


async def _message(record: LetterRecord, *, run: str, services: Services) -> Message:
    """The message for the step, rebuilt from the store when its body cannot be read; `publish`: the announcement."""
    document = await services.store.load_document(record.event_id or "")
    if document is None:
        raise Unreadable(f"there is no document {record.event_id} to make the message from")
    stored = from_document(document)
    if record.step == flow.PUBLISH:
        return announced_again(stored, run=run)
    place = flow.PLACE_OF[Step(record.step)]
    return started_again(stored, place=place, run=run, body=_body(record), answered=record.answered)


def _body(record: LetterRecord) -> str | None:
    try:
        from_cloud_event(record.body)
    except Unreadable:
        return None
    return record.body


async def _close(record: LetterRecord, plan: Replay, *, by: str, services: Services) -> None:
    if record.status is LetterStatus.OPEN:
        closed = record.after("resolved", at=services.clock.now(), by=by, note=plan.why, status=LetterStatus.RESOLVED)
        await services.letters.save(closed)


def _verdict(record: LetterRecord, verdict: Verdict, *, why: str, run: str | None = None) -> Replay:
    return Replay(letter_id=record.letter_id, verdict=verdict, why=why, run=run)
