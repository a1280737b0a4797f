"""The record of a dead letter to JSON and back. Field names must never change, as with events. Knows no SDK."""

from collections.abc import Mapping
from typing import Any

from shared.codec.tries import tries_from_json, tries_to_json
from shared.codec.values import time_from_json, time_to_json
from shared.domain.letters import Entry, LetterRecord, LetterStatus, Owner, Yes
from shared.domain.money import Money

_EARLIER = {"replayed": LetterStatus.TAKEN_UP, "discarded": LetterStatus.CLOSED, "resolved": LetterStatus.CLOSED}
"""What earlier releases called it."""


def letter_to_json(record: LetterRecord) -> dict[str, Any]:
    """As stored, and as operators see it."""
    yes, closing = record.yes, record.closing
    return {
        "id": record.letter_id,
        "status": record.status.value,
        "as_of": record.as_of,
        "step": record.step,
        "source": record.source,
        "reason": record.reason,
        "description": record.description,
        "severity": record.severity,
        "payment_id": record.payment_id,
        "event_id": record.event_id,
        "cause": record.cause,
        "message": {
            "message_id": record.message_id,
            "subject": record.subject,
            "body": record.body,
            "attempt": record.attempt,
            "delivery_count": record.delivery_count,
            "answered": yes is not None,
            **({"answered_of": yes.of} if yes and yes.of else {}),
            **({"reference": yes.reference} if yes and yes.reference else {}),
            **({"heard_at": time_to_json(yes.heard_at)} if yes and yes.heard_at else {}),
            **({"tries": tries_to_json(record.tries)} if record.tries else {}),
        },
        "recorded_at": time_to_json(record.recorded_at),
        "history": [entry_to_json(entry) for entry in record.history],
        **({"closing": entry_to_json(closing)} if closing else {}),
        **({"refund_id": record.refund_id} if record.refund_id else {}),
        **_owner_to_json(record.owner),
    }


def _owner_to_json(owner: Owner | None) -> dict[str, Any]:
    if owner is None:
        return {}
    return {
        "merchant_id": owner.merchant_id,
        "reference": owner.reference,
        "amount_minor": owner.amount.amount_minor,
        "currency": owner.amount.currency,
        **({"refund_minor": owner.refund_minor} if owner.refund_minor is not None else {}),
    }


def _owner(fields: Mapping[str, Any]) -> Owner | None:
    if "merchant_id" not in fields:
        return None
    return Owner(
        merchant_id=fields["merchant_id"],
        reference=fields["reference"],
        amount=Money(fields["amount_minor"], fields["currency"]),
        refund_minor=fields.get("refund_minor"),
    )


def letter_from_json(fields: Mapping[str, Any]) -> LetterRecord:
    """The record as it was stored, by this release or one before it. An unknown status counts as open."""
    message, event_id = fields["message"], fields["event_id"]
    return LetterRecord(
        letter_id=fields["id"],
        status=_status(fields["status"]),
        as_of=fields.get("as_of"),
        step=fields["step"],
        source=fields["source"],
        reason=fields["reason"],
        description=fields["description"],
        severity=fields["severity"],
        payment_id=fields["payment_id"],
        event_id=event_id,
        cause=fields.get("cause", event_id),
        message_id=message["message_id"],
        subject=message["subject"],
        body=message["body"],
        attempt=message["attempt"],
        delivery_count=message["delivery_count"],
        yes=_yes(message),
        recorded_at=time_from_json(fields["recorded_at"]),
        closing=_entry(fields["closing"]) if fields.get("closing") else None,
        history=tuple(map(_entry, fields["history"])),
        etag=fields.get("_etag"),
        refund_id=fields.get("refund_id"),
        owner=_owner(fields),
        tries=tries_from_json(message.get("tries", ())),
    )


def words_of(status: LetterStatus) -> tuple[str, ...]:
    """Every word under which the status may be stored."""
    return (status.value, *(word for word, meaning in _EARLIER.items() if meaning is status))


def entry_to_json(entry: Entry) -> dict[str, str]:
    """One line of a letter's history."""
    return {"at": time_to_json(entry.at), "action": entry.action, "by": entry.by, "note": entry.note}


def _status(word: str) -> LetterStatus:
    known = {**_EARLIER, **{status.value: status for status in LetterStatus}}
    return known.get(word, LetterStatus.OPEN)


def _yes(message: Mapping[str, Any]) -> Yes | None:
    if not message["answered"]:
        return None
    heard_at = message.get("heard_at")
    return Yes(
        reference=message.get("reference"),
        heard_at=time_from_json(heard_at) if heard_at else None,
        of=message.get("answered_of"),
    )


def _entry(fields: Mapping[str, str]) -> Entry:
    return Entry(at=time_from_json(fields["at"]), action=fields["action"], by=fields["by"], note=fields["note"])
