"""What may be recorded: decide after a call. Knows no provider and no HTTP. What may be done is in intentions.py."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from shared.domain.dispute import is_news
from shared.domain.events import (
    DisputeEvent,
    Event,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentMerchantTold,
    PaymentParked,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
    RefundEvent,
)
from shared.domain.notice import NOTICE_EVENTS, telling
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task
from shared.domain.refund import MOST, MOST_REQUESTED


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule says no. `reason` is a stable snake_case word."""

    reason: str


def decide(payment: Payment | None, fact: Event) -> tuple[Event, ...] | Refused:
    """What to append so that `fact` stands in the stream; () when it already does.

    A provider's yes is recorded, even if the payment has changed meanwhile. If it has failed, the failure is appended
    again after a late authorisation, to start the void that is now owed, and so is a merchant's request to cancel. A
    late capture is a fact of its own. A second yes under another reference is one too. An authorisation that a person
    wants ended brings the failure with it, and so does the void of a payment that was to be cancelled. What people and
    timers want is decided elsewhere (standing.py): it is appended as it is.
    """
    if payment is not None and isinstance(fact, NOTICE_EVENTS):
        fact = telling(fact, url=payment.notification_url)
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
        case PaymentFailed():
            return _failed(payment, fact)
        case PaymentVoided():
            return _voided(payment, fact)
        case PaymentFailureTold() | PaymentMerchantTold():
            return _told(payment, fact)
        case PaymentCapturedLate() | PaymentChargedTwice() | PaymentParked() | PaymentResumed() | PaymentSeenTo():
            return (fact,)
        case _:
            return _about_money_back(payment, fact)


def _about_money_back(payment: Payment, fact: RefundEvent | DisputeEvent) -> tuple[Event, ...] | Refused:
    match fact:
        case PaymentRefundRequested() | PaymentRefunded() | PaymentRefundFailed():
            return _about_a_refund(payment, fact)
        case PaymentDisputeOpened() | PaymentDisputeWon() | PaymentDisputeLost():
            return _about_a_dispute(payment, fact)
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


def _about_a_refund(payment: Payment, fact: RefundEvent) -> tuple[Event, ...] | Refused:
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


def _about_a_dispute(payment: Payment, fact: DisputeEvent) -> tuple[Event, ...] | Refused:
    """Each once. The provider says it, whatever the payment has become; of two decisions the later one counts."""
    dispute = payment.dispute(fact.dispute_id)
    if isinstance(fact, PaymentDisputeOpened):
        return (fact,) if dispute is None else ()
    if dispute is None:
        return Refused("dispute_not_opened")
    return (fact,) if is_news(dispute, fact) else ()


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


def _told(payment: Payment, fact: PaymentFailureTold | PaymentMerchantTold) -> tuple[Event, ...] | Refused:
    """A merchant's yes is recorded even after a person has seen to the notice without it."""
    if isinstance(fact, PaymentMerchantTold):
        task = NoticeTask(fact.event_id)
        return (fact,) if payment.untold_of(task) or task.value in payment.seen_to_steps else ()
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
