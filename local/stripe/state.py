"""The imitation's rules: what a call does, and which answer is replayed. Knows no protocol and reads no clock."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

type Json = dict[str, Any]
type Form = Mapping[str, str]

METHODS = {
    "pm_ok": "",
    "pm_declined": "declined",
    "pm_card_visa": "",
    "pm_card_chargeDeclined": "declined",
    "pm_card_authenticationRequired": "authentication",
    "pm_card_rateLimited": "down",
    "pm_card_createTimesOut": "create",
    "pm_card_captureTimesOut": "capture",
    "pm_card_refundTimesOut": "refund",
    "pm_card_captureDeclined": "capture_declined",
    "pm_card_refundDeclined": "refund_declined",
    "pm_card_refundFail": "refund_fails",
    "pm_card_pendingRefund": "refund_pends",
    "pm_card_parameterUnknown": "invalid",
}
"""What each payment method brings. Stripe's test methods are pm_card_visa, pm_card_chargeDeclined,
pm_card_authenticationRequired, pm_card_refundFail (succeeded, and failed later) and pm_card_pendingRefund; the others
are ours, the first two as the local provider has them.
"""
LATER_S = 60
"""After which a refund comes to what its method brings."""
_AT_FIRST = {
    "refund_declined": {"status": "failed", "failure_reason": "declined"},
    "refund_pends": {"status": "pending"},
}
_AT_LAST = {
    "refund_fails": {"status": "failed", "failure_reason": "expired_or_canceled_card"},
    "refund_pends": {"status": "succeeded"},
}
_REFUSALS = {"declined": ("card_declined", "generic_decline"), "authentication": ("authentication_required",) * 2}
_LARGEST = 99_999_999
_SMALLEST = {"eur": 50, "usd": 50}
_WHOLE = {**dict.fromkeys(("isk", "ugx"), 100), **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10)}
"""Of what an amount has to be a multiple in these currencies."""
_NOT_TAKEN = {"clf", "iqd", "lyd", "uyi", "uyw"}


class WrongForm(Exception):
    """A form that Stripe would not read either. parameter: which; code: Stripe's."""

    def __init__(self, parameter: str, *, code: str) -> None:
        super().__init__(parameter)
        self.parameter, self.code = parameter, code


