"""sweep: find payments that stand still with nobody working on them, and start their next step once more."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared import flow, signals
from shared.codec.cloud_events import to_cloud_event
from shared.codec.facts import type_name
from shared.codec.messages import ATTEMPT, RUN, Message
from shared.domain.events import PaymentCreated, PaymentFailed, PaymentInitiated, PaymentSettled
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.payment import Step
from shared.domain.rows import Row
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError, Then
from shared.ports.telemetry import Severity
from shared.services import Services
from shared.verbs.recovery.replay import addressed_id, letters_of

LIMIT = 200
"""Payments per step and round, so that a round ends within the time of a function; the next round goes on."""

_STARTS = {
    Step.CREATE: PaymentInitiated,
    Step.SETTLE: PaymentCreated,
    Step.NOTIFY: PaymentSettled,
    Step.VOID: PaymentFailed,
}


async def sweep(*, services: Services) -> int:
    """Returns how many payments were started again.

    Standing still means: owing a step for longer than that step's longest series of retries, and a margin. One with an
    open dead letter waits for a person instead; one whose letter was discarded at this step was given up on purpose.
    """
    swept = 0
    for step in _STARTS:
        longest = timedelta(seconds=services.limits.retries[step].horizon_s()) + services.limits.sweep_margin
        horizon = max(longest, services.limits.fresh)  # the feed's own message is taken at its word for so long
        moved_before = services.clock.now() - horizon
        for row in await services.overview.stuck(step, moved_before=moved_before, limit=LIMIT):
            swept += await _sweep_one(row, step, moved_before, services)
    return swept


async def _sweep_one(row: Row, step: Step, moved_before: datetime, services: Services) -> int:
    """One that cannot be swept, for an unreadable stream or a busy store, must not keep the others from it."""
    try:
        return await _sweep(row, step, moved_before, services)
    except PaymentsError as fault:
        services.telemetry.log(
            "sweep.failed", {"payment_id": row.payment_id, "reason": fault.code}, severity=Severity.ERROR
        )
        if fault.then is Then.PARK:
            await services.overview.put(_seen(row, services))
        return 0


async def _sweep(row: Row, step: Step, moved_before: datetime, services: Services) -> int:
    """Send first, count then: after a crash in between the same run is sent again, and the topic drops it."""
    stream = await services.store.load(row.payment_id)
    if not stream or stream[-1].payment.owes is not step or await _in_hand(row, step, moved_before, services):
        await services.overview.put(_seen(row, services))
        return 0
    run = f"s{row.sweeps + 1}"
    await services.publisher.publish([_again(stream, step, run)])
    await services.overview.put(_seen(row, services, sweeps=row.sweeps + 1))
    services.telemetry.count(signals.PAYMENTS_SWEPT, step=step.value)
    services.telemetry.log(
        signals.LOG_SWEPT,
        {"payment_id": row.payment_id, "step": step.value, "run": run},
        severity=Severity.WARNING,
    )
    return 1


async def _in_hand(row: Row, step: Step, moved_before: datetime, services: Services) -> bool:
    """A person has it, gave it up, or replayed it so lately that its retries may still be under way."""
    letters = await letters_of(row.payment_id, services)
    return any(_holds(letter, moved_before) for letter in letters if letter.step in (step.value, "publish"))


def _holds(letter: LetterRecord, moved_before: datetime) -> bool:
    if letter.status is LetterStatus.REPLAYED:
        return letter.history[-1].at > moved_before
    return letter.status in (LetterStatus.OPEN, LetterStatus.DISCARDED)


def _seen(row: Row, services: Services, *, sweeps: int | None = None) -> Row:
    """The row with the time of this look at it, so that it is not looked at again before the next horizon."""
    return replace(row, swept_at=services.clock.now(), sweeps=row.sweeps if sweeps is None else sweeps)


def _again(stream: tuple[StoredEvent, ...], step: Step, run: str) -> Message:
    """The event that starts the step, addressed to it. There is one: a payment owes a step because of an event."""
    stored = [stored for stored in stream if isinstance(stored.event, _STARTS[step])][-1]
    place = flow.PLACE_OF[step]
    return Message(
        topic=place.topic,
        message_id=addressed_id(stored.event_id, place, run),
        body=to_cloud_event(stored),
        subject=type_name(stored.event),
        to=place.subscription,
        properties={ATTEMPT: 0, RUN: run},
    )
