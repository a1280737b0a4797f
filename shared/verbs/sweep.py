"""sweep: find steps that stand still while nobody works on them, and start them again. Knows no Cosmos."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared import flow, signals
from shared.codec.cloud_events import to_cloud_event
from shared.codec.facts import type_name
from shared.domain.events import Event, PaymentParked, PaymentResumed, PaymentSeenTo
from shared.domain.letters import DeadLetter, LetterRecord, LetterStatus
from shared.domain.payment import Step, Task
from shared.domain.reasons import Reason
from shared.domain.rows import UNKNOWN, Row, row_of
from shared.domain.standing import Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError, StreamMoved, Unreadable
from shared.ports.letter_box import letters_of
from shared.ports.telemetry import Level
from shared.services import Services
from shared.steps.recording import append_here

LIMIT = 200
"""Payments per step and round, so that a round ends within the time of a function; the next round goes on."""


async def sweep(*, services: Services) -> int:
    """Returns how many steps were started again.

    A step stands still when it is running and its cause is older than its longest series of retries, and a margin. The
    sweep waits twice as long each time, and after `sweep_limit` in a row it hands the step to a person. One payment
    that cannot be swept does not stop the others. Of one whose last event could not be read when the row was written,
    the stream tells what it owes, and the row is made whole.
    """
    swept = 0
    for owes in (*Step, UNKNOWN):
        horizon = min(map(services.limits.horizon, Step)) if owes == UNKNOWN else services.limits.horizon(Step(owes))
        moved_before = services.clock.now() - horizon
        for row in await services.overview.stuck(owes, moved_before=moved_before, limit=LIMIT):
            swept += await _sweep_one(row, services=services)
    return swept


async def _sweep_one(row: Row, *, services: Services) -> int:
    """The row is marked as seen, so that it is not looked at again before the next horizon."""
    swept = 0
    try:
        swept = await _sweep_each_step(row, services=services)
        row = await _made_whole(row, services=services)
        await services.overview.put(replace(row, swept_at=services.clock.now()))
    except StreamMoved:
        return swept  # it moves: whoever is late looks again
    except Exception as fault:  # noqa: BLE001 - an unreadable stream or a busy store must not stop the others
        reason = fault.code if isinstance(fault, PaymentsError) else type(fault).__name__
        services.telemetry.count(signals.PAYMENTS_NOT_SWEPT, reason=reason)
        services.telemetry.log("sweep.failed", {"payment_id": row.payment_id, "reason": reason}, level=Level.ERROR)
        if isinstance(fault, Unreadable):
            with suppress(PaymentsError):
                await services.overview.put(replace(row, swept_at=services.clock.now()))
    return swept


async def _made_whole(row: Row, *, services: Services) -> Row:
    """The row as the stream has it, since events may not have been readable when it was written; at its own version, so
    that project goes on from there. One of a payment that nobody knew makes way.
    """
    stream = await services.store.load(row.payment_id)
    if not stream:
        return row
    if row.merchant_id is not None:
        return replace(row_of(stream[min(row.version, len(stream)) - 1]), etag=row.etag)
    shown = row_of(stream[-1])
    standing = await services.overview.stored(shown)
    if standing is None:
        await services.overview.note_month(shown)
        await services.overview.put(shown)
    await services.overview.drop(row)
    return await services.overview.stored(shown) or shown


async def _sweep_each_step(row: Row, *, services: Services) -> int:
    stream = await services.store.load(row.payment_id)
    owed = stream[-1].payment.owed if stream else ()
    return sum([await _sweep(row, step=task, services=services) for task in owed])


async def _sweep(row: Row, *, step: Task, services: Services) -> int:
    stream = await services.store.load(row.payment_id)
    if step not in stream[-1].payment.owed:
        return 0
    now = standing(stream, step)
    if now.stands is not Stands.RUNNING or not _stands_still(now, step=step, services=services):
        return 0
    taken_over = await _left_by_an_earlier_release(now, step=step, services=services)
    if taken_over is not None:
        await _append(taken_over, stream=stream, services=services)
        return 0
    if now.sweeps >= services.limits.sweep_limit:
        await services.dead_letters.park(_stands_still_for_good(now, stream=stream, step=step))
        services.telemetry.count(signals.MESSAGES_PARKED, step=step.step.value, reason=Reason.STANDS_STILL)
        return 0
    await _append(_resumed(now, step=step, services=services), stream=stream, services=services)
    services.telemetry.count(signals.PAYMENTS_SWEPT, step=step.step.value)
    services.telemetry.log(
        signals.LOG_SWEPT,
        {"payment_id": row.payment_id, "step": step.value, "sweeps": now.sweeps + 1},
        level=Level.WARNING,
    )
    return 1


def _stands_still(now: Standing, *, step: Task, services: Services) -> bool:
    horizon: timedelta = services.limits.horizon(step.step) * 2 ** min(now.sweeps, 10)
    return services.clock.now() - now.since > horizon


def _resumed(now: Standing, *, step: Task, services: Services) -> PaymentResumed:
    """What a person wanted to be ended is still to be ended, in that person's name."""
    ending = now.resumed if now.resumed and now.is_to_end else None
    return PaymentResumed(
        occurred_at=services.clock.now(),
        step=step.value,
        replaces=now.cause,
        starter=now.starter,
        to="end" if ending else "finish",
        by="sweep",
        who=ending.who if ending else "sweep",
        why=ending.why if ending else "it stood still",
        action=services.new_id(),
        heard=now.was_heard,
    )


