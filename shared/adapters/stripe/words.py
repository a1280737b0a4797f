"""What the answers of Stripe's API mean. The only file that knows its status words and codes.

It is believed only in its own words, as every provider is. Knows no HTTP client.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters.stripe.forms import amount_of, intent_of
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
    Unprovable,
)

type Json = dict[str, Any]

_PLAIN = re.compile(r"(?=.*[0-9A-Za-z])[\x21-\x7e]{1,128}")
_NOT_DONE = {401, 403, 429}
"""Said before anything is executed. After a 5xx or a 409 something may have been."""
_HELD, _TAKEN, _RELEASED, _UNDER_WAY = "requires_capture", "succeeded", "canceled", "processing"
_REFUSED, _UNCONFIRMED, _CARDHOLDER = "requires_payment_method", "requires_confirmation", "requires_action"
_LAPSED = {"charge_expired_for_capture", "capture_charge_authorization_expired"}
_CHANGED = {"payment_intent_unexpected_state", "charge_already_captured", "charge_already_refunded"}
_OF_THE_MERCHANT = {"amount", "currency", "payment_method"}
"""The parameters of a create that come from the merchant's request. Whatever else is wrong with it is ours."""
_PENDING_S = 3600.0
"""Before the next look at a refund that is pending, which may take days: as long as the retries let it be."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer of whoever answered. body: {} when it was not a JSON object."""

    status: int
    body: Json
    retry_after_s: float = 0.0

    @property
    def fault(self) -> Json:
        fault = _inner(self.body, "error")
        return fault if plain(fault.get("type")) else {}

    @property
    def is_missing(self) -> bool:
        """Stripe's own word that it has no such object. One that was made was made at another account, or provider."""
        return self.status in (400, 404) and self.fault.get("code") == "resource_missing"

    @property
    def page(self) -> list[Json] | None:
        """The objects on a page of a list; None for what is none."""
        page = self.body.get("data")
        if self.status != 200 or self.body.get("object") != "list" or not isinstance(page, list):
            return None
        has_more = self.body.get("has_more")
        is_whole = all(isinstance(each, dict) and plain(each.get("id")) for each in page)
        return page if is_whole and (has_more is False or (has_more is True and page)) else None

    @property
    def has_more(self) -> bool:
        return self.body.get("has_more") is True


def verdict(heard: Heard, *, payment: Payment, task: Task) -> Answer:
    """What an answer to a call means."""
    fault, status = heard.fault, heard.status
    if 200 <= status < 300:
        answer = of_one(heard.body, payment=payment, task=task)
        if isinstance(answer, Done | Declined):
            return answer
        wait_s = answer.retry_after_s if isinstance(answer, Busy) else 0.0
        return Unknown(f"answered {status}, which does not fit", max(heard.retry_after_s, wait_s))
    if not fault or status == 409 or not 400 <= status < 500:
        return Unknown(f"answered {status} {plain(fault.get('code'))}", heard.retry_after_s)
    if status in _NOT_DONE:
        return Busy(f"answered {status} {fault['type']}", heard.retry_after_s)
    if (status == 402 and fault["type"] == "card_error") or _is_a_no(fault, task):
        return Declined(_code(fault))
    return OurFault(f"{status} {_code(fault)}")


def _is_a_no(fault: Json, task: Task) -> bool:
    """Whether it refuses what the merchant chose, or what can no longer be had."""
    code = plain(fault.get("code"))
    if task is Step.CREATE:
        return plain(fault.get("param")) in _OF_THE_MERCHANT or code in {"amount_too_small", "amount_too_large"}
    return code in _LAPSED if task is Step.SETTLE else task is not Step.VOID and code == "charge_disputed"


def is_of_another_state(answer: Answer) -> bool:
    """Whether it refuses because the payment is no longer as the step needs it: its books tell what became of it."""
    return isinstance(answer, OurFault) and answer.code.partition(" ")[2] in _CHANGED


def is_own(body: Json, *, payment: Payment, task: Task) -> bool:
    """Whether it is one of this payment's tries, or this refund."""
    told = _inner(body, "metadata")
    if isinstance(task, RefundTask):
        return told.get("refund_id") == task.refund_id
    return told.get("payment_id") == payment.payment_id


