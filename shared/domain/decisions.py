"""What may be done and what may be recorded: intend before a call, decide after it. Knows no provider and no HTTP."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.domain.events import (
    Event,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentParked,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.domain.refund import MOST, MOST_REQUESTED


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule says no. `reason` is a stable snake_case word."""

    reason: str


class Intention(StrEnum):
    """What a step is to do with a payment now."""

    CALL = "call"
    GIVE_UP = "give_up"  # ask, and end the payment if it was never seen
    NOTHING = "nothing"


# --- before a call ---


def intend(payment: Payment, task: Task, *, now: datetime) -> Intention | Refused:
    """Whether the outside call of a task is still to be made. NOTHING: the payment is already past it."""
    if task.value in payment.seen_to_steps:
        return Intention.NOTHING
    if isinstance(task, RefundTask):
        return _refund(payment, task)
    match task:
        case Step.CREATE:
            return _create(payment, now=now)
        case Step.SETTLE:
            return _settle(payment)
        case Step.NOTIFY:
            return _notify(payment)
        case Step.CANCEL:
            return _cancel(payment)
        case Step.VOID:
            return _void(payment)
        case Step.NOTIFY_FAILURE:
            return _notify_failure(payment)
        case Step.REFUND:
            return Refused("no_refund_named")
        case _:
            assert_never(task)


def _create(payment: Payment, *, now: datetime) -> Intention:
    if payment.created or payment.failed:
        return Intention.NOTHING
    return Intention.GIVE_UP if payment.cancel_requested or now >= payment.expires_at else Intention.CALL


def _settle(payment: Payment) -> Intention | Refused:
    """After a request to cancel nobody asks for the money any more; cancel finds out if it was taken before."""
    if not payment.created:
        return Refused("not_created")
    is_over = payment.settled or payment.failed or payment.cancel_requested
    return Intention.NOTHING if is_over else Intention.CALL


def _cancel(payment: Payment) -> Intention | Refused:
    """NOTHING before the provider has the payment: create ends it then, or brings the request once more."""
    if not payment.cancel_requested:
        return Refused("not_to_be_cancelled")
    return Intention.CALL if payment.created and not (payment.settled or payment.failed) else Intention.NOTHING


def _notify(payment: Payment) -> Intention | Refused:
    if not payment.settled:
        return Refused("not_settled")
    told = payment.completed is not None and payment.completed.notification != "undelivered"
    return Intention.NOTHING if told or payment.failed else Intention.CALL


def _void(payment: Payment) -> Intention | Refused:
    if not payment.failed:
        return Refused("not_failed")
    is_reserved = payment.created and not payment.voided and not payment.money_taken
    return Intention.CALL if is_reserved else Intention.NOTHING


def _notify_failure(payment: Payment) -> Intention | Refused:
    if not payment.failed:
        return Refused("not_failed")
    return Intention.CALL if payment.notification_url and not payment.failure_told else Intention.NOTHING


def _refund(payment: Payment, task: RefundTask) -> Intention | Refused:
    refund = payment.refund(task.refund_id)
    if refund is None:
        return Refused("refund_not_requested")
    return Intention.CALL if refund.is_pending else Intention.NOTHING


# --- after it ---


def decide(payment: Payment | None, fact: Event) -> tuple[Event, ...] | Refused:
    """What to append so that `fact` stands in the stream; () when it already does.

    A provider's yes is recorded, even if the payment has changed meanwhile. If it has failed, the failure is appended
    again after a late authorisation, to start the void that is now owed, and so is a merchant's request to cancel. A
    late capture is a fact of its own. A second yes under another reference is one too. An authorisation that a person
    wants ended brings the failure with it, and so does the void of a payment that was to be cancelled. What people and
    timers want is decided elsewhere (standing.py): it is appended as it is.
    """
    if payment is None:
        return (fact,) if isinstance(fact, PaymentInitiated) else Refused("not_initiated")
    match fact:
        case PaymentInitiated():
            return Refused("already_initiated")
        case PaymentCreated():
            return _created(payment, fact)
        case PaymentSettled():
            return _settled(payment, fact)
        case PaymentCompleted():
            return _completed(payment, fact)
        case PaymentCancelRequested():
            return _cancel_requested(payment, fact)
        case PaymentRefundRequested() | PaymentRefunded() | PaymentRefundFailed():
            return _about_a_refund(payment, fact)
        case PaymentFailed():
            return _failed(payment, fact)
        case PaymentVoided():
            return _voided(payment, fact)
        case PaymentFailureTold():
            return _failure_told(payment, fact)
        case PaymentCapturedLate() | PaymentChargedTwice() | PaymentParked() | PaymentResumed() | PaymentSeenTo():
            return (fact,)
        case _:
            assert_never(fact)


def _created(payment: Payment, fact: PaymentCreated) -> tuple[Event, ...]:
    if payment.created is None and payment.is_to_end(Step.CREATE) and not payment.failed:
        return _ended(payment, fact)
    if payment.created is None:
        return _and_what_it_starts(payment, fact)
    if payment.created.provider_payment_id == fact.provider_payment_id:
        return ()
    return _once_more(payment, Step.CREATE, reference=fact.provider_payment_id, at=fact.occurred_at)


def _ended(payment: Payment, fact: PaymentCreated) -> tuple[Event, ...]:
    """The failure goes first. Otherwise the settle step could take up the payment between the two events."""
    failure = discarded(Step.CREATE, at=fact.occurred_at)
    failure = replace(failure, tells=payment.notification_url is not None)
    return (failure, fact, failure)


