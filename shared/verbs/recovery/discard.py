"""recover, by an operator: end what cannot be saved. The provider is asked first, and what it did is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from shared import flow, signals
from shared.domain.decisions import Refused
from shared.domain.events import Event, PaymentCompleted, PaymentFailed
from shared.domain.letters import LetterRecord, LetterStatus, run_under_way
from shared.domain.payment import Payment, Step, fold
from shared.errors import Unreadable
from shared.ports.letter_box import letters_of
from shared.ports.provider import Busy, Call, Declined, Done, NeverSeen, OurFault, Unknown
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.recording import record as record_facts
from shared.steps.step import PaymentStep, request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """What came of it. discarded: whether the letter is closed. why: for people."""

    letter_id: str
    discarded: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A dead letter, its payment, and the step that the payment owes."""

    letter: LetterRecord
    payment: Payment
    step: Step
    services: Services

    @property
    def doing(self) -> PaymentStep:
        return payment_step(self.step, self.services)


async def discard(letter_id: str, *, by: str, reason: str, services: Services) -> Discard | None:
    """End the payment of a dead letter properly, then close the letter; None when there is no such letter.

    What the provider has done is recorded. A payment whose money was taken is not ended: it goes on. If the provider
    does not answer, the payment stays as it is. Safe to repeat. Raises LetterMoved, StoreBusy, AppendUnknown.
    """
    letter = await services.letters.get(letter_id)
    if letter is None:
        return None
    if letter.status in (LetterStatus.DISCARDED, LetterStatus.RESOLVED):
        return Discard(letter_id=letter_id, discarded=True, why=f"it was {letter.status.value} before")
    letter = await services.letters.save(  # a replay at this moment finds that it has changed
        letter.after("discarding", at=services.clock.now(), by=by, note=reason)
    )
    ended, why = await _end(letter, services)
    if ended:
        note = f"{reason}; {why}"
        closed = letter.after("discarded", at=services.clock.now(), by=by, note=note, status=LetterStatus.DISCARDED)
        await services.letters.save(closed)
        services.telemetry.count(signals.DEAD_LETTERS_DISCARDED, step=letter.step, reason=letter.reason)
    return Discard(letter_id=letter_id, discarded=ended, why=why)


async def _end(letter: LetterRecord, services: Services) -> tuple[bool, str]:
    if letter.payment_id is None:
        return True, "it names no payment, so there is none to end"
    try:
        payment = fold(stored.event for stored in await services.store.load(letter.payment_id))
    except Unreadable as exc:
        return True, f"the stream cannot be read, so the payment was not ended: {exc}"
    if payment is None:
        return True, "no events of the payment are stored"
    if payment.owes is None or letter.step not in (payment.owes.value, flow.PUBLISH):
        return True, f"the payment is {payment.status.value} and does not wait for {letter.step}"
    letters = await letters_of(payment.payment_id, box=services.letters)
    of_this_step = [each for each in letters if each.step in (payment.owes.value, flow.PUBLISH)]
    run = run_under_way(of_this_step, now=services.clock.now(), horizon=services.limits.horizon(payment.owes))
    if run is not None:
        return False, f"it was replayed as {run}, which may still be under way: wait for its end, then look again"
    return await _end_at(_Case(letter=letter, payment=payment, step=payment.owes, services=services))


async def _end_at(case: _Case) -> tuple[bool, str]:
    match case.step:
        case Step.NOTIFY_FAILURE:
            return False, "no payment waits for it, so there is nothing to end"
        case Step.NOTIFY:
            told = PaymentCompleted(occurred_at=case.services.clock.now(), notification="undelivered")
            return await _recorded(case, [told], why="completed without telling the merchant")
        case Step.VOID if case.payment.settled:
            return True, "the money of this failed payment was taken: it has to be refunded at the provider"
        case Step.CREATE | Step.SETTLE | Step.VOID:
            return await _end_as_answered(case)
        case _:
            assert_never(case.step)


async def _end_as_answered(case: _Case) -> tuple[bool, str]:
    """As the provider says what became of the request."""
    call = Call(request_id=request_id(case.payment, case.step), traceparent=None)
    answer = await case.doing.find(case.payment, call)
    match answer:
        case Done():
            return await _done_before(case, answer)
        case NeverSeen() | Declined() if case.step is Step.VOID:
            return True, "the provider has not released the money: the reservation stands until it lapses"
        case NeverSeen() | Declined():
            return await _recorded(case, [_discarded(case)], why="ended as failed")
        case OurFault(code):
            return case.step is Step.VOID, f"the provider refuses the question: {code}"
        case Unknown(why) | Busy(why):
            return False, f"the provider was asked and did not answer, so nothing was done: {why}"


async def _done_before(case: _Case, answer: Done) -> tuple[bool, str]:
    """The provider had done it. An authorised payment is still ended; one that was charged goes on.

    The failure goes first. Otherwise the settle step could take up the payment between the two events.
    """
    fact = case.doing.fact(answer, at=case.services.clock.now())
    if fact is None:
        return False, "there is nothing to record"
    if case.step is Step.CREATE:
        facts = [_discarded(case), fact]
        return await _recorded(case, facts, why="ended as failed; its authorisation is voided")
    return await _recorded(case, [fact], why=f"{case.step.value} had been done: recorded")


def _discarded(case: _Case) -> PaymentFailed:
    return PaymentFailed(
        occurred_at=case.services.clock.now(),
        reason="discarded",
        code="discarded_by_operator",
        failed_step=case.step.value,
    )


async def _recorded(case: _Case, facts: Sequence[Event], *, why: str) -> tuple[bool, str]:
    """All facts in one append: between two of them a crash could end the payment and leave its money reserved."""
    after = await record_facts(
        case.payment, *facts, caused_by=f"letter:{case.letter.letter_id}", traceparent=None, services=case.services
    )
    return (False, f"the stream refuses it: {after.reason}") if isinstance(after, Refused) else (True, why)
