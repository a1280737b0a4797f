"""Events as documents of the store, and as lines of a timeline. Field names must never change. Knows no SDK."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.codec.deliveries import attempt_in
from shared.codec.facts import FORM_NAMED, FORMS, type_name
from shared.codec.payments import payment_from_json, state_to_json
from shared.codec.values import (
    NOT_OURS,
    Json,
    as_text,
    as_text_or_none,
    shown,
    time_from_json,
    time_to_json,
    trace_id_in,
)
from shared.domain.events import PaymentInitiated, PaymentParked, PaymentResumed, PaymentSeenTo
from shared.domain.evolution import fold
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable

SCHEMA_VERSION = 1

MAX_NAME = 128
MAX_WHY = 500
"""Characters of a document's id and of the reason why it cannot be read. The document itself may be 2 MB long."""


def to_document(stored: StoredEvent) -> Json:
    """One event as its document. Empty metadata is left out: 1 KB costs 4.95 RU to write, 2 KB 6.29."""
    form = FORMS[type(stored.event)]
    metadata = {"traceparent": stored.traceparent, "causedBy": stored.caused_by}
    return {
        "id": stored.event_id,
        "paymentId": stored.payment.payment_id,
        "version": stored.payment.version,
        "type": form.name,
        "schemaVersion": SCHEMA_VERSION,
        "occurredAt": time_to_json(stored.event.occurred_at),
        "data": form.write(stored.event),
        "payment": state_to_json(stored.payment),
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


def from_document(document: Mapping[str, Any]) -> StoredEvent:
    """Raises Unreadable for a document that is not an event of ours, or has an unknown schema version."""
    name = shown(document.get("id"), at_most=MAX_NAME)
    try:
        form = FORM_NAMED[document["type"]]
        if document["schemaVersion"] != SCHEMA_VERSION:
            raise Unreadable(f"document {name} has schema version {shown(document['schemaVersion'], at_most=MAX_NAME)}")
        metadata = document.get("metadata", {})
        stored = StoredEvent(
            payment=payment_from_json(document["payment"]),
            event=form.read(time_from_json(document["occurredAt"]), document["data"]),
            traceparent=as_text(metadata["traceparent"]) if "traceparent" in metadata else None,
            caused_by=as_text_or_none(metadata.get("causedBy")),
        )
        names = {document["paymentId"], stored.payment.payment_id, _initiates(stored)}
    except NOT_OURS as exc:
        raise Unreadable(f"document {name} cannot be read: {shown(repr(exc), at_most=MAX_WHY)}") from exc
    if len(names) != 1 or document.get("id") != stored.event_id:
        raise Unreadable(f"document {name} holds event {stored.event_id} of payment {stored.payment.payment_id}")
    return stored


def _initiates(stored: StoredEvent) -> str:
    """The payment that a fold of its stream would name."""
    return stored.event.payment_id if isinstance(stored.event, PaymentInitiated) else stored.payment.payment_id


def stream_from(documents: Iterable[Mapping[str, Any]]) -> tuple[StoredEvent, ...]:
    """All events of a payment in order. Raises Unreadable when one cannot be read, or they make no payment."""
    stream = tuple(sorted(map(from_document, documents), key=lambda stored: stored.payment.version))
    versions = [stored.payment.version for stored in stream]
    if versions != list(range(1, len(stream) + 1)):
        raise Unreadable(f"of payment {stream[0].payment.payment_id} there are the versions {versions}"[:500])
    try:
        fold(stored.event for stored in stream)
    except ValueError as exc:
        raise Unreadable(f"the events of a payment make no payment: {exc}") from exc
    return stream


def event_to_json(stored: StoredEvent, *, to_operators: bool = False) -> Json:
    """One line of a payment's timeline, as the merchant's own API shows it.

    Of what happened after something broke only the step is shown: who did what, and why, is for operators.
    to_operators: they also see which money a person has seen to, to compare it with the provider's books, and what led
    to the event: a message, with the attempt of the step that it was, or whoever else wrote it; and under which trace.
    """
    facts = FORMS[type(stored.event)].write(stored.event)
    if isinstance(stored.event, _FOR_OPERATORS):
        names = ("step", "reference") if to_operators else ("step",)
        facts = {name: facts[name] for name in names if facts.get(name)}
    return {
        "version": stored.payment.version,
        "type": type_name(stored.event),
        "occurred_at": time_to_json(stored.event.occurred_at),
        "data": {name: value for name, value in facts.items() if name not in _HIDDEN},
        **(_origin(stored) if to_operators else {}),
    }


def _origin(stored: StoredEvent) -> Json:
    """What is not known is left out."""
    said = {
        "caused_by": stored.caused_by,
        "attempt": attempt_in(stored.caused_by) if stored.caused_by else None,
        "trace_id": trace_id_in(stored.traceparent),
    }
    return {name: value for name, value in said.items() if value is not None}


_HIDDEN = frozenset({"request_fingerprint", "tells"})
_FOR_OPERATORS = (PaymentParked, PaymentResumed, PaymentSeenTo)
