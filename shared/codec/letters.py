"""The record of a dead letter to JSON and back. Field names must never change, as with events. Knows no SDK."""

from collections.abc import Mapping
from typing import Any

from shared.codec.values import time_from_json, time_to_json
from shared.domain.letters import Entry, LetterRecord, LetterStatus


def letter_to_json(record: LetterRecord) -> dict[str, Any]:
    """As stored, and as operators see it."""
    return {
        "id": record.letter_id,
        "status": record.status.value,
        "step": record.step,
        "source": record.source,
        "reason": record.reason,
        "description": record.description,
        "severity": record.severity,
        "payment_id": record.payment_id,
        "event_id": record.event_id,
        "message": {
            "message_id": record.message_id,
            "subject": record.subject,
            "body": record.body,
            "attempt": record.attempt,
            "run": record.run,
            "delivery_count": record.delivery_count,
            "answered": record.answered,
        },
        "recorded_at": time_to_json(record.recorded_at),
        "replays": list(record.replays),
        "history": [
            {"at": time_to_json(entry.at), "action": entry.action, "by": entry.by, "note": entry.note}
            for entry in record.history
        ],
    }


def letter_from_json(fields: Mapping[str, Any]) -> LetterRecord:
    """The record as it was stored."""
    message = fields["message"]
    return LetterRecord(
        letter_id=fields["id"],
        status=LetterStatus(fields["status"]),
        step=fields["step"],
        source=fields["source"],
        reason=fields["reason"],
        description=fields["description"],
        severity=fields["severity"],
        payment_id=fields["payment_id"],
        event_id=fields["event_id"],
        message_id=message["message_id"],
        subject=message["subject"],
        body=message["body"],
        attempt=message["attempt"],
        run=message["run"],
        delivery_count=message["delivery_count"],
        answered=message["answered"],
        recorded_at=time_from_json(fields["recorded_at"]),
        replays=tuple(fields["replays"]),
        history=tuple(
            Entry(at=time_from_json(entry["at"]), action=entry["action"], by=entry["by"], note=entry["note"])
            for entry in fields["history"]
        ),
        etag=fields.get("_etag"),
    )
