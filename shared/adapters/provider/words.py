"""What the provider's answers mean. The only file that knows its fields, status words and codes. Knows no HTTP client.

The provider is believed only in its own words: a status of HTTP counts together with a body that says the same and fits
the payment. A gateway's page, a redirect or a stranger's JSON says nothing. After a call money may then have moved
(Unknown); after a question nothing was learned (Busy).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import (
    Answer,
    AskAnswer,
    Busy,
    Call,
    CapturedInstead,
    Declined,
    Done,
    NeverSeen,
    OurFault,
    Unknown,
)

type Json = dict[str, Any]

_PLAIN = re.compile(r"(?=.*[0-9A-Za-z])[\x21-\x7e]{1,128}")
_PASSES = {401, 403, 408, 425, 429}
"""4xx that say nothing against the payment: a rotated key, a limit. They pass, so they are retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """How the provider says yes to a step: the status, and the field of the reference.

    done_before: the code of its conflict when another request had done the step. not_yet: how its books show an
    authorised payment for which the step was not done.
    """

    status: str
    reference: str
    done_before: str
    not_yet: tuple[str, ...] = ()


_WORDS = {
    Step.CREATE: _Words(status="authorised", reference="provider_payment_id", done_before="already_created"),
    Step.SETTLE: _Words(
        status="captured", reference="capture_id", done_before="already_captured", not_yet=("authorised", "voided")
    ),
    Step.VOID: _Words(status="voided", reference="void_id", done_before="already_voided", not_yet=("authorised",)),
}
_OF_A_REFUND = _Words(status="refunded", reference="refund_id", done_before="already_refunded")
_ONCE_AUTHORISED = ("authorised", "captured", "voided")
_NO_MONEY_TAKEN = ("authorised", "declined", "voided")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer of whoever answered, fresh or remembered. body: {} when it was not a JSON object."""

    status: int
    body: Json
    retry_after_s: float = 0.0

    @property
    def code(self) -> str:
        return plain(self.body.get("code"))


def reference_of(payment: Payment) -> dict[str, str]:
    """How the provider is told which payment a call is about."""
    return {"payment_reference": payment.payment_id}


def refund_reference_of(task: RefundTask) -> dict[str, str]:
    """How the provider is told which of the payment's refunds a call is about."""
    return {"refund_reference": task.refund_id}


def money_of(payment: Payment, step: Task) -> Json:
    """What the step is to move."""
    refund = payment.refund(step.refund_id) if isinstance(step, RefundTask) else None
    amount_minor = refund.amount_minor if refund else payment.amount.amount_minor
    return {"amount_minor": amount_minor, "currency": payment.amount.currency}


def _words(step: Task) -> _Words:
    return _OF_A_REFUND if isinstance(step, RefundTask) else _WORDS[step.step]


# -- the answer to a call


def verdict(heard: Heard, *, payment: Payment, step: Task) -> Answer:
    """The one place that says what an answer to a call means, whether it is fresh or remembered."""
    status, code = heard.status, heard.code
    if 200 <= status < 300:
        misfit = _misfit(heard.body, payment=payment, step=step)
        if misfit:
            return Unknown(f"answered {status}, and its {misfit} does not fit", heard.retry_after_s)
        return Done(heard.body[_words(step).reference])
    if not code or not 400 <= status < 600:
        return Unknown(f"answered {status}, and not in the provider's own words", heard.retry_after_s)
    if status == 402:
        return Declined(code)
    if status >= 500 or status in _PASSES:
        return Busy(f"answered {status} {code}", heard.retry_after_s)
    return OurFault(f"{status} {code}")


def says_done_before(answer: Answer, step: Task) -> bool:
    """Whether the provider refuses the step because another request had done it: its books then tell the reference.

    A void is refused too because the money was taken.
    """
    instead = (Step.SETTLE,) if step is Step.VOID else ()
    return any(answer == OurFault(f"409 {_words(each).done_before}") for each in (step, *instead))


def _misfit(body: Json, *, payment: Payment, step: Task) -> str:
    """The field that keeps a body from being a yes to this step; empty when it is one."""
    words = _words(step)
    if body.get("status") != words.status:
        return "status"
    if not plain(body.get(words.reference)):
        return words.reference
    if step is not Step.CREATE and "provider_payment_id" in body and not _is_ours(body, payment=payment):
        return "provider_payment_id"
    return _contradiction(body, payment=payment, step=step)


def _contradiction(body: Json, *, payment: Payment, step: Task) -> str:
    """The field that speaks of another payment or of other money; empty when none does, or none is there.

    An amount without its currency names no money that could be compared, nor does a currency without an amount.
    """
    expected: Json = reference_of(payment) if "payment_reference" in body else {}
    if isinstance(step, RefundTask) and "refund_reference" in body:
        expected = {**expected, **refund_reference_of(step)}
    if "amount_minor" in body or "currency" in body:
        expected = {**expected, **money_of(payment, step)}
    for name, value in expected.items():
        said = body.get(name)
        if type(said) is not type(value) or said != value:  # 1250.0 equals 1250, and true equals 1
            return name
    return ""