async def _append(event: Event, *, stream: Sequence[StoredEvent], services: Services) -> None:
    last = stream[-1]
    await append_here(last.payment, event, caused_by="sweep", traceparent=last.traceparent, services=services)


async def _left_by_an_earlier_release(now: Standing, *, step: Task, services: Services) -> Event | None:
    """What letters of a release that wrote nothing into the stream mean for this step: given up, or parked."""
    if now.resumed:
        return None
    letters = await letters_of(now.payment.payment_id, box=services.letters)
    earlier = [each for each in letters if each.as_of is None and each.task == step]
    for letter in earlier:
        if letter.status is LetterStatus.CLOSED and any(entry.action == "discarded" for entry in letter.history):
            return _given_up(letter, now, step=step, services=services)
    open_ones = [letter for letter in earlier if letter.status is LetterStatus.OPEN and letter.cause == now.cause]
    return _parked(open_ones[0], services=services) if open_ones else None


def _given_up(letter: LetterRecord, now: Standing, *, step: Task, services: Services) -> Event:
    """Where money may have moved, the provider is asked before the payment ends: an earlier release may not have."""
    at, last = services.clock.now(), letter.history[-1]
    if step not in (Step.CREATE, Step.SETTLE):
        return PaymentSeenTo(occurred_at=at, step=step.value, reference=None, who=last.by, why=last.note)
    return PaymentResumed(
        occurred_at=at,
        step=step.value,
        replaces=now.cause,
        starter=now.starter,
        to="end",
        by="sweep",
        who=last.by,
        why=last.note,
        action=services.new_id(),
        letter_id=letter.letter_id,
        heard=letter.yes is not None,
    )


def _parked(letter: LetterRecord, *, services: Services) -> PaymentParked:
    return PaymentParked(
        occurred_at=services.clock.now(),
        step=letter.step,
        cause=letter.cause or "",
        reason=letter.reason,
        severity=letter.severity,
        letter_id=letter.letter_id,
    )


def _stands_still_for_good(now: Standing, *, stream: Sequence[StoredEvent], step: Task) -> DeadLetter:
    starter = next(stored for stored in stream if stored.event_id == now.starter)
    return DeadLetter(
        message_id=now.cause,
        body=to_cloud_event(starter),
        subject=type_name(starter.event),
        reason=Reason.STANDS_STILL,
        description=f"{step.value} was started again {now.sweeps} times in a row, and nothing came of it",
        source=str(flow.PLACE_OF[step.step]),
    )
