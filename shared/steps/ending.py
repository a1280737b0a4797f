"""Ends a step that a person has given up: asks what was done, sends nothing. What was done is recorded all the same."""

from datetime import datetime
from typing import assert_never

from shared.domain.decisions import discarded
from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentRefundFailed,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
)
from shared.domain.letters import Yes
from shared.domain.payment import Payment, RefundTask, Step
from shared.domain.reasons import Reason
from shared.domain.standing import Standing
from shared.ports.provider import Busy, CapturedInstead, Declined, Done, NeverSeen, OurFault, Unknown, Unprovable
from shared.steps.outcome import Again, Outcome, Parked
from shared.steps.step import PaymentStep
from shared.steps.turn import Turn
from shared.steps.writes import Heard, Wanted


async def end(turn: Turn, now: Standing, *, wish: PaymentResumed) -> Outcome | Heard | Wanted:
    """The end of the step, as far as it can be told now. Raises TurnOver."""
    match turn.step.step:
        case Step.NOTIFY if now.payment.completed is None:
            return Wanted(now.payment, (PaymentCompleted(occurred_at=turn.now, notification="undelivered"),))
        case Step.NOTIFY | Step.NOTIFY_FAILURE | Step.NOTICE:
            return Wanted(now.payment, (_seen_to(turn, wish),))
        case Step.CREATE | Step.SETTLE | Step.CANCEL | Step.VOID | Step.REFUND:
            return await _end_as_answered(turn, now, wish=wish)
        case _:
            assert_never(turn.step.step)


async def _end_as_answered(turn: Turn, now: Standing, *, wish: PaymentResumed) -> Outcome | Heard | Wanted:
    answer = await turn.ask(now.payment, started_at=now.started_at)
    if (
        isinstance(answer, OurFault) and turn.is_quiet
    ):  # it remembers a refusal; the books tell whether it did it at last
        answer = await turn.find(now.payment)
    match answer:
        case Done():
            return heard(Yes(answer.reference, turn.now), step=turn.step, payment=now.payment, at=turn.now)
        case CapturedInstead(reference):
            return captured_instead(reference, payment=now.payment, at=turn.now)
        case Unknown(why) | Busy(why):
            return Again("not_answered", why)
        case NeverSeen() | OurFault() | Unprovable() if not turn.is_quiet:
            return Again("not_quiet", f"{turn.call.request_id} was not done so far", must_be_quiet=True)
        case Unprovable(why):
            return _unproven(turn, now, wish=wish, why=why)
        case NeverSeen() | Declined() | OurFault():
            return Wanted(now.payment, (_given_up(turn, wish),))


def _unproven(turn: Turn, now: Standing, *, wish: PaymentResumed, why: str) -> Outcome | Wanted:
    """Only who was told to look into the provider's books ends what they do not settle."""
    if now.looked_at is None or now.looked_at.reason != Reason.OUTCOME_UNPROVABLE:
        return Parked(Reason.OUTCOME_UNPROVABLE, f"the provider's books and the payment differ: {why}")
    return given_up_unproven(turn, now, wish=wish)


def given_up_unproven(turn: Turn, now: Standing, *, wish: PaymentResumed) -> Wanted:
    """A refund is noted as seen to: nobody said that it was not paid, so its amount stays reserved."""
    is_refund = isinstance(turn.step.task, RefundTask)
    return Wanted(now.payment, (_seen_to(turn, wish) if is_refund else _given_up(turn, wish),))


def _given_up(turn: Turn, wish: PaymentResumed) -> Event:
    """What stands at the end of a step that was not done. A refund frees its amount; a reservation is left to lapse."""
    task = turn.step.task
    if isinstance(task, RefundTask):
        return PaymentRefundFailed(
            occurred_at=turn.now, refund_id=task.refund_id, reason="discarded", code="discarded_by_operator"
        )
    return _seen_to(turn, wish) if task.step is Step.VOID else discarded(task.step, at=turn.now)


def captured_instead(reference: str, *, payment: Payment, at: datetime) -> Heard:
    """Money that was taken from a payment that has failed: then no void is owed, and a person gives it back."""
    return Heard(payment, PaymentSettled(occurred_at=at, capture_id=reference), yes=Yes(reference, at, Step.SETTLE))


def heard(yes: Yes, *, step: PaymentStep, payment: Payment, at: datetime) -> Heard:
    """The fact that a yes amounts to, to be recorded whatever the payment has become."""
    if yes.of == Step.SETTLE and yes.reference:
        return Heard(payment, PaymentSettled(occurred_at=yes.heard_at or at, capture_id=yes.reference), yes=yes)
    return Heard(payment, step.fact(Done(yes.reference or "delivered"), at=yes.heard_at or at), yes=yes)


def _seen_to(turn: Turn, wish: PaymentResumed) -> Event:
    return PaymentSeenTo(occurred_at=turn.now, step=turn.step.task.value, reference=None, who=wish.who, why=wish.why)
