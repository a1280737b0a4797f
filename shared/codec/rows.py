"""A row of the read model to JSON and back. Knows no SDK."""

from collections.abc import Mapping
from typing import Any

from shared.codec.values import time_from_json, time_to_json
from shared.domain.rows import Row


def row_to_json(row: Row) -> dict[str, Any]:
    """As stored, and as operators see it. active_at: when it last moved or was swept, for the sweep to query."""
    return {
        "id": row.payment_id,
        "version": row.version,
        "status": row.status,
        "owes": row.owes,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "reference": row.reference,
        "settled": row.settled,
        "initiated_at": time_to_json(row.initiated_at),
        "moved_at": time_to_json(row.moved_at),
        "broken": list(row.broken),
        "charged_twice": row.charged_twice,
        "captured_late": row.captured_late,
        "swept_at": time_to_json(row.swept_at) if row.swept_at else None,
        "active_at": time_to_json(max(row.moved_at, row.swept_at or row.moved_at)),
    }


def row_from_json(fields: Mapping[str, Any]) -> Row:
    """The row as it was stored, by this release or one before it."""
    return Row(
        payment_id=fields["id"],
        version=fields["version"],
        status=fields["status"],
        owes=fields["owes"],
        amount_minor=fields["amount_minor"],
        currency=fields["currency"],
        reference=fields["reference"],
        settled=fields["settled"],
        initiated_at=time_from_json(fields["initiated_at"]),
        moved_at=time_from_json(fields["moved_at"]),
        broken=tuple(fields.get("broken", ())),
        charged_twice=fields.get("charged_twice", False),
        captured_late=fields.get("captured_late", False),
        swept_at=time_from_json(fields["swept_at"]) if fields["swept_at"] else None,
        etag=fields.get("_etag"),
    )
