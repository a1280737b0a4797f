"""The imitation's rules: what a call does, and which answer is replayed. Knows no protocol and reads no clock."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

type Json = dict[str, Any]
type Form = Mapping[str, str]

METHODS = {
    "pm_card_visa": "",
    "pm_card_chargeDeclined": "declined",
    "pm_card_rateLimited": "down",
    "pm_card_createTimesOut": "create",
    "pm_card_captureTimesOut": "capture",
    "pm_card_refundTimesOut": "refund",
    "pm_card_captureDeclined": "capture_declined",
    "pm_card_refundFail": "refund_fails",
}
"""What each payment method brings. The first two and the last are Stripe's test methods, the others ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """is_lost: it is never heard."""

    status: int
    body: Json
    is_lost: bool = False
    is_kept: bool = True


def refused(status: int, kind: str, *, code: str, **more: str) -> Answer:
    """What is refused before anything is executed is not replayed."""
    error = {"type": kind, "code": code, "message": f"{code}.", **more}
    return Answer(status, {"error": error}, is_kept=kind == "card_error")


class Account:
    """All intents and refunds of one account."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self._answers: dict[str, tuple[str, Form, Answer]] = {}
        self._lost: set[tuple[str, str]] = set()
        self.is_broken = True

    def forget(self) -> None:
        """All idempotency keys, as after a day."""
        self._answers.clear()

    def perform(self, path: str, form: Form, *, key: str) -> Answer:
        """Does what is asked, once per key. Another request under a used key is refused."""
        if key in self._answers:
            used_path, used_form, answer = self._answers[key]
            if (used_path, used_form) != (path, dict(form)):
                return refused(400, "idempotency_error", code="idempotency_key_in_use")
            return answer
        answer = self._done(path.strip("/").split("/")[1:], form)
        if key and answer.is_kept:
            self._answers[key] = (path, dict(form), Answer(answer.status, answer.body))
        return answer

    def _done(self, names: list[str], form: Form) -> Answer:
        match names:
            case ["payment_intents"]:
                return self._create(form)
            case ["payment_intents", intent_id, ("capture" | "cancel") as verb]:
                intent = self.intents.get(intent_id)
                if intent is None:
                    return refused(404, "invalid_request_error", code="resource_missing")
                return self._capture(intent, form) if verb == "capture" else self._cancel(intent)
            case ["refunds"]:
                return self._refund(form)
            case _:
                return refused(404, "invalid_request_error", code="not_implemented")

    def _create(self, form: Form) -> Answer:
        method = form.get("payment_method", "")
        if method not in METHODS:
            return refused(400, "invalid_request_error", code="resource_missing", param="payment_method")
        if METHODS[method] == "down" and self.is_broken:
            return refused(429, "invalid_request_error", code="rate_limit")
        intent: Json = {
            "id": f"pi_{next(self._numbers)}",
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "status": "requires_capture",
            "latest_charge": f"ch_{next(self._numbers)}",
            "created": int(self._clock().timestamp()),
            "payment_method": method,
            "metadata": {"payment_id": form.get("metadata[payment_id]", "")},
        }
        self.intents[intent["id"]] = intent
        if METHODS[method] == "declined":
            error = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            return Answer(402, {"error": error})
        return self._told(intent, intent, operation="create")

    def _capture(self, intent: Json, form: Form) -> Answer:
        if intent["status"] != "requires_capture":
            return refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
        if METHODS[intent["payment_method"]] == "capture_declined":
            return refused(402, "card_error", code="card_declined", decline_code="generic_decline")
        amount = int(form.get("amount_to_capture", intent["amount"]))
        if amount > intent["amount"]:
            return refused(400, "invalid_request_error", code="amount_too_large")
        intent |= {"status": "succeeded", "amount_received": amount}
        return self._told(intent, intent, operation="capture")

    def _cancel(self, intent: Json) -> Answer:
        if intent["status"] in ("succeeded", "canceled"):
            return refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        return self._told(intent, intent, operation="cancel")

    def _refund(self, form: Form) -> Answer:
        intent = self.intents.get(form.get("payment_intent", ""))
        if intent is None or intent["status"] != "succeeded":
            return refused(400, "invalid_request_error", code="resource_missing")
        good = [each for each in self.refunds.values() if each["payment_intent"] == intent["id"]]
        back = sum(each["amount"] for each in good if each["status"] == "succeeded")
        amount = int(form.get("amount", intent["amount_received"] - back))
        if back + amount > intent["amount_received"]:
            return refused(400, "invalid_request_error", code="charge_already_refunded")
        fails = METHODS[intent["payment_method"]] == "refund_fails"
        refund: Json = {
            "id": f"re_{next(self._numbers)}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "status": "failed" if fails else "succeeded",
            "metadata": {"refund_id": form.get("metadata[refund_id]", "")},
            **({"failure_reason": "declined"} if fails else {}),
        }
        self.refunds[refund["id"]] = refund
        return self._told(intent, refund, operation="refund")

    def _told(self, intent: Json, body: Json, *, operation: str) -> Answer:
        """The answer, as it is now. It is lost once, if the payment method says so."""
        once = (intent["id"], operation)
        is_lost = METHODS[intent["payment_method"]] == operation and once not in self._lost
        self._lost.add(once)
        return Answer(200, dict(body), is_lost=is_lost)
