"""Payments as the app lists them from the read model."""

from datetime import UTC, datetime
from typing import Any

from shared.codec.rows import row_to_json
from shared.domain.rows import row_of
from tests.builders import a_payment
from tests.ops.scripted import Json

LIST = "GET /api/ops/payments"


def row(number: int, **changes: Any) -> Json:
    """As the app itself writes it."""
    story = a_payment(payment_id=f"payment-{number}", merchant_id=changes.pop("merchant_id", "merchant-1"))
    return {**row_to_json(row_of(story.stored[-1])), **changes}


def page_of(*rows: Json, next_page: str | None = None, as_of: datetime | None = None) -> Json:
    moment = as_of or datetime.now(UTC)
    return {"payments": [*rows], "next_page": next_page, "as_of": moment.isoformat()}