def discarded(step: Step, *, at: datetime) -> PaymentFailed:
    """The end of a payment that an operator has given up."""
    return PaymentFailed(occurred_at=at, reason="discarded", code="discarded_by_operator", failed_step=step.value)


def _settled(payment: Payment, fact: PaymentSettled) -> tuple[Event, ...] | Refused:
    if payment.money_taken == fact.capture_id:
        return ()
    if payment.money_taken:
        return _once_more(payment, Step.SETTLE, reference=fact.capture_id, at=fact.occurred_at)
    if payment.failed:
        return (PaymentCapturedLate(occurred_at=fact.occurred_at, capture_id=fact.capture_id),)
    return (fact,) if payment.created else Refused("not_created")


def _about_a_refund(
    payment: Payment, fact: PaymentRefundRequested | PaymentRefunded | PaymentRefundFailed
) -> tuple[Event, ...] | Refused:
    """A request reserves its amount, at one version of the payment. A yes is recorded even after a failure."""
    refund = payment.refund(fact.refund_id)
    if isinstance(fact, PaymentRefundRequested):
        return _refund_requested(payment, fact) if refund is None else ()
    if refund is None:
        return Refused("refund_not_requested")
    if isinstance(fact, PaymentRefundFailed):
        return (fact,) if refund.is_pending else ()
    if refund.refunded is None:
        return (fact,)
    if refund.refunded.provider_refund_id == fact.provider_refund_id:
        return ()
    return _once_more(payment, RefundTask(fact.refund_id), reference=fact.provider_refund_id, at=fact.occurred_at)


def _refund_requested(payment: Payment, fact: PaymentRefundRequested) -> tuple[Event, ...] | Refused:
    if not payment.settled:
        return Refused("not_settled")
    if not 0 < fact.amount_minor <= payment.refundable_minor:
        return Refused("refund_exceeds_payment")
    standing = sum(not refund.is_failed for refund in payment.refunds)
    is_full = standing >= MOST or len(payment.refunds) >= MOST_REQUESTED
    return Refused("too_many_refunds") if is_full else (fact,)


def _once_more(payment: Payment, step: Task, *, reference: str, at: datetime) -> tuple[Event, ...]:
    if payment.knows(step, reference):
        return ()
    return (PaymentChargedTwice(occurred_at=at, step=step.value, reference=reference),)


def _completed(payment: Payment, fact: PaymentCompleted) -> tuple[Event, ...] | Refused:
    """Once; but a merchant who could not be told may still be told later, when an operator replays the notification."""
    if payment.failed:
        return Refused("payment_failed")
    if payment.completed:
        late = payment.completed.notification == "undelivered" and fact.notification == "delivered"
        return (fact,) if late else ()
    return (fact,) if payment.settled else Refused("not_settled")


def _cancel_requested(payment: Payment, fact: PaymentCancelRequested) -> tuple[Event, ...] | Refused:
    """Once. What has ended otherwise, or is paid, cannot be cancelled."""
    if payment.failed:
        return () if payment.failed.reason == "cancelled" else Refused("payment_ended")
    if payment.settled:
        return Refused("already_settled")
    return () if payment.cancel_requested else (fact,)


def _failed(payment: Payment, fact: PaymentFailed) -> tuple[Event, ...] | Refused:
    if payment.failed:
        return ()
    fact = replace(fact, tells=payment.notification_url is not None)
    if payment.settled:
        return Refused("already_settled")
    if payment.created and fact.failed_step == Step.CREATE and fact.reason != "discarded":
        return Refused("already_created")
    return (fact,)


def _voided(payment: Payment, fact: PaymentVoided) -> tuple[Event, ...] | Refused:
    if payment.voided is None and payment.cancel_requested and payment.created and not payment.failed:
        return _cancelled(payment, fact)
    if payment.voided is None:
        return (fact,) if payment.failed and payment.created else Refused("not_to_be_voided")
    if payment.voided.void_id == fact.void_id:
        return ()
    return _once_more(payment, Step.VOID, reference=fact.void_id, at=fact.occurred_at)


def _cancelled(payment: Payment, fact: PaymentVoided) -> tuple[Event, ...] | Refused:
    """The void goes first: the failure then starts no other."""
    if payment.settled:
        return _once_more(payment, Step.CANCEL, reference=fact.void_id, at=fact.occurred_at)
    return (fact, cancelled(Step.CANCEL, payment, at=fact.occurred_at))


def cancelled(step: Step, payment: Payment, *, at: datetime) -> PaymentFailed:
    """The end of a payment that its merchant has cancelled."""
    return PaymentFailed(
        occurred_at=at,
        reason="cancelled",
        code="cancelled_by_merchant",
        failed_step=step.value,
        tells=payment.notification_url is not None,
    )


def _failure_told(payment: Payment, fact: PaymentFailureTold) -> tuple[Event, ...] | Refused:
    if not payment.failed:
        return Refused("not_failed")
    return () if payment.failure_told else (fact,)


def _and_what_it_starts(payment: Payment, fact: PaymentCreated) -> tuple[Event, ...]:
    """What was decided before the authorisation came, once more, so that it begins now."""
    if payment.failed and not payment.voided:
        return (fact, replace(payment.failed, occurred_at=fact.occurred_at))
    if payment.cancel_requested and not payment.failed:
        return (fact, replace(payment.cancel_requested, occurred_at=fact.occurred_at))
    return (fact,)
