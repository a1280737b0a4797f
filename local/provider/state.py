"""The provider's rules: what a call does, which answers are remembered, what asking tells.

Knows no protocol, reads no clock and makes no id: both are handed in. The caller stores what `drain` says has changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from local.provider.books import Books
from local.provider.disputes import Disputes
from local.provider.events import Events
from local.provider.faults import Fault, Faults
from local.provider.records import Answer, Call, Charge, Payment, Remembered, Status, refusal
from local.provider.settlement import Line
from local.provider.store import Key, Record
from local.provider.tokens import TOKENS, Behaviour, Operation, Token


class Provider:
    """All payments of one provider."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[str], str],
        slow_s: float = 1.0,
        hold_s: float = 60.0,
        dispute_s: float = 0.2,
        tells_events: bool = False,
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._slow_s = slow_s
        self._hold_s = hold_s
        self._books = Books()
        self.events = Events(clock=clock, new_id=new_id, is_told=tells_events)
        self.disputes = Disputes(self._books, self.events, clock=clock, new_id=new_id, delay_s=dispute_s)
        self.is_broken = True
        """Whether the payment methods that are down until repair are down."""
        self.forgets_request_ids = False
        self.remembers_requests_for_s = 24 * 3600.0
        self.faults = Faults()

    # --- doing

    def delay_s(self, call: Call) -> float:
        """How long the call takes before anything is done."""
        return self._slow_s if self._behaviour(call) is Behaviour.SLOW else 0.0

    def perform(self, call: Call) -> Answer:
        """Does what is asked, once per request id, unless a fault or the payment method says otherwise."""
        charge = self._count(call)
        fault = self.faults.draw(f"{call.request_id}:{charge.requests}")
        met = self._met(fault) or self._trouble(call, charge)
        if met is not None:
            return met
        answer = self._replayed(call) or self._done_anew(call, charge)
        return self._held(answer) if fault is Fault.TIMEOUT_DID_IT else answer

    def _count(self, call: Call) -> Charge:
        charge = self._books.charge(call.payment_reference)
        charge.requests += 1
        if call.operation is Operation.CREATE:
            charge.amount_minor, charge.currency = call.amount_minor, call.currency
        return charge

    def _met(self, fault: Fault | None) -> Answer | None:
        """The answer of a fault that comes before anything is done."""
        if fault is Fault.ERROR:
            return refusal(500, "internal_error", message="A random fault; nothing was done.")
        if fault is Fault.TOO_MANY:
            return refusal(429, "too_many_requests", message="A random fault; nothing was done.")
        if fault is Fault.TIMEOUT_DID_NOTHING:
            return self._held(refusal(504, "timeout", message="A random fault; nothing was done."))
        return None

    def _trouble(self, call: Call, charge: Charge) -> Answer | None:
        """The answer of a payment method that fails before anything is done."""
        behaviour = self._behaviour(call)
        if behaviour is Behaviour.DOWN and self.is_broken:
            return refusal(503, "unavailable", message="This payment method is down until POST /repair.")
        if behaviour is Behaviour.FAILS_TWICE:
            attempts = charge.attempts[call.operation] = charge.attempts.get(call.operation, 0) + 1
            if attempts <= 2:
                return refusal(500, "internal_error", message=f"Attempt {attempts} fails; nothing was done.")
        return None

    def _replayed(self, call: Call) -> Answer | None:
        remembered = self._recall(call.request_id)
        if remembered is None or self.forgets_request_ids:
            return None
        if remembered.fingerprint != call.fingerprint:
            return refusal(422, "idempotency_key_reused", message=f"{call.request_id} was used for another request.")
        return Answer(remembered.status_code, remembered.answer, {"Idempotent-Replayed": "true"})

    def _done_anew(self, call: Call, charge: Charge) -> Answer:
        answer = self._create(call) if call.operation is Operation.CREATE else self._change(call)
        if answer.is_definite:
            self._books.remember(call, answer, at=self._clock())
        if self._behaviour(call) is Behaviour.TIMES_OUT_ONCE and call.operation not in charge.timed_out:
            charge.timed_out.append(call.operation)
            return self._held(answer)
        return answer

    def _create(self, call: Call) -> Answer:
        if call.amount_minor is None or call.amount_minor < 1:
            return refusal(400, "invalid_amount", message="amount_minor must be a positive integer.")
        if call.currency is None or len(call.currency) != 3 or not call.currency.isupper():
            return refusal(400, "invalid_currency", message="currency must be an ISO 4217 code.")
        token = self._token(call)
        if token is None:
            return refusal(
                400, "unknown_payment_method", message=f"{call.payment_method} is not one of {', '.join(TOKENS)}."
            )
        if token.create is Behaviour.INVALID:
            return refusal(400, "invalid_payment_method", message="This payment method cannot be used.")
        declined = token.create is Behaviour.DECLINED
        payment = Payment(
            provider_payment_id=self._new_id("pp_"),
            payment_reference=call.payment_reference,
            amount_minor=call.amount_minor,
            currency=call.currency,
            payment_method=str(call.payment_method),
            status=Status.DECLINED if declined else Status.AUTHORISED,
            code="card_declined" if declined else None,
            created_at=self._clock().isoformat(),
        )
        self._books.enter(payment)
        if declined:
            return refusal(402, "card_declined", message="The card was declined.")
        return Answer(201, payment.as_json())

    def _change(self, call: Call) -> Answer:
        """What is asked of a payment that must exist and be this merchant's payment."""
        payment = self._books.payment(call.provider_payment_id)
        if payment is None:
            return refusal(404, "payment_unknown", message=f"There is no payment {call.provider_payment_id}.")
        if payment.payment_reference != call.payment_reference:
            return refusal(
                400, "reference_mismatch", message=f"{call.provider_payment_id} has another payment_reference."
            )
        if payment.status is Status.DECLINED:
            return refusal(409, "payment_declined", message="A declined payment can be neither captured nor voided.")
        if call.operation is Operation.REFUND:
            return self._refund(call, payment)
        return self._capture(call, payment) if call.operation is Operation.CAPTURE else self._void(payment)

    def _capture(self, call: Call, payment: Payment) -> Answer:
        if payment.status is Status.VOIDED:
            return refusal(409, "already_voided", message="The payment was voided.")
        if payment.status is Status.CAPTURED and not self.forgets_request_ids:
            return refusal(409, "already_captured", message="The payment was captured by another request.")
        if (call.amount_minor, call.currency) != (payment.amount_minor, payment.currency):
            return refusal(
                400, "amount_mismatch", message="Only the authorised amount can be captured, in its currency."
            )
        if TOKENS[payment.payment_method].capture is Behaviour.DECLINED:
            payment.code = "capture_declined"
            self._books.note(payment)
            return refusal(402, payment.code, message="The capture was declined.")
        payment.status, payment.capture_id = Status.CAPTURED, self._new_id("cap_")
        self.disputes.expect(payment)
        self._books.charge(payment.payment_reference).times_charged += 1
        self._books.note(payment)
        return Answer(200, payment.as_json())

    def _void(self, payment: Payment) -> Answer:
        if payment.status is Status.CAPTURED:
            return refusal(409, "already_captured", message="The payment was captured.")
        if payment.status is Status.VOIDED and not self.forgets_request_ids:
            return refusal(409, "already_voided", message="The payment was voided by another request.")
        payment.status, payment.void_id = Status.VOIDED, self._new_id("vo_")
        self._books.charge(payment.payment_reference).voided = True
        self._books.note(payment)
        return Answer(200, payment.as_json())

    def _refund(self, call: Call, payment: Payment) -> Answer:
        """A part of what was captured, under the merchant's own reference. A no is listed too."""
        if payment.status is not Status.CAPTURED:
            return refusal(409, "not_captured", message="Only what was captured can be given back.")
        done = any(
            (each["refund_reference"], each["status"]) == (call.refund_reference, "refunded")
            for each in payment.refunds
        )
        if done and not self.forgets_request_ids:
            return refusal(409, "already_refunded", message="The refund was made by another request.")
        if call.currency != payment.currency or not call.amount_minor or call.amount_minor < 1:
            return refusal(400, "invalid_amount", message="amount_minor must be positive, in the payment's currency.")
        if TOKENS[payment.payment_method].refund is Behaviour.INVALID:
            return refusal(400, "invalid_refund", message="This payment method cannot be refunded.")
        if payment.refunded_minor + call.amount_minor > payment.amount_minor:
            return refusal(409, "refund_exceeds_capture", message="No more can be given back than was captured.")
        declined = self._refund_declined(payment, call.amount_minor)
        refund: Record = {
            "refund_reference": call.refund_reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
            **({"status": "declined", "code": declined} if declined else {}),
            **({} if declined else {"status": "refunded", "refund_id": self._new_id("re_")}),
        }
        payment.refunds.append(refund)
        self._books.note(payment)
        if declined:
            return refusal(402, declined, message="The refund was declined.")
        self._note_refund(call)
        ids = {"payment_reference": payment.payment_reference, "provider_payment_id": payment.provider_payment_id}
        return Answer(200, {**ids, **refund})

    def _refund_declined(self, payment: Payment, amount_minor: int) -> str | None:
        """The code of the no, if it is one. What a dispute has taken cannot be given back once more."""
        if TOKENS[payment.payment_method].refund is Behaviour.DECLINED:
            return "refund_declined"
        gone_minor = payment.refunded_minor + self.disputes.withdrawn_minor(payment)
        return "payment_disputed" if gone_minor + amount_minor > payment.amount_minor else None

    def _note_refund(self, call: Call) -> None:
        charge = self._books.charge(call.payment_reference)
        charge.refunded_minor += call.amount_minor or 0
        reference = call.refund_reference or ""
        charge.times_refunded[reference] = charge.times_refunded.get(reference, 0) + 1

    # --- asking

    def ask_request(self, request_id: str) -> Answer:
        """What became of a request. Asking works in every mode, also while payment methods are down."""
        remembered = self._recall(request_id)
        reference = remembered.payment_reference if remembered else request_id.partition(":")[0]
        met = self._asked(reference)
        if met is not None:
            return met
        if remembered is None:
            return refusal(404, "request_unknown", message=f"No answer to {request_id} is remembered.")
        known = {"request_id": request_id, "status_code": remembered.status_code, "answer": remembered.answer}
        return Answer(200, known)

    def ask_reference(self, payment_reference: str) -> Answer:
        """Every payment made under the merchant's reference, in the order of their making, on one page."""
        met = self._asked(payment_reference)
        if met is not None:
            return met
        found = [self._listed(each) for each in self._books.made_under(payment_reference)]
        return Answer(200, {"payments": found, "has_more": False})

    def _listed(self, payment: Payment) -> Record:
        if payment.status is not Status.CAPTURED:
            return payment.as_json()
        return payment.as_json() | {"disputes": [each.as_json() for each in self.disputes.of(payment)]}

    def ask_dispute(self, dispute_id: str) -> Answer:
        """How a dispute stands. Of one that nobody knows there is no payment whose questions could be counted."""
        dispute = self.disputes.find(dispute_id)
        if dispute is None:
            return refusal(404, "dispute_unknown", message=f"There is no dispute {dispute_id}.")
        return self._asked(dispute.payment_reference) or Answer(200, dispute.as_json())

    def _asked(self, payment_reference: str) -> Answer | None:
        charge = self._books.charge(payment_reference)
        charge.asks += 1
        return self._met(self.faults.draw(f"ask:{payment_reference}:{charge.asks}"))

    def charges(self, *, after: str | None = None, limit: int | None = None) -> list[Record]:
        """In the order in which the payments were first heard of. Raises KeyError when there is no payment `after`."""
        return [charge.as_json() for charge in self._books.charges(after=after, limit=limit)]

    def charge(self, payment_id: str) -> Record | None:
        charge = self._books.known_charge(payment_id)
        return charge.as_json() if charge else None

    def moved(self) -> list[Line]:
        """Every movement of money there was, in no order."""
        return self._books.moved()

    # --- modes

    def mode(self) -> Record:
        return {"forget_request_ids": self.forgets_request_ids, "remember_requests_s": self.remembers_requests_for_s}

    def switch(
        self,
        *,
        is_broken: bool | None = None,
        forgets_request_ids: bool | None = None,
        remembers_requests_for_s: float | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Changes what is given, for all calls from now on and after a restart."""
        self.is_broken = self.is_broken if is_broken is None else is_broken
        self.faults = self.faults if faults is None else faults
        if forgets_request_ids is not None:
            self.forgets_request_ids = forgets_request_ids
        if remembers_requests_for_s is not None:
            self.remembers_requests_for_s = remembers_requests_for_s
        self._books.note_switches({"is_broken": self.is_broken, "faults": self.faults.as_json(), **self.mode()})

    # --- keeping

    def drain(self) -> Mapping[Key, Record]:
        """The records that changed since the last call."""
        return {**self._books.drain(), **self.events.drain()}

    def restore(self, kind: str, record: Mapping[str, object]) -> None:
        """Takes a stored record back, in the order of storing. Other kinds than the provider's own are not touched."""
        if kind == "event":
            self.events.restore(record)
        elif kind == "switches":
            self._restore_switches(dict(record))
        else:
            self._books.restore(kind, record)

    def _restore_switches(self, fields: dict[str, Any]) -> None:
        self.is_broken = bool(fields["is_broken"])
        self.faults = Faults(**fields["faults"])
        self.forgets_request_ids = bool(fields["forget_request_ids"])
        self.remembers_requests_for_s = float(str(fields["remember_requests_s"]))

    def _recall(self, request_id: str) -> Remembered | None:
        remembered = self._books.remembered(request_id)
        if remembered is None:
            return None
        age = self._clock() - datetime.fromisoformat(remembered.answered_at)
        return remembered if age < timedelta(seconds=self.remembers_requests_for_s) else None

    def _held(self, answer: Answer) -> Answer:
        return replace(answer, hold_s=self._hold_s if self.faults.hold_s is None else self.faults.hold_s)

    def _behaviour(self, call: Call) -> Behaviour:
        token = self._token(call)
        return token.behaviour(call.operation) if token else Behaviour.OK

    def _token(self, call: Call) -> Token | None:
        if call.operation is Operation.CREATE:
            return TOKENS.get(call.payment_method or "")
        payment = self._books.payment(call.provider_payment_id)
        return TOKENS[payment.payment_method] if payment else None
