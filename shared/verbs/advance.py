"""advance: one delivered message, one step of one payment. Knows no broker and no provider.

Every await may be the last thing this process does. A redelivered message then asks before it sends, so that nothing is
done twice. The provider's yes is recorded, even if the payment has changed meanwhile.
"""

from dataclasses import dataclass, replace

from shared import flow, signals
from shared.codec.messages import Delivery
from shared.domain.decisions import Intention, Refused, intend
from shared.domain.events import Event, PaymentFailed
from shared.domain.payment import Payment, Step
from shared.domain.reasons import REASON_NAMED, Reason
from shared.errors import PaymentsError, Then, Unreadable
from shared.ports.provider import AskAnswer, Busy, Declined, Done, NeverSeen, OurFault, Unknown
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.outcome import Again, Finished, Outcome, Parked, carry_out, park_unread
from shared.steps.recording import load, record
from shared.steps.turn import Turn, read


@dataclass(frozen=True, slots=True)
class _Yes:
    """The other side has done it; what it amounts to is still to be recorded."""

    payment: Payment
    fact: Event


async def advance(delivery: Delivery, *, step: Step, services: Services) -> None:
    """Make the step's move; returning completes the message.

    A fault of the payment is dealt with here: a scheduled copy retries it, or it is parked. Raises BusUnavailable when
    the broker takes neither. The delivery must then be abandoned, and comes again.
    """
    try:
        turn = read(delivery, step=payment_step(step, services), services=services)
    except Unreadable as exc:
        await park_unread(delivery, fault=exc, place=flow.PLACE_OF[step], services=services)
        return
    names = {"step": step.value, "payment_id": turn.payment_id, "attempt": turn.attempt, "run": turn.run}
    with services.telemetry.span("advance", traceparent=turn.traceparent, linked=turn.run != "0", **names) as span:
        turn, began = replace(turn, traceparent=span.traceparent), services.clock.now()
        outcome = await _attempt(turn)
        span.note(outcome=outcome.word)
        seconds = (services.clock.now() - began).total_seconds()
        services.telemetry.observe(signals.STEP_DURATION_S, seconds, step=step.value, outcome=outcome.word)
        services.telemetry.log(f"advance.{outcome.word}", {**names, **outcome.fields})
        await carry_out(outcome, turn=turn)


async def _attempt(turn: Turn) -> Outcome:
    answered = False
    try:
        moved = await _move(turn)
        if not isinstance(moved, _Yes):
            return moved
        answered = True  # from here on that must not be forgotten
        return await _yes_recorded(moved, turn=turn)
    except Exception as fault:  # noqa: BLE001 - what nobody foresaw is retried, asks first, and is parked at the end
        return _failed(fault, answered=answered)


def _failed(fault: Exception, *, answered: bool) -> Outcome:
    """After a yes the next attempt asks and records. If no attempt can, the loudest alert fires."""
    if answered or not isinstance(fault, PaymentsError):
        code = fault.code if isinstance(fault, PaymentsError) else "unforeseen"
        return Again(code, f"{type(fault).__name__}: {fault}"[:500], answered=answered)
    if fault.then is Then.PARK:
        return Parked(REASON_NAMED[fault.code], str(fault))
    return Again(fault.code, str(fault))


async def _move(turn: Turn) -> Outcome | _Yes:
    payment = turn.notice.payment if turn.ordinary else await load(turn.payment_id, services=turn.services)
    match intend(payment, turn.step.step, now=turn.now):
        case Refused(reason):
            return Parked(Reason.REFUSED, reason)
        case Intention.NOTHING:
            return Finished("already_done")
        case Intention.EXPIRE:
            answer = await _ask(turn, payment)
            if isinstance(answer, NeverSeen):
                return await _recorded(_expired(turn), turn=turn, payment=payment)
        case Intention.CALL:
            answer = await _call(turn, payment)
    return await _conclude(answer, turn=turn, payment=payment)


async def _call(turn: Turn, payment: Payment) -> AskAnswer:
    """Send, but never what may have been sent before: then ask, and send only what was never seen.

    NeverSeen comes back when the request id is too old to protect a repeat: then nothing may be sent.
    """
    if turn.ordinary or not turn.step.asks:
        return await turn.step.send(payment, turn.call)
    answer = await _ask(turn, payment)
    if isinstance(answer, NeverSeen) and not turn.request_id_expired:
        return await turn.step.send(payment, turn.call)
    return answer


async def _ask(turn: Turn, payment: Payment) -> AskAnswer:
    if turn.request_id_expired:
        return await turn.step.find(payment, turn.call)
    return await turn.step.ask(payment, turn.call)


def _expired(turn: Turn) -> PaymentFailed:
    return PaymentFailed(
        occurred_at=turn.now, reason="expired", code="payment_expired", failed_step=turn.step.step.value
    )


async def _conclude(answer: AskAnswer, *, turn: Turn, payment: Payment) -> Outcome | _Yes:
    match answer:
        case Done():
            fact = turn.step.fact(answer, at=turn.now)
            return _Yes(payment, fact) if fact else Finished("done")
        case Declined():
            fact = turn.step.fact(answer, at=turn.now)
            return await _recorded(fact, turn=turn, payment=payment) if fact else Finished("declined")
        case Unknown(why, retry_after_s):
            return Again("outcome_unknown", why, retry_after_s=retry_after_s)
        case Busy(why, retry_after_s):
            return Again("busy", why, retry_after_s=retry_after_s)
        case OurFault(code):
            if payment.failed and payment.settled:
                return Parked(Reason.CAPTURED_AFTER_FAILURE, f"what was captured cannot be voided: {code}")
            return Parked(Reason.OUR_FAULT, f"the other side refuses the call as wrong: {code}")
        case NeverSeen():
            return Parked(Reason.OUTCOME_UNPROVABLE, f"request {turn.call.request_id} is too old to be repeated safely")


async def _yes_recorded(yes: _Yes, *, turn: Turn) -> Outcome:
    outcome = await _recorded(yes.fact, turn=turn, payment=yes.payment)
    if isinstance(outcome, Parked):
        return Parked(
            Reason.CHARGED_NOT_RECORDED, f"the provider said yes, and the stream refuses it: {outcome.description}"
        )
    return outcome


async def _recorded(fact: Event, *, turn: Turn, payment: Payment) -> Outcome:
    recorded = await record(
        payment, fact, caused_by=turn.delivery.message_id, traceparent=turn.traceparent, services=turn.services
    )
    return Parked(Reason.REFUSED, recorded.reason) if isinstance(recorded, Refused) else Finished("recorded")
