"""Ends a step that a person has given up: asks what was done, sends nothing. What was done is recorded all the same."""

from datetime import datetime
from typing import assert_never

from shared.domain.events import Event, PaymentCompleted, PaymentFailed, PaymentResumed, PaymentSeenTo
from shared.domain.letters import Yes
from shared.domain.payment import Step
from shared.domain.reasons import Reason
from shared.domain.standing import Standing, Stands
from shared.ports.provider import Busy, Declined, Done, NeverSeen, OurFault, Unknown
from shared.steps.outcome import Again, Outcome, Parked
from shared.steps.step import PaymentStep
from shared.steps.turn import Turn
from shared.steps.writes import Heard, Wanted


async def end(turn: Turn, now: Standing, *, wish: PaymentResumed) -> Outcome | Heard | Wanted:
    """The end of the step, as far as it can be told now. Raises TurnOver."""
    match turn.step.step:
        case Step.NOTIFY if now.payment.completed is None:
            return Wanted(now.payment, (PaymentCompleted(occurred_at=turn.now, notification="undelivered"),))
        case Step.NOTIFY | Step.NOTIFY_FAILURE:
            return Wanted(now.payment, (_seen_to(turn, wish),))
        case Step.CREATE | Step.SETTLE | Step.VOID:
            return await _end_as_answered(turn, now, wish=wish)
        case _:
            assert_never(turn.step.step)


async def _end_as_answered(turn: Turn, now: Standing, *, wish: PaymentResumed) -> Outcome | Heard | Wanted:
    answer = await turn.ask(now.payment, started_at=now.started_at)
    match answer:
        case Done():
            return heard(Yes(answer.reference, turn.now), step=turn.step, now=now, at=turn.now)
        case Unknown(why) | Busy(why):
            return Again("not_answered", why)
        case NeverSeen() if turn.yes:
            return Again("yes_not_found", f"a yes to {turn.call.request_id} was heard, and it cannot be found")
        case NeverSeen() if not turn.is_quiet:
            return Again("not_quiet", f"{turn.call.request_id} was never seen so far", must_be_quiet=True)
        case OurFault(code) if turn.step.step is not Step.VOID:
            return Parked(Reason.OUR_FAULT, f"the other side refuses the question: {code}")
        case NeverSeen() | Declined() | OurFault():
            given_up = _seen_to(turn, wish) if turn.step.step is Step.VOID else _discarded(turn.step.step, at=turn.now)
            return Wanted(now.payment, (given_up,))


def heard(yes: Yes, *, step: PaymentStep, now: Standing, at: datetime) -> Heard | Wanted:
    """What a yes amounts to.

    A payment that is authorised is still ended, if that is wanted; one that was charged goes on. The failure goes
    first. Otherwise the settle step could take up the payment between the two events.
    """
    fact = step.fact(Done(yes.reference or "delivered"), at=yes.heard_at or at)
    if step.step is Step.CREATE and now.is_to_end and now.stands is Stands.RUNNING:
        return Wanted(now.payment, (_discarded(step.step, at=at), fact), yes=yes)
    return Heard(now.payment, fact, yes=yes)


def _discarded(step: Step, *, at: datetime) -> Event:
    return PaymentFailed(occurred_at=at, reason="discarded", code="discarded_by_operator", failed_step=step.value)


def _seen_to(turn: Turn, wish: PaymentResumed) -> Event:
    return PaymentSeenTo(occurred_at=turn.now, step=turn.step.step.value, reference=None, who=wish.who, why=wish.why)
