"""An attempt to tell a merchant, to JSON and back. Field names must never change. Knows no SDK."""

from collections.abc import Mapping
from typing import Any

from shared.codec.values import time_from_json, time_to_json
from shared.domain.notifications import Attempt


def attempt_to_document(attempt: Attempt) -> dict[str, Any]:
    """As stored."""
    return {
        "id": attempt.attempt_id,
        "paymentId": attempt.payment_id,
        "notificationId": attempt.notification_id,
        "type": attempt.type,
        **attempt_to_json(attempt),
    }


def attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    """As merchants and operators see it, below its notification."""
    said = {
        "at": time_to_json(attempt.at),
        "attempt": attempt.attempt,
        "by": attempt.by,
        "url": attempt.url,
        "status_code": attempt.status_code,
        "failure": attempt.failure,
        "duration_ms": attempt.duration_ms,
        "headers": dict(attempt.headers),
        "body": attempt.body,
    }
    return {name: value for name, value in said.items() if value is not None}


def attempt_from_document(fields: Mapping[str, Any]) -> Attempt:
    return Attempt(
        attempt_id=fields["id"],
        payment_id=fields["paymentId"],
        notification_id=fields["notificationId"],
        type=fields["type"],
        at=time_from_json(fields["at"]),
        attempt=fields["attempt"],
        by=fields["by"],
        url=fields["url"],
        status_code=fields.get("status_code"),
        failure=fields.get("failure"),
        duration_ms=fields["duration_ms"],
        headers=fields["headers"],
        body=fields["body"],
    )
