"""Events to JSON and back: documents of the store, CloudEvents of the topics. Alone knows the stored field names.

What is public is what `payment_to_json` lists, field by field; nothing else of a payment ever leaves.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money
from shared.domain.payment import Payment
from shared.errors import Unreadable
from shared.ports import StoredEvent

type Json = dict[str, Any]

SOURCE = "/regis-pay"
CONTENT_TYPE = "application/cloudevents+json"
SCHEMA_VERSION = 1

_NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises for data of another shape; times at the edge of the calendar overflow, deep nesting recurses."""


def time_to_json(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_from_json(text: str) -> datetime:
    """Raises ValueError for a time without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text}")
    return moment.astimezone(UTC)


def fingerprint(request: Mapping[str, object]) -> str:
    """The same for the same content, whatever the order of its fields: sha256 of the canonical JSON."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _text(value: object) -> str:
    """Raises TypeError for what is no text, ValueError for text that cannot be sent."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    value.encode()
    return value


# --- one event: its type, and its data to JSON and back ---


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
        payment_id=data["payment_id"],
        merchant_id=data["merchant_id"],
        amount=Money(data["amount_minor"], data["currency"]),
        payment_method=data["payment_method"],
        reference=data["reference"],
        request_fingerprint=data["request_fingerprint"],
        expires_at=time_from_json(data["expires_at"]),
        description=data["description"],
        metadata=data["metadata"],
        notification_url=data["notification_url"],
    )


_FORMS: dict[type[Any], _Form[Any]] = {
    PaymentInitiated: _Form("payment.initiated", _write_initiated, _read_initiated),
    PaymentCreated: _Form(
        "payment.created",
        lambda e: {"provider_payment_id": e.provider_payment_id},
        lambda at, d: PaymentCreated(occurred_at=at, provider_payment_id=d["provider_payment_id"]),
    ),
    PaymentSettled: _Form(
        "payment.settled",
        lambda e: {"capture_id": e.capture_id},
        lambda at, d: PaymentSettled(occurred_at=at, capture_id=d["capture_id"]),
    ),
    PaymentCompleted: _Form(
        "payment.completed",
        lambda e: {"notification": e.notification},
        lambda at, d: PaymentCompleted(occurred_at=at, notification=d["notification"]),
    ),
    PaymentFailed: _Form(
        "payment.failed",
        lambda e: {"reason": e.reason, "code": e.code, "failed_step": e.failed_step},
        lambda at, d: PaymentFailed(occurred_at=at, reason=d["reason"], code=d["code"], failed_step=d["failed_step"]),
    ),
    PaymentVoided: _Form(
        "payment.voided",
        lambda e: {"void_id": e.void_id},
        lambda at, d: PaymentVoided(occurred_at=at, void_id=d["void_id"]),
    ),
}
_BY_NAME = {form.name: form for form in _FORMS.values()}


def type_name(event: Event) -> str:
    """The stored type, `payment.settled`."""
    return _FORMS[type(event)].name


# --- a payment: the public fields ---


def _fact_to_json(event: Event | None) -> Json | None:
    if event is None:
        return None
    return {"at": time_to_json(event.occurred_at), **_FORMS[type(event)].write(event)}


def _fact_from_json[E: Event](kind: type[E], fact: Json | None) -> E | None:
    if fact is None:
        return None
    return cast("E", _FORMS[kind].read(time_from_json(fact["at"]), fact))


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
        payment_id=_text(fields["payment_id"]),
        version=fields["version"],
        merchant_id=fields["merchant_id"],
        amount=Money(fields["amount_minor"], fields["currency"]),
        reference=fields["reference"],
        payment_method=fields.get("payment_method"),
        notification_url=fields.get("notification_url"),
        initiated_at=time_from_json(fields["initiated_at"]),
        expires_at=time_from_json(fields["expires_at"]),
        created=_fact_from_json(PaymentCreated, fields.get("created")),
        settled=_fact_from_json(PaymentSettled, fields.get("settled")),
        completed=_fact_from_json(PaymentCompleted, fields.get("completed")),
        failed=_fact_from_json(PaymentFailed, fields.get("failed")),
        voided=_fact_from_json(PaymentVoided, fields.get("voided")),
    )


# --- documents of the event store ---


def to_document(stored: StoredEvent) -> Json:
    """One event as its document. Empty metadata is left out: 1 KB costs 4.95 RU to write, 2 KB 6.29."""
    form = _FORMS[type(stored.event)]
    metadata = {"traceparent": stored.traceparent, "causedBy": stored.caused_by}
    return {
        "id": stored.event_id,
        "paymentId": stored.payment.payment_id,
        "version": stored.payment.version,
        "type": form.name,
        "schemaVersion": SCHEMA_VERSION,
        "occurredAt": time_to_json(stored.event.occurred_at),
        "data": form.write(stored.event),
        "payment": payment_to_json(stored.payment),
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


def from_document(document: Mapping[str, Any]) -> StoredEvent:
    """Raises Unreadable for a document that is no event of ours, or has a schema version unknown here."""
    try:
        form = _BY_NAME[document["type"]]
        if document["schemaVersion"] != SCHEMA_VERSION:
            raise Unreadable(f"document {document['id']} has schema version {document['schemaVersion']}")
        metadata = document.get("metadata", {})
        return StoredEvent(
            payment=payment_from_json(document["payment"]),
            event=form.read(time_from_json(document["occurredAt"]), document["data"]),
            traceparent=_text(metadata["traceparent"]) if "traceparent" in metadata else None,
            caused_by=metadata.get("causedBy"),
        )
    except _NOT_OURS as exc:
        raise Unreadable(f"document {document.get('id')!r} cannot be read: {exc!r}") from exc


def event_to_json(stored: StoredEvent) -> Json:
    """One line of a payment's timeline, as the merchant's own API shows it."""
    facts = _FORMS[type(stored.event)].write(stored.event)
    return {
        "version": stored.payment.version,
        "type": type_name(stored.event),
        "occurred_at": time_to_json(stored.event.occurred_at),
        "data": {name: value for name, value in facts.items() if name != "request_fingerprint"},
    }


# --- CloudEvents 1.0, structured JSON ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An integration event as it arrives: the payment as it was after the event."""

    event_id: str
    occurred_at: datetime
    traceparent: str | None
    payment: Payment


def to_cloud_event(stored: StoredEvent, *, event_id: str | None = None) -> str:
    """The public contract: what other components receive, and merchants too, whose repeats share a request id."""
    event = {
        "specversion": "1.0",
        "id": event_id or stored.event_id,
        "type": f"regispay.{type_name(stored.event)}.v1",
        "source": SOURCE,
        "subject": stored.payment.payment_id,
        "time": time_to_json(stored.event.occurred_at),
        "datacontenttype": "application/json",
        "data": payment_to_json(stored.payment),
    }
    if stored.traceparent:
        event["traceparent"] = stored.traceparent
    return json.dumps(event, separators=(",", ":"))  # ASCII: a lone surrogate in a stored text can still be sent


def from_cloud_event(body: str | bytes) -> Notice:
    """Raises Unreadable for anything but an integration event of ours."""
    try:
        event = json.loads(body)
        return Notice(
            event_id=_text(event["id"]),
            occurred_at=time_from_json(event["time"]),
            traceparent=_text(event["traceparent"]) if "traceparent" in event else None,
            payment=payment_from_json(event["data"]),
        )
    except _NOT_OURS as exc:
        raise Unreadable(f"the message is no payment event: {exc!r}") from exc