def of_one(body: Json, *, payment: Payment, task: Task) -> AskAnswer:
    """How a PaymentIntent shows a step of the payment, or a Refund one refund."""
    reference, state = plain(body.get("id")), plain(body.get("status"))
    kind = "refund" if isinstance(task, RefundTask) else "payment_intent"
    is_ours = body.get("object") == kind and is_own(body, payment=payment, task=task)
    if not is_ours or not reference or not state or type(body.get("amount")) is not int:
        return Busy(f"what {task.value} of {payment.payment_id} came to is not clear")
    if not _fits(body, payment, task=task):
        return Unprovable(f"{reference} is of another amount or currency")
    if isinstance(task, RefundTask):
        return _of_refund(body, reference=reference, state=state)
    if task is Step.CREATE:
        return _of_create(body, reference=reference, state=state)
    if reference != intent_of(payment):
        return Busy(f"{reference} is not the intent of {payment.payment_id}")
    if state == _TAKEN:
        return _of_capture(body, payment=payment, task=task)
    return _of_step(body, reference=reference, state=state, task=task)


def _of_create(body: Json, *, reference: str, state: str) -> AskAnswer:
    """A try that was never confirmed holds nothing: nobody but us confirms one, and only as it is made."""
    if state in (_HELD, _TAKEN, _RELEASED):
        return Done(reference)
    failure = _code(_inner(body, "last_payment_error"))
    if state == _REFUSED and failure:
        return Declined(failure)
    if state in (_REFUSED, _UNCONFIRMED):
        return NeverSeen()
    return Declined("authentication_required") if state == _CARDHOLDER else _unclear(reference, state)


def _of_step(body: Json, *, reference: str, state: str, task: Task) -> AskAnswer:
    """A capture or a void of an intent whose money was not taken."""
    if task is Step.VOID:
        if state == _RELEASED:
            return Done(reference)
        return NeverSeen() if state in (_HELD, _REFUSED, _UNCONFIRMED, _CARDHOLDER) else _unclear(reference, state)
    if state in (_RELEASED, _REFUSED):  # the reservation has lapsed, was released by hand, or the capture was refused
        return Declined(_code(_inner(body, "last_payment_error")) or state)
    return NeverSeen() if state == _HELD else _unclear(reference, state)


def _of_capture(body: Json, *, payment: Payment, task: Task) -> AskAnswer:
    charge, received = plain(body.get("latest_charge")), body.get("amount_received")
    if not charge or type(received) is not int:
        return Busy(f"what was captured of {payment.payment_id} is not clear")
    if received != amount_of(payment, task):
        return Unprovable(f"{charge} took {received} of {body['amount']} (in Stripe's units)")
    return Done(charge) if task is Step.SETTLE else CapturedInstead(charge)


def _of_refund(body: Json, *, reference: str, state: str) -> AskAnswer:
    if state in ("failed", "canceled"):
        return Declined(plain(body.get("failure_reason")) or state)
    if state in ("pending", _CARDHOLDER):
        return Busy(f"{reference} is {state}", _PENDING_S)
    return Done(reference) if state == "succeeded" else _unclear(reference, state)


def _unclear(reference: str, state: str) -> AskAnswer:
    """What is under way becomes clear; a word that is not known here does not."""
    return Busy(f"{reference} is {state}") if state == _UNDER_WAY else Unprovable(f"{reference} is {state}")


def stands(body: Json) -> bool:
    """Whether its money is reserved, taken or given back."""
    return body.get("status") in (_HELD, _TAKEN)


def of_tries(answers: Sequence[AskAnswer]) -> AskAnswer:
    """What those that do not stand amount to. What may still become a yes goes before a try that was released."""
    order = (Busy, Unprovable, Done, Declined, NeverSeen)
    return min(answers, key=lambda answer: order.index(type(answer)), default=NeverSeen())


def _fits(body: Json, payment: Payment, *, task: Task) -> bool:
    of_the_whole = task if isinstance(task, RefundTask) else Step.CREATE
    money = (body.get("amount"), body.get("currency"))
    is_of_intent = not isinstance(task, RefundTask) or body.get("payment_intent") == intent_of(payment)
    return is_of_intent and money == (amount_of(payment, of_the_whole), payment.amount.currency.lower())


def _code(fault: Json) -> str:
    return plain(fault.get("decline_code")) or plain(fault.get("code")) or plain(fault.get("type"))


def _inner(body: Json, name: str) -> Json:
    """The object of that name; {} for whatever else stands there."""
    inner = body.get(name)
    return inner if isinstance(inner, dict) else {}


def plain(text: object) -> str:
    """A code or reference as it may be stored, else empty."""
    return text if isinstance(text, str) and _PLAIN.fullmatch(text) else ""
