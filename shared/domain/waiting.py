"""What a merchant is told of a payment that does not go on: which step, since when, and whether a person is needed.

Derived from the stream for whoever looks. Nothing decides by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.events import PaymentCapturedLate, PaymentChargedTwice
from shared.domain.payment import Step, Task, task_named
from shared.domain.reasons import REASON_NAMED, Reason
from shared.domain.standing import Stands, standing
from shared.domain.stream import StoredEvent

type WaitState = Literal["retrying", "ending", "parked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A step that is held up, since it first began or was parked. reason: why it is parked; None for one that is not.

    Of a broker's own words, which anybody may have written, no more is told than that they are none of Reason's.
    """

    step: Task
    since: datetime
    state: WaitState
    reason: str | None


def waits(stream: Sequence[StoredEvent], *, now: datetime, patience: timedelta) -> tuple[Wait, ...]:
    """In the order of the steps, then notices and refunds.

    patience: how long a step may take before anybody is told that it waits.
    """
    payment = stream[-1].payment
    names = {*(task.value for task in payment.owed), *payment.waiting}
    steps = [step for step in Step if step in names]
    others = [task for name in sorted(names - set(Step)) if (task := task_named(name))]
    found = (_wait(stream, task, now=now, patience=patience) for task in (*steps, *others))
    return tuple(wait for wait in found if wait)


def _wait(stream: Sequence[StoredEvent], step: Task, *, now: datetime, patience: timedelta) -> Wait | None:
    at = standing(stream, step)
    if at.stands is Stands.PARKED and at.parked:
        reason = REASON_NAMED.get(at.parked.reason, Reason.UNKNOWN)
        return Wait(step=step, since=at.parked.occurred_at, state="parked", reason=reason)
    if at.stands is Stands.RUNNING:
        is_held_up = at.resumed is not None or now - at.started_at > patience
        state: WaitState = "ending" if at.is_to_end else "retrying"
        return Wait(step=step, since=at.started_at, state=state, reason=None) if is_held_up else None
    return _money_to_give_back(stream, step)


def _money_to_give_back(stream: Sequence[StoredEvent], step: Task) -> Wait | None:
    """The first of what came too often or too late, and only a person can give back."""
    is_given_back = stream[-1].payment.is_given_back
    for event in (stored.event for stored in stream):
        match event:
            case PaymentChargedTwice(reference=reference) if event.step == step.value and not is_given_back(reference):
                return Wait(step=step, since=event.occurred_at, state="parked", reason=Reason.CHARGED_TWICE)
            case PaymentCapturedLate(capture_id=reference) if step is Step.SETTLE and not is_given_back(reference):
                return Wait(step=step, since=event.occurred_at, state="parked", reason=Reason.CAPTURED_LATE)
            case _:
                continue
    return None
