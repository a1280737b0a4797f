"""The data of the events with which a payment begins, to JSON and back: initiated, and authorised by a provider.

Only this module and facts.py know the field names of events.
"""

from datetime import datetime

from shared.codec.values import Json, as_payment_id, as_text, as_text_or_none, as_texts, time_from_json, time_to_json
from shared.domain.events import FIRST_PROVIDER_API, PaymentCreated, PaymentInitiated
from shared.domain.money import Money

PROVIDER_API = "provider_api"
"""Which provider it is, is ours to know: it stands in the stream, and nobody is told."""


def write_initiated(event: PaymentInitiated) -> Json:
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
        **_of_provider(event),
    }


def _of_provider(event: PaymentInitiated | PaymentCreated) -> Json:
    return {PROVIDER_API: event.provider_api} if event.provider_api != FIRST_PROVIDER_API else {}


def _provider_of(data: Json) -> str:
    return as_text(data.get(PROVIDER_API, FIRST_PROVIDER_API))


def read_initiated(occurred_at: datetime, data: Json) -> PaymentInitiated:
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
        provider_api=_provider_of(data),
    )


def write_created(event: PaymentCreated) -> Json:
    return {"provider_payment_id": event.provider_payment_id, **_of_provider(event)}


def read_created(occurred_at: datetime, data: Json) -> PaymentCreated:
    return PaymentCreated(
        occurred_at=occurred_at,
        provider_payment_id=as_text(data["provider_payment_id"]),
        provider_api=_provider_of(data),
    )
