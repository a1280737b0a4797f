"""Each type of event: its stored name, and its data to JSON and back. Only this module knows their field names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.codec.beginnings import read_created, read_initiated, write_created, write_initiated
from shared.codec.values import (
    Json,
    as_amount,
    as_refund_id,
    as_text,
    as_text_or_none,
    time_from_json,
    time_to_json,
)
from shared.domain.dispute import Decision
from shared.domain.events import (
    Event,
    FailureReason,
    NoticeEvent,
    Notification,
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
    RefundFailureReason,
    ResumedBy,
)


@dataclass(frozen=True, slots=True)
class _Form[E: Event]:
    """How one type of event is written and read."""

    name: str
    write: Callable[[E], Json]
    read: Callable[[datetime, Json], E]


def _write_failed(event: PaymentFailed) -> Json:
    return {"reason": event.reason, "code": event.code, "failed_step": event.failed_step, **_tells(event)}


def _tells(event: PaymentFailed | NoticeEvent) -> Json:
    return {"tells": True} if event.tells else {}


def _is_told(data: Json) -> bool:
    return data.get("tells", False) is True


def _read_failed(occurred_at: datetime, data: Json) -> PaymentFailed:
    return PaymentFailed(
        occurred_at=occurred_at,
        reason=cast("FailureReason", as_text(data["reason"])),
        code=as_text(data["code"]),
        failed_step=as_text(data["failed_step"]),
        tells=_is_told(data),
    )


def _write_refund_requested(event: PaymentRefundRequested) -> Json:
    return {
        "refund_id": event.refund_id,
        "amount_minor": event.amount_minor,
        "request_fingerprint": event.request_fingerprint,
        "reason_given": event.reason_given,
    }


def _read_refund_requested(occurred_at: datetime, data: Json) -> PaymentRefundRequested:
    return PaymentRefundRequested(
        occurred_at=occurred_at,
        refund_id=as_refund_id(data["refund_id"]),
        amount_minor=as_amount(data["amount_minor"]),
        request_fingerprint=as_text(data["request_fingerprint"]),
        reason_given=as_text_or_none(data["reason_given"]),
    )


def _read_refund_failed(occurred_at: datetime, data: Json) -> PaymentRefundFailed:
    return PaymentRefundFailed(
        occurred_at=occurred_at,
        refund_id=as_refund_id(data["refund_id"]),
        reason=cast("RefundFailureReason", as_text(data["reason"])),
        code=as_text(data["code"]),
        tells=_is_told(data),
    )


def _write_dispute_opened(event: PaymentDisputeOpened) -> Json:
    return {
        "dispute_id": event.dispute_id,
        "amount_minor": event.amount_minor,
        "code": event.code,
        "opened_at": time_to_json(event.opened_at),
        **({"capture_id": event.capture_id} if event.capture_id else {}),
        **_tells(event),
    }


def _read_dispute_opened(occurred_at: datetime, data: Json) -> PaymentDisputeOpened:
    return PaymentDisputeOpened(
        occurred_at=occurred_at,
        dispute_id=as_text(data["dispute_id"]),
        amount_minor=as_amount(data["amount_minor"]),
        code=as_text(data["code"]),
        opened_at=time_from_json(data["opened_at"]),
        capture_id=as_text_or_none(data.get("capture_id")),
        tells=_is_told(data),
    )


def _write_decision(event: Decision) -> Json:
    return {"dispute_id": event.dispute_id, "decided_at": time_to_json(event.decided_at), **_tells(event)}


def _decision_of[D: Decision](kind: type[D]) -> Callable[[datetime, Json], D]:
    def read(occurred_at: datetime, data: Json) -> D:
        return kind(
            occurred_at=occurred_at,
            dispute_id=as_text(data["dispute_id"]),
            decided_at=time_from_json(data["decided_at"]),
            tells=_is_told(data),
        )

    return read


def _write_resumed(event: PaymentResumed) -> Json:
    return {
        "step": event.step,
        "replaces": event.replaces,
        "starter": event.starter,
        "to": event.to,
        "by": event.by,
        "who": event.who,
        "why": event.why,
        "action": event.action,
        **({"letter_id": event.letter_id} if event.letter_id else {}),
        **({"heard": True} if event.heard else {}),
    }


def _read_resumed(occurred_at: datetime, data: Json) -> PaymentResumed:
    if data["to"] not in ("finish", "end"):
        raise ValueError(f"a step cannot be resumed to {data['to']!r}")
    return PaymentResumed(
        occurred_at=occurred_at,
        step=as_text(data["step"]),
        replaces=as_text(data["replaces"]),
        starter=as_text(data["starter"]),
        to=data["to"],
        by=cast("ResumedBy", as_text(data["by"])),
        who=as_text(data["who"]),
        why=as_text(data["why"]),
        action=as_text(data["action"]),
        letter_id=as_text_or_none(data.get("letter_id")),
        heard=data.get("heard", False) is True,
    )


def _texts_of[E: Event](
    kind: Callable[..., E], *names: str
) -> tuple[Callable[[E], Json], Callable[[datetime, Json], E]]:
    """For an event whose fields are all texts."""

    def write(event: E) -> Json:
        return {name: getattr(event, name) for name in names}

    def read(occurred_at: datetime, data: Json) -> E:
        return kind(occurred_at=occurred_at, **{name: as_text(data[name]) for name in names})

    return write, read


FORMS: dict[type[Any], _Form[Any]] = {
    PaymentInitiated: _Form("payment.initiated", write_initiated, read_initiated),
    PaymentCreated: _Form("payment.created", write_created, read_created),
    PaymentSettled: _Form(
        "payment.settled",
        lambda e: {"capture_id": e.capture_id},
        lambda at, d: PaymentSettled(occurred_at=at, capture_id=as_text(d["capture_id"])),
    ),
    PaymentCompleted: _Form(
        "payment.completed",
        lambda e: {"notification": e.notification},
        lambda at, d: PaymentCompleted(occurred_at=at, notification=cast("Notification", as_text(d["notification"]))),
    ),
    PaymentCancelRequested: _Form("payment.cancel_requested", *_texts_of(PaymentCancelRequested)),
    PaymentFailed: _Form("payment.failed", _write_failed, _read_failed),
    PaymentVoided: _Form(
        "payment.voided",
        lambda e: {"void_id": e.void_id, **_tells(e)},
        lambda at, d: PaymentVoided(occurred_at=at, void_id=as_text(d["void_id"]), tells=_is_told(d)),
    ),
    PaymentRefundRequested: _Form("payment.refund_requested", _write_refund_requested, _read_refund_requested),
    PaymentRefunded: _Form(
        "payment.refunded",
        lambda e: {"refund_id": e.refund_id, "provider_refund_id": e.provider_refund_id, **_tells(e)},
        lambda at, d: PaymentRefunded(
            occurred_at=at,
            refund_id=as_refund_id(d["refund_id"]),
            provider_refund_id=as_text(d["provider_refund_id"]),
            tells=_is_told(d),
        ),
    ),
    PaymentRefundFailed: _Form(
        "payment.refund_failed",
        lambda e: {"refund_id": e.refund_id, "reason": e.reason, "code": e.code, **_tells(e)},
        _read_refund_failed,
    ),
    PaymentDisputeOpened: _Form("payment.dispute_opened", _write_dispute_opened, _read_dispute_opened),
    PaymentDisputeWon: _Form("payment.dispute_won", _write_decision, _decision_of(PaymentDisputeWon)),
    PaymentDisputeLost: _Form("payment.dispute_lost", _write_decision, _decision_of(PaymentDisputeLost)),
    PaymentFailureTold: _Form("payment.failure_told", *_texts_of(PaymentFailureTold)),
    PaymentMerchantTold: _Form("payment.merchant_told", *_texts_of(PaymentMerchantTold, "event_id")),
    PaymentCapturedLate: _Form("payment.captured_late", *_texts_of(PaymentCapturedLate, "capture_id")),
    PaymentChargedTwice: _Form("payment.charged_twice", *_texts_of(PaymentChargedTwice, "step", "reference")),
    PaymentParked: _Form(
        "payment.parked", *_texts_of(PaymentParked, "step", "cause", "reason", "severity", "letter_id")
    ),
    PaymentResumed: _Form("payment.resumed", _write_resumed, _read_resumed),
    PaymentSeenTo: _Form(
        "payment.seen_to",
        lambda e: {"step": e.step, "reference": e.reference, "who": e.who, "why": e.why},
        lambda at, d: PaymentSeenTo(
            occurred_at=at,
            step=as_text_or_none(d["step"]),
            reference=as_text_or_none(d["reference"]),
            who=as_text(d["who"]),
            why=as_text(d["why"]),
        ),
    ),
}


FORM_NAMED = {form.name: form for form in FORMS.values()}


def type_name(event: Event) -> str:
    """The stored type, `payment.settled`."""
    return FORMS[type(event)].name
