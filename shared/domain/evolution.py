"""How events change a payment: evolve by one, fold a whole stream. Nothing is refused here: what stands, happened."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from shared.domain.dispute import with_news
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
from shared.domain.notice import NOTICE_EVENTS, shown, untold
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, task_named
from shared.domain.refund import with_event
from shared.domain.trouble import SecondYes, Trouble


def evolve(payment: Payment | None, event: Event) -> Payment:
    """The payment after one more event. Raises ValueError for a stream that does not begin with PaymentInitiated."""
    if payment is None:
        return _begun(event)
    payment = replace(payment, version=payment.version + 1)
    if isinstance(event, NOTICE_EVENTS):
        still = untold(event, event_id=f"{payment.payment_id}:{payment.version}")
        payment, event = replace(payment, untold=(*payment.untold, *still)), shown(event)
    return _after(payment, event)


def _after(payment: Payment, event: Event) -> Payment:
    match event:
        case PaymentInitiated():
            raise ValueError(f"payment {payment.payment_id} was initiated twice")
        case PaymentCreated():
            return replace(_untroubled(payment, Step.CREATE), created=event, payment_method=None)
        case PaymentSettled():
            return replace(_untroubled(payment, Step.SETTLE, Step.CANCEL), settled=event)
        case PaymentCompleted():
            waits = event.notification == "undelivered" and _is_parked(payment, Step.NOTIFY)
            return replace(payment if waits else _untroubled(payment, Step.NOTIFY), completed=event)
        case PaymentCancelRequested():
            return replace(_untroubled(payment, Step.SETTLE, Step.CANCEL), cancel_requested=event)
        case PaymentFailed():
            return replace(_untroubled(payment, *Step), failed=event)
        case PaymentVoided():
            return replace(_untroubled(payment, Step.CANCEL, Step.VOID), voided=event)
        case PaymentFailureTold():
            return replace(_untroubled(payment, Step.NOTIFY_FAILURE), failure_told=event)
        case PaymentMerchantTold():
            return _told_after_all(payment, NoticeTask(event.event_id))
        case PaymentCapturedLate():
            return replace(_untroubled(payment, Step.VOID), captured_late=event)
        case PaymentChargedTwice() | PaymentParked() | PaymentResumed() | PaymentSeenTo():
            return _broken(payment, event)
        case _:
            return _gone_back(payment, event)


def _told(payment: Payment, task: NoticeTask) -> Payment:
    left = tuple(each for each in payment.untold if each.event_id != task.event_id)
    return replace(_untroubled(payment, task.value), untold=left)


def _told_after_all(payment: Payment, task: NoticeTask) -> Payment:
    """What a person has seen to is forgotten: the merchant knows, and that is recorded once."""
    left = tuple(step for step in payment.seen_to_steps if step != task.value)
    return replace(_told(payment, task), seen_to_steps=left)


def _gone_back(payment: Payment, event: RefundEvent | DisputeEvent) -> Payment:
    match event:
        case PaymentRefundRequested() | PaymentRefunded() | PaymentRefundFailed():
            calm = _untroubled(payment, RefundTask(event.refund_id).value)
            return replace(calm, refunds=with_event(payment.refunds, event))
        case PaymentDisputeOpened() | PaymentDisputeWon() | PaymentDisputeLost():
            return replace(payment, disputes=with_news(payment.disputes, event))
        case _:
            assert_never(event)


def _broken(payment: Payment, event: PaymentChargedTwice | PaymentParked | PaymentResumed | PaymentSeenTo) -> Payment:
    match event:
        case PaymentChargedTwice():
            second = SecondYes(event.step, event.reference, is_seen_to=event.step == Step.VOID)
            return replace(payment, second_yeses=(*payment.second_yeses, second))
        case PaymentParked():
            is_to_end = payment.is_to_end(event.step)
            parked = Trouble(event.step, event.cause, is_parked=True, reason=event.reason, is_to_end=is_to_end)
            return _troubled(payment, parked)
        case PaymentResumed():
            cause = f"{payment.payment_id}:{payment.version}"
            resumed = Trouble(event.step, cause, is_parked=False, reason=event.by, is_to_end=event.to == "end")
            return _troubled(payment, resumed)
        case PaymentSeenTo():
            return _seen_to(payment, event)


def _is_parked(payment: Payment, step: Step) -> bool:
    return any(trouble.step == step and trouble.is_parked for trouble in payment.troubles)


def _untroubled(payment: Payment, *steps: str) -> Payment:
    left = tuple(trouble for trouble in payment.troubles if trouble.step not in steps)
    return replace(payment, troubles=left) if payment.troubles else payment


def _troubled(payment: Payment, trouble: Trouble) -> Payment:
    others = _untroubled(payment, trouble.step).troubles
    return replace(payment, troubles=(*others, trouble))


def _seen_to(payment: Payment, event: PaymentSeenTo) -> Payment:
    if event.step is not None:
        task = task_named(event.step)
        payment = _told(payment, task) if isinstance(task, NoticeTask) else payment
        payment = replace(
            _untroubled(payment, event.step), seen_to_steps=tuple(sorted({*payment.seen_to_steps, event.step}))
        )
    if event.reference is not None:
        second = tuple(
            replace(each, is_seen_to=each.is_seen_to or each.reference == event.reference)
            for each in payment.second_yeses
        )
        references = tuple(sorted({*payment.seen_to_references, event.reference}))
        payment = replace(payment, second_yeses=second, seen_to_references=references)
    return payment


def _begun(event: Event) -> Payment:
    if not isinstance(event, PaymentInitiated):
        raise ValueError(f"a stream begins with PaymentInitiated, not with {type(event).__name__}")
    return Payment(
        payment_id=event.payment_id,
        version=1,
        merchant_id=event.merchant_id,
        amount=event.amount,
        reference=event.reference,
        payment_method=event.payment_method,
        notification_url=event.notification_url,
        initiated_at=event.occurred_at,
        expires_at=event.expires_at,
    )


def fold(events: Iterable[Event]) -> Payment | None:
    """The payment that a stream amounts to; None for an empty stream."""
    payment: Payment | None = None
    for event in events:
        payment = evolve(payment, event)
    return payment
