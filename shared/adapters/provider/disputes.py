"""What the provider's books say of a dispute, and what its news is about. Its fields and words for disputes stand here.

It is believed as elsewhere: only in its own words, and only if all of them fit the payment.
"""

from datetime import UTC, datetime
from typing import Any

from shared.adapters.provider.words import Heard, Json, plain, reference_of
from shared.domain.dispute import DisputeStatus
from shared.domain.payment import Payment
from shared.ports.provider import Busy, DisputeAnswer, Disputed, Misfit, NeverSeen
from shared.ports.provider_news import DisputeNews, Garbled, OtherNews

_STATUS_OF: dict[str, DisputeStatus] = {"dispute.opened": "open", "dispute.won": "won", "dispute.lost": "lost"}


def in_the_books(heard: Heard, *, payment: Payment, dispute_id: str) -> DisputeAnswer:
    """What an answer to the question about a dispute amounts to."""
    if heard.status == 404 and heard.code == "dispute_unknown":
        return NeverSeen()
    if heard.status != 200 or heard.body.get("dispute_id") != dispute_id:
        return Busy(f"asking about {dispute_id} answered {heard.status}, not as the provider does", heard.retry_after_s)
    if heard.body.get("payment_reference") != reference_of(payment)["payment_reference"]:
        return NeverSeen()
    try:
        return _dispute(heard.body, payment=payment)
    except ValueError as exc:
        return Misfit(str(exc))


def _dispute(body: Json, *, payment: Payment) -> Disputed:
    """Raises ValueError, whose text names a field and repeats no value."""
    amount, status, code = body.get("amount_minor"), body.get("status"), plain(body.get("reason"))
    if type(amount) is not int or not 1 <= amount <= payment.amount.amount_minor:
        raise ValueError("amount_minor")
    if body.get("currency") != payment.amount.currency:
        raise ValueError("currency")
    if status not in ("open", "won", "lost"):
        raise ValueError("status")
    if not code:
        raise ValueError("reason")
    if "capture_id" in body and not plain(body["capture_id"]):
        raise ValueError("capture_id")
    return Disputed(
        amount_minor=amount,
        code=code,
        opened_at=_moment(body, "opened_at"),
        status=status,
        decided_at=None if status == "open" else _moment(body, "decided_at"),
        capture_id=body.get("capture_id"),
    )


def _moment(body: Json, name: str) -> datetime:
    """Raises ValueError with the name."""
    moment = _moment_in(body.get(name))
    if moment is None:
        raise ValueError(name)
    return moment


def _moment_in(text: object) -> datetime | None:
    """None for what is no time, a time without its offset, and one that UTC cannot have."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def news_in(event: Any) -> DisputeNews | OtherNews | Garbled:  # noqa: ANN401 - any JSON
    """What a signed event is about. What it says beyond that is asked for."""
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return Garbled("an object with a type is expected")
    status = _STATUS_OF.get(event["type"])
    if status is None:
        return OtherNews()
    about = event.get("data")
    if not isinstance(about, dict):
        return Garbled("data is missing")
    payment_id, dispute_id = plain(about.get("payment_reference")), plain(about.get("dispute_id"))
    if not payment_id or not dispute_id:
        return Garbled("data has payment_reference and dispute_id, each plain text of at most 128 characters")
    told_at = _moment_in(event.get("timestamp"))
    return DisputeNews(payment_id=payment_id, dispute_id=dispute_id, status=status, told_at=told_at)
