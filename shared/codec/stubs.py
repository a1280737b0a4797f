"""What can be said of a document that cannot be read: its name, its time, and a dead letter that any broker takes.

The letter names the document and does not hold it: a replay reads the document again. Knows no broker.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.codec.values import NOT_OURS, as_payment_id, as_version, shown, time_from_json
from shared.domain.letters import DeadLetter
from shared.domain.reasons import Reason
from shared.flow import EVENTS

MAX_NAME = 128
"""Characters of an id, which is the broker's own limit, and of a type."""

MAX_WHY = 500


@dataclass(frozen=True, slots=True)
class Named:
    """The event that a document claims to be."""

    payment_id: str
    version: int

    @property
    def event_id(self) -> str:
        return f"{self.payment_id}:{self.version}"


def named(document: Mapping[str, Any]) -> Named | None:
    """By its id and its payment id alone; None when they do not agree or no event of ours can be called so."""
    try:
        payment_id = as_payment_id(document["paymentId"])
        name = Named(payment_id, as_version(int(str(document["id"]).rpartition(":")[2])))
    except NOT_OURS:
        return None
    return name if name.event_id == document["id"] else None


def moved_at(document: Mapping[str, Any], *, or_else: datetime) -> datetime:
    """When the event occurred that the document claims to be."""
    try:
        return time_from_json(document["occurredAt"])
    except NOT_OURS:
        return or_else


def stub_of(document: Mapping[str, Any], *, reason: Reason, description: str) -> DeadLetter:
    """The dead letter of a document, with everything clipped and cleaned, and an id that is the document's own.

    The id is that of the event where the document has one. Else it is a hash, and the letter names no payment.
    """
    name = named(document)
    ids = {"document_id": document.get("id"), "payment_id": document.get("paymentId")}
    return DeadLetter(
        message_id=name.event_id if name else f"document-{_hash_of(document)}",
        body=json.dumps({key: shown(value, at_most=MAX_NAME) for key, value in ids.items()}),
        subject=shown(document.get("type", "unknown"), at_most=MAX_NAME),
        reason=reason,
        description=shown(description, at_most=MAX_WHY),
        source=EVENTS,
    )


def _hash_of(document: Mapping[str, Any]) -> str:
    """Of what tells a document from all others: the store's own id of it, its id, its partition."""
    identity = [document.get("_rid"), document.get("id"), document.get("paymentId")]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
