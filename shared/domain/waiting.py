"""What a merchant is told of a payment that does not go on: which step, since when, and whether a person is needed.

Derived from the stream for whoever looks. Nothing decides by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.events import PaymentCapturedLate, PaymentChargedTwice
from shared.domain.payment import Step
from shared.domain.reasons import Reason
from shared.domain.standing import Stands, standing
from shared.domain.stream import StoredEvent

type WaitState = Literal["retrying", "parked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A step that is held up. reason: a word of Reason, or of the broker; None while it is only tried again."""

    step: Step
    since: datetime
    state: WaitState
    reason: str | None


def waits(stream: Sequence[StoredEvent], *, now: datetime, patience: timedelta) -> tuple[Wait, ...]:
    """In the order of the steps. patience: how long a step may take before anybody is told that it waits."""
    payment = stream[-1].payment
    concerned = [step for step in Step if step in {*payment.owed, *payment.waiting}]
    found = (_wait(stream, step, now=now, patience=patience) for step in concerned)
    return tuple(wait for wait in found if wait)


def _wait(stream: Sequence[StoredEvent], step: Step, *, now: datetime, patience: timedelta) -> Wait | None:
    at = standing(stream, step)
    if at.stands is Stands.PARKED and at.parked:
        return Wait(step=step, since=at.parked.occurred_at, state="parked", reason=at.parked.reason)
    if at.stands is Stands.RUNNING:
        is_late = now - at.since > patience
        return Wait(step=step, since=at.since, state="retrying", reason=None) if is_late else None
    return _money_to_give_back(stream, step)


def _money_to_give_back(stream: Sequence[StoredEvent], step: Step) -> Wait | None:
    """The first of what came too often or too late, and only a person can give back."""
    is_given_back = stream[-1].payment.is_given_back
    for event in (stored.event for stored in stream):
        match event:
            case PaymentChargedTwice(reference=reference) if event.step == step and not is_given_back(reference):
                return Wait(step=step, since=event.occurred_at, state="parked", reason=Reason.CHARGED_TWICE)
            case PaymentCapturedLate(capture_id=reference) if step is Step.SETTLE and not is_given_back(reference):
                return Wait(step=step, since=event.occurred_at, state="parked", reason=Reason.CAPTURED_LATE)
            case _:
                continue
    return None
