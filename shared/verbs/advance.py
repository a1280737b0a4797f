"""advance: one delivered message, one step of one payment. Knows no broker and no provider.

Every await may be the last thing this process does. Whoever comes again then asks before sending, and sends only when
nobody else can be sending, so that nothing is done twice. A yes is recorded, even if the payment has changed meanwhile.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared import signals
from shared.codec.deliveries import Delivery
from shared.domain.decisions import Refused, cancelled
from shared.domain.events import PaymentFailed
from shared.domain.intentions import Intention, intend
from shared.domain.letters import Yes
from shared.domain.payment import Payment, Step
from shared.domain.reasons import REASON_NAMED, Reason
from shared.domain.standing import Standing, Stands, standing
from shared.errors import AppendUnknown, PaymentsError, Then, Unreadable
from shared.ports.provider import (
    AskAnswer,
    Busy,
    CapturedInstead,
    Declined,
    Done,
    NeverSeen,
    OurFault,
    Unknown,
    Unprovable,
)
from shared.services import Services
from shared.steps.elsewhere import began_elsewhere
from shared.steps.ending import captured_instead, end, heard
from shared.steps.outcome import Again, Finished, Outcome, Parked, carry_out, park_unread
from shared.steps.recording import load_stream
from shared.steps.telling import keep
from shared.steps.turn import Turn, read
from shared.steps.writes import Heard, Wanted, written


async def advance(delivery: Delivery, *, step: Step, services: Services) -> None:
    """Make the step's move; returning completes the message.

    A fault of the payment is dealt with here: a scheduled copy retries it, or it is parked. Raises BusUnavailable when
    the broker takes neither. The delivery must then be abandoned, and comes again.
    """
    try:
        turn = read(delivery, step=step, services=services)
    except Unreadable as exc:
        await park_unread(delivery, fault=exc, step=step, services=services)
        return
    names = {"step": step.value, "payment_id": turn.payment_id, "attempt": turn.attempt, "cause": turn.cause}
    is_resumed = turn.cause != turn.notice.event_id
    with services.telemetry.span("advance", traceparent=turn.traceparent, linked=is_resumed, **names) as span:
        turn = replace(turn, traceparent=span.traceparent)
        outcome = await _attempt(turn)
        span.note(outcome=outcome.word)
        seconds = (services.clock.now() - turn.began).total_seconds()
        services.telemetry.observe(signals.STEP_DURATION_S, seconds, step=step.value, outcome=outcome.word)
        services.telemetry.log(f"advance.{outcome.word}", {**names, **outcome.fields})
        await keep(turn.step.attempts, services=services)
        await carry_out(outcome, turn=turn)


async def _attempt(turn: Turn) -> Outcome:
    """Ends in time, whatever hangs: a process that the host ends for it would take all other work with it."""
    yes, limit = turn.yes, asyncio.timeout(turn.attempt_limit_s)
    try:
        async with limit:
            moved = await _move(turn)
            if not isinstance(moved, Heard | Wanted):
                return moved
            yes = moved.yes or yes  # from here on that must not be forgotten
            refused = await written(
                moved, caused_by=turn.delivery.message_id, traceparent=turn.traceparent, services=turn.services
            )
        return Parked(Reason.REFUSED, f"the stream refuses it: {refused}", yes=yes) if refused else Finished("recorded")
    except Exception as fault:  # noqa: BLE001 - what nobody foresaw is retried, asks first, and is parked at the end
        late = AppendUnknown("the store did not answer within the attempt") if limit.expired() else fault
        return _failed(late, yes=yes, turn=turn)


def _failed(fault: Exception, *, yes: Yes | None, turn: Turn) -> Outcome:
    """After a yes the next attempt records it. If no attempt can, the loudest alert fires.

    After a fault that nobody foresaw something may have been sent.
    """
    if not isinstance(fault, PaymentsError):
        must_be_quiet = yes is None and turn.step.asks
        return Again("unforeseen", f"{type(fault).__name__}: {fault}"[:500], yes=yes, must_be_quiet=must_be_quiet)
    if yes is None and fault.then is Then.PARK:
        return Parked(REASON_NAMED[fault.code], str(fault))
    return Again(fault.code, f"{type(fault).__name__}: {fault}"[:500], yes=yes)


async def _move(turn: Turn) -> Outcome | Heard | Wanted:
    """What a yes that was heard before amounts to comes first. Then only the current cause of a step may act."""
    if turn.is_ordinary:
        return await _first(turn)
    stream = await load_stream(turn.payment_id, services=turn.services)
    now = standing(stream, turn.step.task)
    if turn.yes and (turn.yes.reference or turn.step.step.tells_the_merchant):
        return heard(turn.yes, step=turn.step, payment=now.payment, at=turn.now)
    if now.stands is not Stands.RUNNING or now.cause != turn.cause:
        return _not_to_act(now, turn=turn)
    if elsewhere := began_elsewhere(turn, now, stream=stream):
        return elsewhere
    if now.was_heard and turn.yes is None:
        return _with(Yes(), await _go_on(replace(turn, yes=Yes()), now))
    return await _go_on(turn, now)


async def _go_on(turn: Turn, now: Standing) -> Outcome | Heard | Wanted:
    if now.resumed and now.is_to_end:
        return await end(turn, now, wish=now.resumed)
    return await _once_more(turn, now)


def _with(yes: Yes, moved: Outcome | Heard | Wanted) -> Outcome | Heard | Wanted:
    """So that copies and letters go on telling of the yes."""
    return replace(moved, yes=moved.yes or yes) if isinstance(moved, Again | Parked) else moved


async def _first(turn: Turn) -> Outcome | Heard | Wanted:
    """Nobody can have acted on this message, so it is sent without asking; the payment is the one that it tells of.

    Where it does not tell everything, the stream does, and says too whether a newer cause has taken over.
    """
    if turn.notice.is_whole:
        moved = await _called(turn, turn.notice.payment, started_at=turn.notice.occurred_at)
        return await _unless_over(moved, turn=turn) if isinstance(moved, Parked) else moved
    stream = await load_stream(turn.payment_id, services=turn.services)
    now = standing(stream, turn.step.task)
    if now.stands is not Stands.RUNNING or now.cause != turn.cause:
        return _not_to_act(now, turn=turn)
    elsewhere = began_elsewhere(turn, now, stream=stream)
    return elsewhere or await _called(turn, now.payment, started_at=now.started_at)


async def _unless_over(parked: Parked, *, turn: Turn) -> Outcome:
    """Nobody has to look at a step that needs nothing more: its payment may have been cancelled meanwhile."""
    with suppress(PaymentsError):
        now = standing(await load_stream(turn.payment_id, services=turn.services), turn.step.task)
        if now.stands is Stands.DONE:
            return _not_to_act(now, turn=turn)
        if intend(now.payment, turn.step.task, now=turn.began) is Intention.GIVE_UP:
            return Again("given_up", "the payment was given up meanwhile: it is asked about, and ended")
    return parked


async def _called(turn: Turn, payment: Payment, *, started_at: datetime) -> Outcome | Heard | Wanted:
    match intend(payment, turn.step.task, now=turn.began):
        case Refused(reason):
            return Parked(Reason.REFUSED, reason)
        case Intention.NOTHING:
            return Finished("already_done")
        case Intention.GIVE_UP:
            return _concluded(await turn.ask(payment, started_at=started_at), turn=turn, payment=payment)
        case Intention.CALL:
            return _concluded(await turn.send(payment), turn=turn, payment=payment)


def _not_to_act(now: Standing, *, turn: Turn) -> Outcome:
    """Why a message of a step that is not running, or whose cause is not the newest, does nothing.

    A payment that was completed without its merchant's knowing owes the letter that tells of it.
    """
    if now.rests and now.cause == turn.cause:
        return Parked(Reason.NOTIFICATION_UNDELIVERED, "the payment was completed; its merchant could not be told")
    match now.stands:
        case Stands.NONE:
            return Parked(Reason.REFUSED, now.refused)
        case Stands.DONE:
            return Finished("already_done")
        case Stands.PARKED:
            return Finished("waits_for_a_person")
        case Stands.RUNNING:
            return Finished("superseded")


async def _once_more(turn: Turn, now: Standing) -> Outcome | Heard | Wanted:
    """Ask what was done, where a repeated call could do harm. Send only what was never seen, and only when quiet."""
    if not turn.step.asks:
        if turn.attempt >= turn.policy.attempts:
            return Again("not_recorded", "the merchant was called as often as it may be; the store has to note the end")
        return _concluded(await turn.send(now.payment), turn=turn, payment=now.payment)
    is_given_up = intend(now.payment, turn.step.task, now=turn.began) is Intention.GIVE_UP
    answer = await turn.ask(now.payment, started_at=now.started_at)
    if is_given_up and isinstance(answer, OurFault) and turn.is_quiet:  # the books tell whether it was done at last
        answer = await turn.find(now.payment)
    if not isinstance(answer, NeverSeen):
        return _concluded(answer, turn=turn, payment=now.payment)
    if turn.yes:
        return Again("yes_not_found", f"a yes to {turn.call.request_id} was heard, and it cannot be found")
    if not turn.is_quiet:
        return Again("not_quiet", f"{turn.call.request_id} was never seen so far", must_be_quiet=True)
    if is_given_up or turn.is_forgotten(now.started_at):
        return _concluded(answer, turn=turn, payment=now.payment)
    return _concluded(await turn.send(now.payment), turn=turn, payment=now.payment)


def _concluded(answer: AskAnswer, *, turn: Turn, payment: Payment) -> Outcome | Heard | Wanted:
    match answer:
        case Done(reference):
            return Heard(payment, turn.step.fact(answer, at=turn.now), yes=Yes(reference, turn.now))
        case Declined():
            return Heard(payment, turn.step.fact(answer, at=turn.now))
        case CapturedInstead(reference):
            return captured_instead(reference, payment=payment, at=turn.now)
        case Unknown(why, retry_after_s):
            return Again("outcome_unknown", why, retry_after_s=retry_after_s, must_be_quiet=turn.step.asks)
        case Busy(why, retry_after_s):
            return Again("busy", why, retry_after_s=retry_after_s)
        case Unprovable(why):
            return Parked(Reason.OUTCOME_UNPROVABLE, f"the provider's books and the payment differ: {why}")
        case OurFault(code):
            return Parked(Reason.OUR_FAULT, f"the other side refuses the call as wrong: {code}")
        case NeverSeen() if intend(payment, turn.step.task, now=turn.began) is Intention.GIVE_UP:
            return Wanted(payment, (_given_up(payment, turn=turn),))
        case NeverSeen():
            return Parked(Reason.OUTCOME_UNPROVABLE, f"request {turn.call.request_id} is too old to be repeated safely")


def _given_up(payment: Payment, *, turn: Turn) -> PaymentFailed:
    if payment.cancel_requested:
        return cancelled(turn.step.step, payment, at=turn.now)
    return PaymentFailed(
        occurred_at=turn.now, reason="expired", code="payment_expired", failed_step=turn.step.step.value
    )
