"""A row of the read model to JSON and back, and where it stands among the others. Knows no SDK."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.codec.values import time_from_json, time_to_json
from shared.domain.rows import Row

SCHEMA_VERSION = 1
"""A reader passes over fields that it does not know, so a new one needs no new version."""

UNREAD = "unread"
"""The partition of payments of which nothing could be read yet, so that nobody knows whose they are."""

LOWEST, HIGHEST = "", "~"
"""Below and above every position."""

_LONGEST_MERCHANT = 256
"""Of us nobody has more than 64 characters. The store takes no partition key of more than 2 KB, and would stop all."""


def partition_of(row: Row) -> str:
    """The place of a row, the same for all events of its payment."""
    if not row.merchant_id or len(row.merchant_id) > _LONGEST_MERCHANT:
        return UNREAD
    return partition_in(row.month, merchant_id=row.merchant_id)


def partition_in(month: str, *, merchant_id: str) -> str:
    """The month first: it is always seven characters, so that no merchant's id can be taken for another's month."""
    return f"{month}:{merchant_id}"


def position_at(moment: datetime) -> str:
    """At or below the positions of all payments that were initiated at this moment, and above those from before it."""
    return time_to_json(moment)


def position_of(row: Row) -> str:
    """Where a row stands in lists: by time, then by id. One text, so that one index sorts it, and never changed."""
    return f"{position_at(row.initiated_at)} {row.payment_id}"


def row_to_json(row: Row) -> dict[str, Any]:
    """As stored, and as operators see it. active_at: when it last moved or was swept, for the sweep to query."""
    return {
        "id": row.payment_id,
        "merchant_month": partition_of(row),
        "position": position_of(row),
        "schemaVersion": SCHEMA_VERSION,
        "merchant_id": row.merchant_id,
        "version": row.version,
        "status": row.status,
        "owes": row.owes,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "reference": row.reference,
        "settled": row.settled,
        "refunded_minor": row.refunded_minor,
        "disputed_minor": row.disputed_minor,
        "initiated_at": time_to_json(row.initiated_at),
        "moved_at": time_to_json(row.moved_at),
        "broken": list(row.broken),
        "charged_twice": row.charged_twice,
        "captured_late": row.captured_late,
        "waits": row.waits,
        "swept_at": time_to_json(row.swept_at) if row.swept_at else None,
        "active_at": time_to_json(max(row.moved_at, row.swept_at or row.moved_at)),
    }


def listed(row: Row) -> dict[str, Any]:
    """As a merchant's list shows it, under the names that a payment has everywhere else."""
    return {
        "payment_id": row.payment_id,
        "version": row.version,
        "status": row.status,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "reference": row.reference,
        "initiated_at": time_to_json(row.initiated_at),
    }


def row_from_json(fields: Mapping[str, Any]) -> Row:
    """The row as it was stored, by this release or one before it; those before lists did not say whose it is."""
    return Row(
        payment_id=fields["id"],
        merchant_id=fields.get("merchant_id"),
        version=fields["version"],
        status=fields["status"],
        owes=fields["owes"],
        amount_minor=fields["amount_minor"],
        currency=fields["currency"],
        reference=fields["reference"],
        settled=fields["settled"],
        refunded_minor=fields.get("refunded_minor", 0),
        disputed_minor=fields.get("disputed_minor", 0),
        initiated_at=time_from_json(fields["initiated_at"]),
        moved_at=time_from_json(fields["moved_at"]),
        broken=tuple(fields.get("broken", ())),
        charged_twice=fields.get("charged_twice", False),
        captured_late=fields.get("captured_late", False),
        waits=fields.get("waits", "no"),
        swept_at=time_from_json(fields["swept_at"]) if fields["swept_at"] else None,
        etag=fields.get("_etag"),
    )
