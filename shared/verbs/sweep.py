"""sweep: find payments that stand still while nobody works on them, and start their next step. Knows no Cosmos."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared import flow, signals
from shared.codec.messages import Message, started_again
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.payment import Step
from shared.domain.rows import Row
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError, Then
from shared.ports.letter_box import letters_of
from shared.ports.telemetry import Level
from shared.services import Services

LIMIT = 200
"""Payments per step and round, so that a round ends within the time of a function; the next round goes on."""

_SWEPT = tuple(step for step in Step if step is not Step.NOTIFY_FAILURE)
"""What a payment can owe. NOTIFY_FAILURE leaves no trace in the stream, so nobody knows whether it is still owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Still:
    """A payment that owes a step and, by its row, has not moved since."""

    row: Row
    step: Step
    moved_before: datetime


async def sweep(*, services: Services) -> int:
    """Returns how many payments were started again.

    A payment stands still when it owes a step for longer than that step's longest series of retries, and a margin. One
    with an open dead letter waits for a person. One whose letter was discarded at this step was given up on purpose.
    """
    swept = 0
    for step in _SWEPT:
        horizon = max(
            services.limits.horizon(step), services.limits.fresh
        )  # so long the feed's own message is acted on without asking
        moved_before = services.clock.now() - horizon
        for row in await services.overview.stuck(step, moved_before=moved_before, limit=LIMIT):
            still = _Still(row=row, step=step, moved_before=moved_before)
            swept += await _sweep_one(still, services=services)
    return swept


async def _sweep_one(still: _Still, *, services: Services) -> int:
    """A payment that cannot be swept (unreadable stream, busy store) must not stop the others."""
    try:
        return await _sweep(still, services=services)
    except PaymentsError as fault:
        services.telemetry.log(
            "sweep.failed", {"payment_id": still.row.payment_id, "reason": fault.code}, level=Level.ERROR
        )
        if fault.then is Then.PARK:
            await services.overview.put(_seen(still.row, services))
        return 0


async def _sweep(still: _Still, *, services: Services) -> int:
    """Send first, then count: after a crash in between, the same run is sent again, and the topic drops it."""
    row, step = still.row, still.step
    stream = await services.store.load(row.payment_id)
    if not stream or stream[-1].payment.owes is not step or await _in_hand(still, services=services):
        await services.overview.put(_seen(row, services))
        return 0
    run = f"s{row.sweeps + 1}"
    await services.publisher.publish([_again(stream, step=step, run=run)])
    await services.overview.put(_seen(row, services, sweeps=row.sweeps + 1))
    services.telemetry.count(signals.PAYMENTS_SWEPT, step=step.value)
    services.telemetry.log(
        signals.LOG_SWEPT,
        {"payment_id": row.payment_id, "step": step.value, "run": run},
        level=Level.WARNING,
    )
    return 1


async def _in_hand(still: _Still, *, services: Services) -> bool:
    """A person has it, gave it up, or replayed it so lately that its retries may still be under way."""
    letters = await letters_of(still.row.payment_id, box=services.letters)
    of_the_step = [letter for letter in letters if letter.step in (still.step.value, flow.PUBLISH)]
    return any(_holds(letter, still.moved_before) for letter in of_the_step)


def _holds(letter: LetterRecord, moved_before: datetime) -> bool:
    if letter.status is LetterStatus.REPLAYED:
        return letter.history[-1].at > moved_before
    return letter.status in (LetterStatus.OPEN, LetterStatus.DISCARDED)


def _seen(row: Row, services: Services, *, sweeps: int | None = None) -> Row:
    """The row with the time of this look at it, so that it is not looked at again before the next horizon."""
    return replace(row, swept_at=services.clock.now(), sweeps=row.sweeps if sweeps is None else sweeps)


def _again(stream: tuple[StoredEvent, ...], *, step: Step, run: str) -> Message:
    """The event that starts the step, addressed to it. There is one: a payment owes a step because of an event."""
    stored = [stored for stored in stream if isinstance(stored.event, flow.STARTER_OF[step])][-1]
    return started_again(stored, place=flow.PLACE_OF[step], run=run)
