"""What the answers of Stripe's API mean. The only file that knows its fields, status words and codes.

It is believed only in its own words, as every provider is. Knows no HTTP client.
"""

import re
from dataclasses import dataclass
from typing import Any

from shared.adapters.stripe.amounts import at_stripe, unsaid
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import (
    Answer,
    AskAnswer,
    Busy,
    CapturedInstead,
    Declined,
    Done,
    NeverSeen,
    OurFault,
    Unknown,
)

type Json = dict[str, Any]

_PLAIN = re.compile(r"(?=.*[0-9A-Za-z])[\x21-\x7e]{1,128}")
_NOT_DONE = {401, 403, 429}
"""Said before anything is executed. After a 5xx or a 409 something may have been."""
_HELD, _TAKEN, _RELEASED, _REFUSED = "requires_capture", "succeeded", "canceled", "requires_payment_method"


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer of whoever answered. body: {} when it was not a JSON object."""

    status: int
    body: Json
    retry_after_s: float = 0.0

    @property
    def fault(self) -> Json:
        fault = self.body.get("error")
        return fault if isinstance(fault, dict) and plain(fault.get("type")) else {}


def form_of(payment: Payment, task: Task) -> dict[str, str]:
    """What is sent to have the task done, where nothing speaks against it (`refusal`)."""
    match task:
        case RefundTask():
            return {
                "payment_intent": intent_of(payment),
                "amount": str(_amount(payment, task)),
                "metadata[payment_id]": payment.payment_id,
                "metadata[refund_id]": task.refund_id,
            }
        case Step.CREATE:
            return {
                "amount": str(_amount(payment, task)),
                "currency": payment.amount.currency.lower(),
                "capture_method": "manual",
                "confirm": "true",
                "error_on_requires_action": "true",  # nobody here could take the cardholder through it
                "payment_method": str(payment.payment_method),
                "payment_method_types[]": "card",
                "metadata[payment_id]": payment.payment_id,
            }
        case Step.SETTLE:
            return {"amount_to_capture": str(_amount(payment, task))}
        case _:
            return {}


def refusal(payment: Payment, task: Task) -> Declined | None:
    """Why it is not even sent: Stripe cannot be told of such money exactly. It was the merchant's to choose."""
    code = "" if task is Step.VOID else unsaid(_amount_minor(payment, task), payment.amount.currency)
    return Declined(code) if code else None


def intent_of(payment: Payment) -> str:
    """Raises ValueError for a payment that was never created there."""
    if payment.created is None:
        raise ValueError(f"payment {payment.payment_id} was never created at the provider")
    return payment.created.provider_payment_id


def verdict(heard: Heard, *, payment: Payment, task: Task) -> Answer:
    """What an answer to a call means."""
    fault, status = heard.fault, heard.status
    if 200 <= status < 300:
        answer = of_refund(heard.body, payment=payment, task=task) if isinstance(task, RefundTask) else None
        answer = answer or of_intent(heard.body, payment=payment, task=task)
        if isinstance(answer, Done | Declined):
            return answer
        return Unknown(f"answered {status}, which does not fit", heard.retry_after_s)
    if not fault or status == 409 or not 400 <= status < 500:
        return Unknown(f"answered {status} {plain(fault.get('code'))}", heard.retry_after_s)
    if status in _NOT_DONE:
        return Busy(f"answered {status} {fault['type']}", heard.retry_after_s)
    if status == 402 and fault["type"] == "card_error":
        return Declined(_code(fault))
    return OurFault(f"{status} {_code(fault)}")


def is_of_another_state(answer: Answer) -> bool:
    """Whether it refuses because the payment is no longer as the step needs it: its books tell what became of it."""
    return answer in (OurFault("400 payment_intent_unexpected_state"), OurFault("400 charge_already_refunded"))


def is_intent_of(body: object, payment: Payment) -> bool:
    """Whether it is one of this payment's tries."""
    return isinstance(body, dict) and (body.get("metadata") or {}).get("payment_id") == payment.payment_id


def of_intent(body: Json, *, payment: Payment, task: Task) -> AskAnswer:
    """How a PaymentIntent shows one step of the payment."""
    reference, state, charge = plain(body.get("id")), body.get("status"), plain(body.get("latest_charge"))
    unclear = Busy(f"the intent of {payment.payment_id} is not clear")
    if body.get("object") != "payment_intent" or not reference or not _fits(body, payment):
        return unclear
    if task is Step.CREATE:
        failure = body.get("last_payment_error") or {}
        if state == _REFUSED and failure.get("type") == "card_error":
            return Declined(_code(failure))
        if state == "requires_action":
            return Declined("authentication_required")
        return Done(reference) if state in (_HELD, _TAKEN, _RELEASED) else unclear
    if reference != intent_of(payment) or isinstance(task, RefundTask):
        return unclear
    if state == _TAKEN:
        if not charge or not _is_amount(body.get("amount_received"), payment, task=task):
            return unclear
        return Done(charge) if task is Step.SETTLE else CapturedInstead(charge)
    if state == _RELEASED:
        return Done(reference) if task is Step.VOID else NeverSeen()
    return NeverSeen() if state == _HELD else unclear


def of_refund(body: Json, *, payment: Payment, task: RefundTask) -> AskAnswer:
    """How a Refund object shows one refund. What is pending is not clear yet."""
    unclear = Busy(f"refund {task.refund_id} is not clear yet")
    reference, state = plain(body.get("id")), body.get("status")
    told = (body.get("object"), body.get("currency"), body.get("payment_intent"))
    due = ("refund", payment.amount.currency.lower(), intent_of(payment))
    fits = told == due and _is_amount(body.get("amount"), payment, task=task) and is_refund_of(body, task)
    if not reference or not fits:
        return unclear
    if state in ("failed", "canceled"):
        return Declined(plain(body.get("failure_reason")) or str(state))
    return Done(reference) if state == "succeeded" else unclear


def is_refund_of(body: object, task: RefundTask) -> bool:
    return isinstance(body, dict) and (body.get("metadata") or {}).get("refund_id") == task.refund_id


def of_tries(answers: list[AskAnswer]) -> AskAnswer:
    """A yes goes before what is not clear, and that before a no."""
    order = (Done, CapturedInstead, Busy, Declined, NeverSeen)
    return min(answers, key=lambda answer: order.index(type(answer)), default=NeverSeen())


def _fits(body: Json, payment: Payment) -> bool:
    is_of_currency = body.get("currency") == payment.amount.currency.lower()
    return is_intent_of(body, payment) and is_of_currency and _is_amount(body.get("amount"), payment, task=Step.CREATE)


def _is_amount(said: object, payment: Payment, *, task: Task) -> bool:
    return type(said) is int and said == _amount(payment, task)


def _amount(payment: Payment, task: Task) -> int | None:
    return at_stripe(_amount_minor(payment, task), payment.amount.currency)


def _amount_minor(payment: Payment, task: Task) -> int:
    refund = payment.refund(task.refund_id) if isinstance(task, RefundTask) else None
    return refund.amount_minor if refund else payment.amount.amount_minor


def _code(fault: Json) -> str:
    return plain(fault.get("decline_code")) or plain(fault.get("code")) or plain(fault.get("type"))


def plain(text: object) -> str:
    """A code or reference as it may be stored, else empty."""
    return text if isinstance(text, str) and _PLAIN.fullmatch(text) else ""
