"""One sample of each answer, problem and integration event. The code that writes the real ones has written them all."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from contracts.stories import (
    CANCELLED,
    DECLINED,
    DISPUTED,
    INITIATED,
    LOST,
    NOT_REFUNDED,
    PAYMENT_ID,
    REFUND_ID,
    REFUNDED,
    at,
    stored,
)
from functions.problems import STATUS_OF, FieldFault, problem
from shared.codec.attempts import attempt_to_json
from shared.codec.cloud_events import to_cloud_event
from shared.codec.documents import event_to_json
from shared.codec.erasure import words_in
from shared.codec.facts import FORMS
from shared.codec.letters import letter_to_json
from shared.codec.payments import payment_to_json
from shared.codec.rows import listed, row_to_json
from shared.codec.values import time_to_json
from shared.domain.events import PaymentSettled
from shared.domain.ledger import ledger_of
from shared.domain.letters import LetterRecord, letter_id_of
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.notifications import Attempt, By
from shared.domain.rows import row_of
from shared.domain.stream import StoredEvent

type Json = dict[str, Any]

_SOURCE = "payment-created/settle"
_WHY = "Retried until the last attempt; the provider could not be reached."

REQUEST: Json = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payment_method": "pm_ok",
    "reference": "order-1",
    "notification_url": "https://shop.example/hooks",
    "description": "Two books",
    "metadata": {"cart": "7"},
}


STORIES = (DISPUTED, LOST, REFUNDED, NOT_REFUNDED, DECLINED, CANCELLED)


def events() -> dict[str, Json]:
    """An integration event of each type, by its CloudEvents type."""
    found = [json.loads(to_cloud_event(each)) for story in STORIES for each in stored(story)]
    return {event["type"]: event for event in found}


def notices() -> dict[str, Json]:
    """What a merchant is sent, by the name of the webhook."""
    sent = events()
    by_themselves = {FORMS[kind].name for kind in NOTICE_EVENTS}
    return {
        **{name.replace(".", "_"): sent[f"regispay.{name}.v1"] for name in sorted(by_themselves)},
        **{
            f"payment_{name}": {**sent[f"regispay.payment.{name}.v1"], "id": f"{PAYMENT_ID}:{step}"}
            for name, step in (("settled", "notify"), ("failed", "notify_failure"))
        },
    }


def problems() -> dict[str, Json]:
    """A problem document of each code."""
    more: dict[str, Json] = {
        "body_not_json": {"detail": "Expecting property name enclosed in double quotes at line 1, column 2."},
        "body_too_deep": {"detail": "At most 16 objects and lists inside one another."},
        "body_too_large": {"detail": "At most 65536 bytes."},
        "request_invalid": {"errors": [FieldFault("amount_minor", "out_of_range", "Must be 1 or more.")]},
    }
    return {code: json.loads(problem(code, **more.get(code, {})).get_body()) for code in STATUS_OF}


def answers() -> dict[str, Json]:
    """A success of each operation that answers JSON, by its operation id."""
    return {**_of_merchants(), **_of_operators(), **_of_probes()}


def _of_merchants() -> dict[str, Json]:
    stream = stored(DISPUTED)
    return {
        "accept_payment": payment_to_json(stream[0].payment),
        "request_cancel": payment_to_json(stored(CANCELLED)[-1].payment),
        "request_refund": {
            "payment_id": PAYMENT_ID,
            "refund_id": REFUND_ID,
            "amount_minor": 500,
            "currency": "EUR",
            "status": "pending",
            "requested_at": time_to_json(at(4)),
        },
        "get_payment": _shown(stream[-1]),
        "get_payment_events": _timeline(stream),
        "list_notifications": _notifications(),
        "resend_notification": {
            "payment_id": PAYMENT_ID,
            "notification_id": f"{PAYMENT_ID}:notify",
            "type": "regispay.payment.settled.v1",
            "state": "delivered",
            "attempt": _attempt(by="resend"),
        },
        "search_payments": {
            "payments": [listed(row_of(stream[1]))],
            "next_page": None,
            "as_of": time_to_json(at(8)),
            "lag_s": 0.25,
        },
    }


def _of_operators() -> dict[str, Json]:
    stream = stored(DISPUTED)
    row, letter = row_to_json(row_of(stream[1])), letter_to_json(_LETTER)
    summary = {name: value for name, value in letter.items() if name not in {"message", "history"}}
    return {
        "inspect_payment": _shown(stream[-1]),
        "inspect_payment_events": _timeline(stream),
        "inspect_notifications": _notifications(),
        "erase_payment": {
            "payment_id": PAYMENT_ID,
            "dry_run": False,
            "erased": [asdict(each) for each in words_in(stream)],
        },
        "list_payments": {"payments": [row], "next_page": None, "as_of": time_to_json(at(8))},
        "list_dead_letters": {"dead_letters": [summary], "next_page": None, "as_of": letter["recorded_at"]},
        "get_dead_letter": {**letter, "payment": row, "replay_would": _verdict(cause=None)},
        "replay_dead_letter": _verdict(cause=f"{PAYMENT_ID}:4"),
        "replay_dead_letters": {"dry_run": False, "results": [_verdict(cause=f"{PAYMENT_ID}:4")], "next_page": None},
        "discard_dead_letter": {
            "letter_id": _LETTER.letter_id,
            "discarded": True,
            "comes_to": "end",
            "why": "settle is being ended: what was done is asked for and recorded",
            "cause": f"{PAYMENT_ID}:4",
            "money": None,
        },
        "drain_dead_letters": {"recorded": 0, "more": False},
    }


def _of_probes() -> dict[str, Json]:
    return {
        "hear_provider": {"status": "recorded"},
        "health": {"status": "live", "build": "6f0c1d2"},
        "ready": {"checks": {"store": "ok", "bus": "ok"}},
    }


def _timeline(stream: Sequence[StoredEvent]) -> Json:
    return {"payment_id": PAYMENT_ID, "events": [event_to_json(each) for each in stream]}


def _notifications() -> Json:
    told = {
        "notification_id": f"{PAYMENT_ID}:notify",
        "type": "regispay.payment.settled.v1",
        "state": "delivered",
        "occurred_at": time_to_json(at(2)),
        "told_at": time_to_json(at(3)),
        "attempts": [_attempt(by="step")],
    }
    return {"payment_id": PAYMENT_ID, "notifications": [told]}


def _attempt(*, by: By) -> Json:
    """Signed with a secret that is none."""
    settled = next(each for each in stored(DISPUTED) if isinstance(each.event, PaymentSettled))
    attempt = Attempt(
        attempt_id="1",
        payment_id=PAYMENT_ID,
        notification_id=f"{PAYMENT_ID}:notify",
        type="regispay.payment.settled.v1",
        at=at(3),
        attempt=1,
        by=by,
        url="https://shop.example/hooks",
        duration_ms=84,
        status_code=204,
        headers={
            "webhook-id": f"{PAYMENT_ID}:notify",
            "webhook-timestamp": str(int(at(3).timestamp())),
            "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        },
        body=to_cloud_event(settled, event_id=f"{PAYMENT_ID}:notify"),
    )
    return attempt_to_json(attempt)


def _shown(stored: StoredEvent) -> Json:
    ledger = ledger_of(stored.payment)
    own = {"description": INITIATED.description, "metadata": dict(INITIATED.metadata)}
    return {**payment_to_json(stored.payment), **own, "ledger": {**asdict(ledger), "net_minor": ledger.net_minor}}


def _verdict(*, cause: str | None) -> Json:
    why = "the payment is created and settle is left to do"
    return {"letter_id": _LETTER.letter_id, "verdict": "replayed", "why": why, "cause": cause}


_LETTER = LetterRecord(
    letter_id=letter_id_of(source=_SOURCE, message_id=f"{PAYMENT_ID}:2:settle:9", reason="retries_exhausted"),
    step="settle",
    source=_SOURCE,
    reason="retries_exhausted",
    description=_WHY,
    severity="normal",
    payment_id=PAYMENT_ID,
    event_id=f"{PAYMENT_ID}:2",
    cause=f"{PAYMENT_ID}:2",
    message_id=f"{PAYMENT_ID}:2:settle:9",
    subject="payment.created",
    body="{}",
    attempt=9,
    delivery_count=1,
    yes=None,
    recorded_at=at(7_200),
    as_of=3,
)


def requests() -> dict[str, Json]:
    """A body for each operation that takes one, by its operation id."""
    return {
        "accept_payment": REQUEST,
        "request_refund": {"amount_minor": 500, "reason": "damaged"},
        "hear_provider": {
            "type": "dispute.opened",
            "timestamp": time_to_json(at(7)),
            "data": {"payment_reference": PAYMENT_ID, "dispute_id": "dp_1"},
        },
        "replay_dead_letter": {},
        "replay_dead_letters": {"status": "open", "step": "settle", "dry_run": True},
        "discard_dead_letter": {"reason": "the merchant has sent a new payment"},
        "erase_payment": {"reason": "the customer wants to be forgotten"},
    }
