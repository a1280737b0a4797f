"""A payment to JSON and back.

`payment_to_json` lists, field by field, what other components may see. Nothing else is sent to them. `state_to_json` is
what the store keeps: that, and what is left of what broke. Knows no SDK.
"""

from typing import cast

from shared.codec.beginnings import PROVIDER_API
from shared.codec.facts import FORMS
from shared.codec.values import (
    Json,
    as_amount,
    as_payment_id,
    as_refund_id,
    as_text,
    as_text_or_none,
    as_version,
    time_from_json,
    time_to_json,
)
from shared.domain.dispute import Dispute
from shared.domain.events import (
    Event,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentFailureTold,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money
from shared.domain.notice import NOTICE_EVENTS, Untold
from shared.domain.payment import Payment
from shared.domain.refund import Refund
from shared.domain.trouble import SecondYes, Trouble


def _fact_to_json(event: Event | None) -> Json | None:
    if event is None:
        return None
    told = {name: value for name, value in FORMS[type(event)].write(event).items() if name != PROVIDER_API}
    return {"at": time_to_json(event.occurred_at), **told}


def _fact_from_json[E: Event](kind: type[E], fact: Json | None) -> E | None:
    if fact is None:
        return None
    return cast("E", FORMS[kind].read(time_from_json(fact["at"]), fact))


def payment_to_json(payment: Payment) -> Json:
    """The payment as other components may see it; absent facts are left out.

    waiting: the steps at which it cannot go on by itself, or waits for a person. Who, why and how is not said.
    """
    fields = {
        "payment_id": payment.payment_id,
        "version": payment.version,
        "status": payment.status.value,
        "merchant_id": payment.merchant_id,
        "amount_minor": payment.amount.amount_minor,
        "currency": payment.amount.currency,
        "reference": payment.reference,
        "payment_method": payment.payment_method,
        "notification_url": payment.notification_url,
        "initiated_at": time_to_json(payment.initiated_at),
        "expires_at": time_to_json(payment.expires_at),
        "created": _fact_to_json(payment.created),
        "settled": _fact_to_json(payment.settled),
        "completed": _fact_to_json(payment.completed),
        "cancel_requested": _fact_to_json(payment.cancel_requested),
        "failed": _fact_to_json(payment.failed),
        "voided": _fact_to_json(payment.voided),
        "failure_told": _fact_to_json(payment.failure_told),
        "refunds": [refund_to_json(refund) for refund in payment.refunds] or None,
        "disputes": [dispute_to_json(dispute) for dispute in payment.disputes] or None,
        "untold": [_untold_to_json(each) for each in payment.untold] or None,
        "waiting": list(payment.waiting) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def refund_to_json(refund: Refund) -> Json:
    """One refund as everybody may see it."""
    fields = {
        "refund_id": refund.refund_id,
        "amount_minor": refund.amount_minor,
        "status": refund.status,
        "requested_at": time_to_json(refund.requested_at),
        "refunded": _answer_to_json(refund.refunded),
        "failed": _answer_to_json(refund.failed),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _answer_to_json(event: PaymentRefunded | PaymentRefundFailed | None) -> Json | None:
    """Its refund stands around it."""
    return _without(_fact_to_json(event), "refund_id") or None


def _without(fact: Json | None, name: str) -> Json:
    return {each: value for each, value in (fact or {}).items() if each != name}


def dispute_to_json(dispute: Dispute) -> Json:
    """One dispute as everybody may see it."""
    opened, decided = dispute.opened, dispute.decided
    return {
        "dispute_id": dispute.dispute_id,
        "amount_minor": opened.amount_minor,
        "status": dispute.status,
        "code": opened.code,
        "at": time_to_json(opened.occurred_at),
        "opened_at": time_to_json(opened.opened_at),
        **({"capture_id": opened.capture_id} if opened.capture_id else {}),
        **({"decided": _without(_fact_to_json(decided), "dispute_id")} if decided else {}),
    }


def _untold_to_json(untold: Untold) -> Json:
    return {
        "event_id": untold.event_id,
        "type": FORMS[untold.kind].name,
        "at": time_to_json(untold.occurred_at),
        **({"refund_id": untold.refund_id} if untold.refund_id else {}),
        **({"dispute_id": untold.dispute_id} if untold.dispute_id else {}),
    }


def state_to_json(payment: Payment) -> Json:
    """The payment as it is stored beside each event."""
    fields = {
        "captured_late": _fact_to_json(payment.captured_late),
        "troubles": [
            {
                "step": each.step,
                "cause": each.cause,
                "parked": each.is_parked,
                "reason": each.reason,
                **({"to_end": True} if each.is_to_end else {}),
            }
            for each in payment.troubles
        ],
        "second_yeses": [
            {"step": each.step, "reference": each.reference, "seen_to": each.is_seen_to}
            for each in payment.second_yeses
        ],
        "seen_to_steps": list(payment.seen_to_steps),
        "seen_to_references": list(payment.seen_to_references),
    }
    return {**payment_to_json(payment), **{name: value for name, value in fields.items() if value}}


def payment_from_json(fields: Json) -> Payment:
    """The payment of either form. Raises KeyError, TypeError or ValueError for what is not a payment."""
    return Payment(
        payment_id=as_payment_id(fields["payment_id"]),
        version=as_version(fields["version"]),
        merchant_id=as_text(fields["merchant_id"]),
        amount=Money(fields["amount_minor"], fields["currency"]),
        reference=as_text(fields["reference"]),
        payment_method=as_text_or_none(fields.get("payment_method")),
        notification_url=as_text_or_none(fields.get("notification_url")),
        initiated_at=time_from_json(fields["initiated_at"]),
        expires_at=time_from_json(fields["expires_at"]),
        created=_fact_from_json(PaymentCreated, fields.get("created")),
        settled=_fact_from_json(PaymentSettled, fields.get("settled")),
        completed=_fact_from_json(PaymentCompleted, fields.get("completed")),
        cancel_requested=_fact_from_json(PaymentCancelRequested, fields.get("cancel_requested")),
        failed=_fact_from_json(PaymentFailed, fields.get("failed")),
        voided=_fact_from_json(PaymentVoided, fields.get("voided")),
        failure_told=_fact_from_json(PaymentFailureTold, fields.get("failure_told")),
        captured_late=_fact_from_json(PaymentCapturedLate, fields.get("captured_late")),
        refunds=tuple(map(_refund, fields.get("refunds", ()))),
        disputes=tuple(map(_dispute, fields.get("disputes", ()))),
        untold=tuple(map(_untold, fields.get("untold", ()))),
        troubles=tuple(map(_trouble, fields.get("troubles", ()))),
        second_yeses=tuple(map(_second_yes, fields.get("second_yeses", ()))),
        seen_to_steps=tuple(map(as_text, fields.get("seen_to_steps", ()))),
        seen_to_references=tuple(map(as_text, fields.get("seen_to_references", ()))),
    )


def _refund(fields: Json) -> Refund:
    refund_id = as_refund_id(fields["refund_id"])
    refunded, failed = (
        {**fields[name], "refund_id": refund_id} if fields.get(name) else None for name in ("refunded", "failed")
    )
    return Refund(
        refund_id=refund_id,
        amount_minor=as_amount(fields["amount_minor"]),
        requested_at=time_from_json(fields["requested_at"]),
        refunded=_fact_from_json(PaymentRefunded, refunded),
        failed=_fact_from_json(PaymentRefundFailed, failed),
    )


def _dispute(fields: Json) -> Dispute:
    opened = _fact_from_json(PaymentDisputeOpened, fields)
    if opened is None:
        raise ValueError("a dispute without its opening")
    if "decided" not in fields:
        return Dispute(opened)
    decided = {**fields["decided"], "dispute_id": opened.dispute_id}
    if fields["status"] == "won":
        return Dispute(opened, _fact_from_json(PaymentDisputeWon, decided))
    return Dispute(opened, _fact_from_json(PaymentDisputeLost, decided))


_UNTOLD_NAMED = {FORMS[kind].name: kind for kind in NOTICE_EVENTS}


def _untold(fields: Json) -> Untold:
    return Untold(
        event_id=as_text(fields["event_id"]),
        kind=_UNTOLD_NAMED[fields["type"]],
        occurred_at=time_from_json(fields["at"]),
        refund_id=as_refund_id(fields["refund_id"]) if "refund_id" in fields else None,
        dispute_id=as_text_or_none(fields.get("dispute_id")),
    )


def _trouble(fields: Json) -> Trouble:
    return Trouble(
        as_text(fields["step"]),
        as_text(fields["cause"]),
        is_parked=fields["parked"] is True,
        reason=as_text(fields["reason"]),
        is_to_end=fields.get("to_end", False) is True,
    )


def _second_yes(fields: Json) -> SecondYes:
    return SecondYes(as_text(fields["step"]), as_text(fields["reference"]), is_seen_to=fields["seen_to"])