# -- the answer to a question


def remembered(heard: Heard, *, call: Call) -> Heard | NeverSeen | Busy:
    """The answer that the provider gave to the request that it is asked about; it is still to be judged."""
    if heard.status == 404 and heard.code == "request_unknown":
        return NeverSeen()
    status, answer = heard.body.get("status_code"), heard.body.get("answer")
    is_ours = heard.body.get("request_id", call.request_id) == call.request_id
    if heard.status != 200 or not is_ours or type(status) is not int or not isinstance(answer, dict):
        return Busy(
            f"asking about {call.request_id} answered {heard.status}, and not as the provider does", heard.retry_after_s
        )
    return Heard(status, answer)


def in_the_books(heard: Heard, *, payment: Payment, step: Task) -> AskAnswer:
    """What the list of all tries of a payment amounts to, whatever its order."""
    tries = heard.body.get("payments")
    if heard.status != 200 or not isinstance(tries, list):
        return Busy(
            f"asking for {payment.payment_id} answered {heard.status}, and not as the provider does",
            heard.retry_after_s,
        )
    answers = [_of_a_try(each, payment=payment, step=step) for each in tries]
    return _done(tries, answers) or _not_done(
        answers, complete=heard.body.get("has_more") is False, payment_id=payment.payment_id
    )


def _done(tries: Sequence[Any], answers: Sequence[AskAnswer | None]) -> Done | None:
    """The yes of one try counts, whatever the others say. One that stands goes before one that was released."""
    yes = [
        (each.get("status") == "voided", answer.reference)
        for each, answer in zip(tries, answers, strict=True)
        if isinstance(answer, Done)
    ]
    return Done(min(yes)[1]) if yes else None


def _not_done(answers: Sequence[AskAnswer | None], *, complete: bool, payment_id: str) -> AskAnswer:
    """A no counts only when it is certain that no try has succeeded or still may."""
    told = [answer for answer in answers if answer is not None]
    for answer in told:
        if isinstance(answer, Busy):
            return answer
    if not complete or (answers and not told):
        return Busy(f"the books do not show all tries of {payment_id}")
    return told[0] if told else NeverSeen()


def _of_a_try(listed: object, *, payment: Payment, step: Task) -> AskAnswer | None:
    """What one entry of the books says of the step; None for another try, which says nothing of it."""
    unclear = Busy(f"the books show a try of {payment.payment_id} that is not clear")
    if not isinstance(listed, dict) or _contradiction(listed, payment=payment, step=Step.CREATE):
        return unclear
    if isinstance(step, RefundTask):
        return _of_refunds(listed, payment=payment, task=step, unclear=unclear)
    words, status = _WORDS[step.step], listed.get("status")
    reference, code = plain(listed.get(words.reference)), plain(listed.get("code"))
    if step is Step.CREATE:
        if status in _ONCE_AUTHORISED and reference:
            return Done(reference)
        return Declined(code) if status == "declined" and code else unclear
    if not _is_ours(listed, payment=payment):
        return None if status in _NO_MONEY_TAKEN else unclear
    if status == words.status and reference:
        return Done(reference)
    captured = plain(listed.get(_WORDS[Step.SETTLE].reference))
    if step is Step.VOID and status == _WORDS[Step.SETTLE].status and captured:
        return CapturedInstead(captured)
    return NeverSeen() if status in words.not_yet and listed.get(words.reference) is None else unclear


def _of_refunds(listed: Json, *, payment: Payment, task: RefundTask, unclear: Busy) -> AskAnswer | None:
    """What a try says of one refund of its money; None for another try, which has none of ours."""
    refunds = listed.get("refunds")
    if not _is_ours(listed, payment=payment):
        return unclear if refunds else None
    if not isinstance(refunds, list) or not all(isinstance(each, dict) for each in refunds):
        return unclear
    own = [each for each in refunds if each.get("refund_reference") == task.refund_id]
    answers = [_of_one(each, payment=payment, task=task) or unclear for each in own]
    done = [answer for answer in answers if isinstance(answer, Done)]
    open_ones = [answer for answer in answers if answer is unclear]
    return next(iter([*done, *open_ones, *answers]), NeverSeen())


def _of_one(listed: Json, *, payment: Payment, task: RefundTask) -> Done | Declined | None:
    """None for what is not clear."""
    if _contradiction(listed, payment=payment, step=task):
        return None
    code, reference = plain(listed.get("code")), plain(listed.get(_OF_A_REFUND.reference))
    if listed.get("status") == "declined" and code:
        return Declined(code)
    return Done(reference) if listed.get("status") == _OF_A_REFUND.status and reference else None


def _is_ours(body: Json, *, payment: Payment) -> bool:
    """Whether it names the authorisation that our payment rests on."""
    return payment.created is not None and body.get("provider_payment_id") == payment.created.provider_payment_id


def plain(text: object) -> str:
    """A code or reference as it may be stored and sent on: visible ASCII of a sane length, else empty.

    It has a letter or a digit, for in a path `..` would lead elsewhere.
    """
    return text if isinstance(text, str) and _PLAIN.fullmatch(text) else ""
