"""A payment to JSON and back.

`payment_to_json` lists, field by field, what other components may see. Nothing else is sent to them. Knows no SDK.
"""

from typing import cast

from shared.codec.facts import FORMS
from shared.codec.values import (
    Json,
    as_payment_id,
    as_text,
    as_text_or_none,
    as_version,
    time_from_json,
    time_to_json,
)
from shared.domain.events import Event, PaymentCompleted, PaymentCreated, PaymentFailed, PaymentSettled, PaymentVoided
from shared.domain.money import Money
from shared.domain.payment import Payment


def _fact_to_json(event: Event | None) -> Json | None:
    if event is None:
        return None
    return {"at": time_to_json(event.occurred_at), **FORMS[type(event)].write(event)}


def _fact_from_json[E: Event](kind: type[E], fact: Json | None) -> E | None:
    if fact is None:
        return None
    return cast("E", FORMS[kind].read(time_from_json(fact["at"]), fact))


def payment_to_json(payment: Payment) -> Json:
    """The payment as other components may see it; absent facts are left out."""
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
        "failed": _fact_to_json(payment.failed),
        "voided": _fact_to_json(payment.voided),
    }
    return {name: value for name, value in fields.items() if value is not None}


def payment_from_json(fields: Json) -> Payment:
    """Raises KeyError, TypeError or ValueError for what is not a payment."""
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
        failed=_fact_from_json(PaymentFailed, fields.get("failed")),
        voided=_fact_from_json(PaymentVoided, fields.get("voided")),
    )
