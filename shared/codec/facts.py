"""Each type of event: its stored name, and its data to JSON and back. Only this module knows their field names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.codec.values import Json, as_payment_id, as_text, as_text_or_none, as_texts, time_from_json, time_to_json
from shared.domain.events import (
    Event,
    FailureReason,
    Notification,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money


@dataclass(frozen=True, slots=True)
class _Form[E: Event]:
    """How one type of event is written and read."""

    name: str
    write: Callable[[E], Json]
    read: Callable[[datetime, Json], E]


def _write_initiated(event: PaymentInitiated) -> Json:
    return {
        "payment_id": event.payment_id,
        "merchant_id": event.merchant_id,
        "amount_minor": event.amount.amount_minor,
        "currency": event.amount.currency,
        "payment_method": event.payment_method,
        "reference": event.reference,
        "request_fingerprint": event.request_fingerprint,
        "expires_at": time_to_json(event.expires_at),
        "description": event.description,
        "metadata": dict(event.metadata),
        "notification_url": event.notification_url,
    }


def _read_initiated(occurred_at: datetime, data: Json) -> PaymentInitiated:
    return PaymentInitiated(
        occurred_at=occurred_at,
        payment_id=as_payment_id(data["payment_id"]),
        merchant_id=as_text(data["merchant_id"]),
        amount=Money(data["amount_minor"], data["currency"]),
        payment_method=as_text(data["payment_method"]),
        reference=as_text(data["reference"]),
        request_fingerprint=as_text(data["request_fingerprint"]),
        expires_at=time_from_json(data["expires_at"]),
        description=as_text_or_none(data["description"]),
        metadata=as_texts(data["metadata"]),
        notification_url=as_text_or_none(data["notification_url"]),
    )


FORMS: dict[type[Any], _Form[Any]] = {
    PaymentInitiated: _Form("payment.initiated", _write_initiated, _read_initiated),
    PaymentCreated: _Form(
        "payment.created",
        lambda e: {"provider_payment_id": e.provider_payment_id},
        lambda at, d: PaymentCreated(occurred_at=at, provider_payment_id=as_text(d["provider_payment_id"])),
    ),
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
    PaymentFailed: _Form(
        "payment.failed",
        lambda e: {"reason": e.reason, "code": e.code, "failed_step": e.failed_step},
        lambda at, d: PaymentFailed(
            occurred_at=at,
            reason=cast("FailureReason", as_text(d["reason"])),
            code=as_text(d["code"]),
            failed_step=as_text(d["failed_step"]),
        ),
    ),
    PaymentVoided: _Form(
        "payment.voided",
        lambda e: {"void_id": e.void_id},
        lambda at, d: PaymentVoided(occurred_at=at, void_id=as_text(d["void_id"])),
    ),
}


FORM_NAMED = {form.name: form for form in FORMS.values()}


def type_name(event: Event) -> str:
    """The stored type, `payment.settled`."""
    return FORMS[type(event)].name