def random_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


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
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self._answers: dict[str, tuple[str, Form, Answer]] = {}
        self._lost: set[str] = set()
        self._changed: dict[tuple[str, str], Json] = {}
        self.is_broken = True

    def forget(self) -> None:
        """All idempotency keys, as after a day."""
        self._answers.clear()

    def drain(self) -> dict[tuple[str, str], Json]:
        """The records that changed since the last call, under kind and key."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, kind: str, key: str, *, record: Mapping[str, Any]) -> None:
        """Takes a stored record back."""
        match kind:
            case "intent":
                self.intents[key] = dict(record)
            case "refund":
                self.refunds[key] = dict(record)
            case "lost":
                self._lost.add(key)
            case "answer":
                self._answers[key] = (record["path"], record["form"], Answer(record["status"], record["body"]))

    def perform(self, path: str, form: Form, *, key: str) -> Answer:
        """Does what is asked, once per key. Another request under a used key is refused."""
        if key in self._answers:
            used_path, used_form, answer = self._answers[key]
            if (used_path, used_form) != (path, dict(form)):
                return refused(400, "idempotency_error", code="idempotency_key_in_use")
            return answer
        try:
            answer = self._done(path.strip("/").split("/")[1:], form)
        except WrongForm as exc:
            return refused(400, "invalid_request_error", code=exc.code, param=exc.parameter)
        if key and answer.is_kept:
            self._answers[key] = (path, dict(form), Answer(answer.status, answer.body))
            kept = {"path": path, "form": dict(form), "status": answer.status, "body": answer.body}
            self._changed["answer", key] = kept
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
        if METHODS[method] == "invalid":
            return refused(400, "invalid_request_error", code="parameter_unknown", param="confirm")
        currency = _text(form, "currency")
        if currency in _NOT_TAKEN or not currency.islower():
            raise WrongForm("currency", code="invalid_currency")
        intent: Json = {
            "id": random_id("pi"),
            "object": "payment_intent",
            "amount": _amount(form, "amount", currency=currency, smallest=_SMALLEST.get(currency, 1)),
            "amount_received": 0,
            "currency": currency,
            "status": "requires_capture",
            "latest_charge": random_id("ch"),
            "created": int(self._clock().timestamp()),
            "payment_method": method,
            "metadata": {"payment_id": form.get("metadata[payment_id]", "")},
        }
        self.intents[intent["id"]] = self._changed["intent", intent["id"]] = intent
        if METHODS[method] == "authentication" and form.get("error_on_requires_action") != "true":
            intent["status"] = "requires_action"
        elif METHODS[method] in _REFUSALS:
            code, decline_code = _REFUSALS[METHODS[method]]
            error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": f"{code}."}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            return Answer(402, {"error": error})
        return self._told(intent, intent, operation="create")

    def _capture(self, intent: Json, form: Form) -> Answer:
        if intent["status"] != "requires_capture":
            return refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
        if METHODS[intent["payment_method"]] == "capture_declined":
            return refused(402, "card_error", code="card_declined", decline_code="generic_decline")
        currency = intent["currency"]
        amount = (
            _amount(form, "amount_to_capture", currency=currency) if "amount_to_capture" in form else intent["amount"]
        )
        if amount > intent["amount"]:
            return refused(400, "invalid_request_error", code="amount_too_large")
        intent |= {"status": "succeeded", "amount_received": amount}
        self._changed["intent", intent["id"]] = intent
        return self._told(intent, intent, operation="capture")

    def _cancel(self, intent: Json) -> Answer:
        if intent["status"] in ("succeeded", "canceled"):
            return refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self._changed["intent", intent["id"]] = intent
        return self._told(intent, intent, operation="cancel")

    def _refund(self, form: Form) -> Answer:
        intent = self.intents.get(form.get("payment_intent", ""))
        if intent is None or intent["status"] != "succeeded":
            return refused(400, "invalid_request_error", code="resource_missing")
        good = [each for each in self.refunds_of(intent["id"]) if each["status"] != "failed"]
        back = sum(each["amount"] for each in good)
        left = intent["amount_received"] - back
        amount = _amount(form, "amount", currency=intent["currency"]) if "amount" in form else left
        if back + amount > intent["amount_received"]:
            return refused(400, "invalid_request_error", code="charge_already_refunded")
        refund: Json = {
            "id": random_id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "created": int(self._clock().timestamp()),
            "status": "succeeded",
            "metadata": {"refund_id": form.get("metadata[refund_id]", "")},
            **_AT_FIRST.get(METHODS[intent["payment_method"]], {}),
        }
        self.refunds[refund["id"]] = self._changed["refund", refund["id"]] = refund
        return self._told(intent, refund, operation="refund")

    def refunds_of(self, intent_id: str | None) -> list[Json]:
        """As they are now: some fail, or succeed, a while after they were made."""
        found = [each for each in self.refunds.values() if each["payment_intent"] == intent_id]
        for refund in found:
            last = _AT_LAST.get(METHODS[self.intents[refund["payment_intent"]]["payment_method"]], {})
            is_due = self._clock().timestamp() >= refund.get("created", 0) + LATER_S
            if is_due and last.get("status") not in (None, refund["status"]):
                refund.update(last)
                self._changed["refund", refund["id"]] = refund
        return found

    def _told(self, intent: Json, body: Json, *, operation: str) -> Answer:
        """The answer, as it is now. It is lost once, if the payment method says so."""
        once = f"{intent['id']} {operation}"
        is_lost = METHODS[intent["payment_method"]] == operation and once not in self._lost
        self._lost.add(once)
        if is_lost:
            self._changed["lost", once] = {}
        return Answer(200, dict(body), is_lost=is_lost)


def _text(form: Form, name: str) -> str:
    """Raises WrongForm."""
    if not form.get(name):
        raise WrongForm(name, code="parameter_missing")
    return form[name]


def _amount(form: Form, name: str, *, currency: str, smallest: int = 1) -> int:
    """Raises WrongForm."""
    said = _text(form, name)
    if not (said.isascii() and said.isdecimal() and int(said) > 0):
        raise WrongForm(name, code="parameter_invalid_integer")
    amount = int(said)
    if amount > _LARGEST:
        raise WrongForm(name, code="amount_too_large")
    if amount < smallest:
        raise WrongForm(name, code="amount_too_small")
    if amount % _WHOLE.get(currency, 1):
        raise WrongForm(name, code="invalid_charge_amount_no_decimal_compatible")
    return amount
