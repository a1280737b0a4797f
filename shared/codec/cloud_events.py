"""CloudEvents 1.0, structured JSON: the public contract with other components and merchants. Knows no topic."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from shared.codec.facts import FORMS, type_name
from shared.codec.payments import payment_from_json, payment_to_json
from shared.codec.values import NOT_OURS, as_refund_id, as_text, shown, time_from_json, time_to_json
from shared.domain.payment import NoticeTask, Payment
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable

SOURCE = "/regis-pay"

_EVENT_ID = re.compile(r"([0-9A-Za-z-]{1,64}):[0-9]{1,9}")
"""Of ours. What else would get into the ids of documents and messages could stop the feed."""


REFUND_ID = "refundid"
DISPUTE_ID = "disputeid"
"""Extension attributes; their names have small letters only."""

CONTENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An integration event as it arrives: the payment as it was after the event.

    refund_id: which of its refunds the event is about, if one. is_whole: whether that is all there is to know of it.
    Each event makes the version one larger, so a version beyond the facts that are shown means that the store knows
    more.
    """

    event_id: str
    occurred_at: datetime
    traceparent: str | None
    payment: Payment
    refund_id: str | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A business event, apart from its payment. kind: its stored type."""

    event_id: str
    kind: str
    time: datetime
    refund_id: str | None = None
    dispute_id: str | None = None


def to_cloud_event(stored: StoredEvent, *, event_id: str | None = None) -> str:
    """What other components and merchants receive. event_id: for merchants the request id, the same in a repeat."""
    event = stored.event
    told = Told(
        event_id=event_id or stored.event_id,
        kind=type_name(event),
        time=event.occurred_at,
        refund_id=getattr(event, "refund_id", None),
        dispute_id=getattr(event, "dispute_id", None),
    )
    return cloud_event(told, stored.payment, traceparent=stored.traceparent)


def cloud_event(told: Told, payment: Payment, *, traceparent: str | None) -> str:
    """An event, perhaps an earlier one, with the payment as it is now."""
    event = {
        "specversion": "1.0",
        "id": told.event_id,
        "type": f"regispay.{told.kind}.v1",
        "source": SOURCE,
        "subject": payment.payment_id,
        "time": time_to_json(told.time),
        "datacontenttype": "application/json",
        "data": payment_to_json(payment),
    }
    about = {REFUND_ID: told.refund_id, DISPUTE_ID: told.dispute_id}
    event |= {name: value for name, value in about.items() if value}
    if traceparent:
        event["traceparent"] = traceparent
    return json.dumps(event, separators=(",", ":"))  # ASCII: a lone surrogate in a stored text can still be sent


def still_to_tell(payment: Payment, task: NoticeTask) -> Told | None:
    """The event of which the merchant is still to be told; None when there is nothing (any more)."""
    untold = payment.untold_of(task)
    if untold is None:
        return None
    return Told(
        event_id=untold.event_id,
        kind=FORMS[untold.kind].name,
        time=untold.occurred_at,
        refund_id=untold.refund_id,
        dispute_id=untold.dispute_id,
    )


def _refuse_foreign_ids(event_id: str, payment_id: str) -> None:
    found = _EVENT_ID.fullmatch(event_id)
    if found is None or found.group(1) != payment_id:
        raise ValueError("its id is not made of its payment's id and a version")


def from_cloud_event(body: str | bytes) -> Notice:
    """Raises Unreadable for anything but an integration event of ours."""
    try:
        event = json.loads(body)
        _refuse_foreign_ids(event["id"], event["data"]["payment_id"])
        payment = payment_from_json(event["data"])
        return Notice(
            event_id=as_text(event["id"]),
            occurred_at=time_from_json(event["time"]),
            traceparent=as_text(event["traceparent"]) if "traceparent" in event else None,
            payment=payment,
            refund_id=as_refund_id(event[REFUND_ID]) if REFUND_ID in event else None,
            is_whole=payment.version == payment.facts,
        )
    except NOT_OURS as exc:
        raise Unreadable(f"the message is no payment event: {shown(repr(exc), at_most=500)}") from exc
