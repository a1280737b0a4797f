"""What may be done: intend before a call. Knows no provider and no HTTP. What may be recorded is in decisions.py."""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.domain.decisions import Refused
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task


class Intention(StrEnum):
    """What a step is to do with a payment now."""

    CALL = "call"
    GIVE_UP = "give_up"  # ask, and end the payment if it was never seen
    NOTHING = "nothing"


def intend(payment: Payment, task: Task, *, now: datetime) -> Intention | Refused:
    """Whether the outside call of a task is still to be made. NOTHING: the payment is already past it."""
    if task.value in payment.seen_to_steps:
        return Intention.NOTHING
    if isinstance(task, RefundTask):
        return _refund(payment, task)
    if isinstance(task, NoticeTask):
        return Intention.CALL if payment.untold_of(task) else Intention.NOTHING
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
        case Step.NOTICE:
            return Refused("no_event_named")
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
