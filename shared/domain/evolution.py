"""How events change a payment: evolve by one, fold a whole stream. Nothing is refused here: what stands, happened."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypedDict, assert_never

from shared.domain.dispute import Dispute, with_news
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
from shared.domain.notice import NOTICE_EVENTS, Untold, shown, untold
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, task_named
from shared.domain.refund import Refund, with_event
from shared.domain.trouble import SecondYes, Trouble


class _Changes(TypedDict, total=False):
    """Fields of a payment and their new values. Each event copies a payment once, with all that it changes."""

    payment_method: None
    created: PaymentCreated
    settled: PaymentSettled
    completed: PaymentCompleted
    cancel_requested: PaymentCancelRequested
    failed: PaymentFailed
    voided: PaymentVoided
    failure_told: PaymentFailureTold
    captured_late: PaymentCapturedLate
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    untold: tuple[Untold, ...]
    troubles: tuple[Trouble, ...]
    second_yeses: tuple[SecondYes, ...]
    seen_to_steps: tuple[str, ...]
    seen_to_references: tuple[str, ...]


def evolve(payment: Payment | None, event: Event) -> Payment:
    """The payment after one more event. Raises ValueError for a stream that does not begin with PaymentInitiated."""
    if payment is None:
        return _begun(event)
    version = payment.version + 1
    if isinstance(event, NOTICE_EVENTS):
        still = untold(event, event_id=f"{payment.payment_id}:{version}")
        changes: _Changes = {**_changed(payment, shown(event)), "untold": (*payment.untold, *still)}
    else:
        changes = _changed(payment, event)
    return replace(payment, version=version, **changes)


def _changed(payment: Payment, event: Event) -> _Changes:
    match event:
        case PaymentInitiated():
            raise ValueError(f"payment {payment.payment_id} was initiated twice")
        case PaymentCreated():
            return {**_untroubled(payment, Step.CREATE), "created": event, "payment_method": None}
        case PaymentSettled():
            return {**_untroubled(payment, Step.SETTLE, Step.CANCEL), "settled": event}
        case PaymentCompleted():
            waits = event.notification == "undelivered" and _is_parked(payment, Step.NOTIFY)
            return {**({} if waits else _untroubled(payment, Step.NOTIFY)), "completed": event}
        case PaymentCancelRequested():
            return {**_untroubled(payment, Step.SETTLE, Step.CANCEL), "cancel_requested": event}
        case PaymentFailed():
            return {**_untroubled(payment, *Step), "failed": event}
        case PaymentVoided():
            return {**_untroubled(payment, Step.CANCEL, Step.VOID), "voided": event}
        case PaymentFailureTold():
            return {**_untroubled(payment, Step.NOTIFY_FAILURE), "failure_told": event}
        case PaymentMerchantTold():
            return _told_after_all(payment, NoticeTask(event.event_id))
        case PaymentCapturedLate():
            return {**_untroubled(payment, Step.VOID), "captured_late": event}
        case PaymentChargedTwice() | PaymentParked() | PaymentResumed() | PaymentSeenTo():
            return _broken(payment, event)
        case _:
            return _gone_back(payment, event)


def _told(payment: Payment, task: NoticeTask) -> _Changes:
    left = tuple(each for each in payment.untold if each.event_id != task.event_id)
    return {**_untroubled(payment, task.value), "untold": left}


def _told_after_all(payment: Payment, task: NoticeTask) -> _Changes:
    """What a person has seen to is forgotten: the merchant knows, and that is recorded once."""
    left = tuple(step for step in payment.seen_to_steps if step != task.value)
    return {**_told(payment, task), "seen_to_steps": left}


def _gone_back(payment: Payment, event: RefundEvent | DisputeEvent) -> _Changes:
    match event:
        case PaymentRefundRequested() | PaymentRefunded() | PaymentRefundFailed():
            calm = _untroubled(payment, RefundTask(event.refund_id).value)
            return {**calm, "refunds": with_event(payment.refunds, event)}
        case PaymentDisputeOpened() | PaymentDisputeWon() | PaymentDisputeLost():
            return {"disputes": with_news(payment.disputes, event)}
        case _:
            assert_never(event)


def _broken(payment: Payment, event: PaymentChargedTwice | PaymentParked | PaymentResumed | PaymentSeenTo) -> _Changes:
    match event:
        case PaymentChargedTwice():
            second = SecondYes(event.step, event.reference, is_seen_to=event.step == Step.VOID)
            return {"second_yeses": (*payment.second_yeses, second)}
        case PaymentParked():
            is_to_end = payment.is_to_end(event.step)
            parked = Trouble(event.step, event.cause, is_parked=True, reason=event.reason, is_to_end=is_to_end)
            return _troubled(payment, parked)
        case PaymentResumed():
            cause = f"{payment.payment_id}:{payment.version + 1}"
            resumed = Trouble(event.step, cause, is_parked=False, reason=event.by, is_to_end=event.to == "end")
            return _troubled(payment, resumed)
        case PaymentSeenTo():
            return _seen_to(payment, event)


def _is_parked(payment: Payment, step: Step) -> bool:
    return any(trouble.step == step and trouble.is_parked for trouble in payment.troubles)


def _untroubled(payment: Payment, *steps: str) -> _Changes:
    return {"troubles": _others(payment, *steps)} if payment.troubles else {}


def _troubled(payment: Payment, trouble: Trouble) -> _Changes:
    return {"troubles": (*_others(payment, trouble.step), trouble)}


def _others(payment: Payment, *steps: str) -> tuple[Trouble, ...]:
    return tuple(trouble for trouble in payment.troubles if trouble.step not in steps)


def _seen_to(payment: Payment, event: PaymentSeenTo) -> _Changes:
    changes: _Changes = {}
    if event.step is not None:
        task = task_named(event.step)
        told = _told(payment, task) if isinstance(task, NoticeTask) else _untroubled(payment, event.step)
        changes = {**told, "seen_to_steps": tuple(sorted({*payment.seen_to_steps, event.step}))}
    if event.reference is not None:
        changes["second_yeses"] = tuple(
            replace(each, is_seen_to=each.is_seen_to or each.reference == event.reference)
            for each in payment.second_yeses
        )
        changes["seen_to_references"] = tuple(sorted({*payment.seen_to_references, event.reference}))
    return changes


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
