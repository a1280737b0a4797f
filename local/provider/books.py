"""The provider's books: payments, disputes, charges and answers, and which of them changed since the last storing.

Knows no rule: what may be done is for `state` to say.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice

from local.provider.records import Answer, Call, Charge, Dispute, Payment, Remembered, Status
from local.provider.settlement import Line, Moved, line_of
from local.provider.store import Key, Record
from local.provider.tokens import DisputeStatus


class Books:
    """What is kept of every payment. The caller stores what `drain` says has changed."""

    def __init__(self) -> None:
        self._payments: dict[str, Payment] = {}
        self._by_reference: dict[str, list[Payment]] = {}
        self._disputes: dict[str, Dispute] = {}
        self._disputes_of: dict[str, list[Dispute]] = {}
        self._disputes_to_come: dict[str, Payment] = {}
        self._charges: dict[str, Charge] = {}
        self._remembered: dict[str, Remembered] = {}
        self._moved: dict[str, Line] = {}
        self._changed: dict[Key, Record] = {}

    # --- payments

    def payment(self, provider_payment_id: str | None) -> Payment | None:
        return self._payments.get(provider_payment_id or "")

    def made_under(self, payment_reference: str) -> list[Payment]:
        """In the order of their making."""
        return self._by_reference.get(payment_reference, [])

    def enter(self, payment: Payment) -> None:
        """A new payment."""
        self._add(payment)
        self.note(payment)

    def note(self, payment: Payment) -> None:
        """The payment has changed, and its charge with it."""
        self.charge(payment.payment_reference).status = payment.status
        self._changed["payment", payment.provider_payment_id] = asdict(payment)
        self._expect(payment)

    # --- disputes

    def dispute(self, dispute_id: str) -> Dispute | None:
        return self._disputes.get(dispute_id)

    def disputes_of(self, payment: Payment) -> list[Dispute]:
        """In the order of their opening."""
        return self._disputes_of.get(payment.provider_payment_id, [])

    def enter_dispute(self, dispute: Dispute) -> None:
        """A new one."""
        self._add_dispute(dispute)
        self.note_dispute(dispute)

    def note_dispute(self, dispute: Dispute) -> None:
        """The dispute has changed, and the charge with it."""
        tries = self.made_under(dispute.payment_reference)
        withdrawn = (each.withdrawn_minor for payment in tries for each in self.disputes_of(payment))
        self.charge(dispute.payment_reference).disputed_minor = sum(withdrawn)
        self._changed["dispute", dispute.dispute_id] = asdict(dispute)

    def disputes_to_come(self) -> list[Payment]:
        """The payments whose `dispute_due_at` is set."""
        return list(self._disputes_to_come.values())

    # --- charges

    def charge(self, payment_reference: str) -> Charge:
        """The charge, noted as changed: its numbers are read when the changes are drained."""
        charge = self._charges.setdefault(payment_reference, Charge(payment_reference))
        self._changed["charge", payment_reference] = {}
        return charge

    def known_charge(self, payment_reference: str) -> Charge | None:
        """None when the payment was never heard of."""
        return self._charges.get(payment_reference)

    def charges(self, *, after: str | None = None, limit: int | None = None) -> list[Charge]:
        """In the order in which the payments were first heard of. Raises KeyError when there is no payment `after`."""
        skipped = 0 if after is None else list(self._charges).index(self._charges[after].payment_id) + 1
        return list(islice(self._charges.values(), skipped, None if limit is None else skipped + limit))

    # --- answers

    def remember(self, call: Call, answer: Answer, *, at: datetime) -> None:
        remembered = Remembered(
            request_id=call.request_id,
            fingerprint=call.fingerprint,
            payment_reference=call.payment_reference,
            status_code=answer.status_code,
            answer=dict(answer.body),
            answered_at=at.isoformat(),
        )
        self._remembered[call.request_id] = remembered
        self._changed["request", call.request_id] = asdict(remembered)
        if line := line_of(remembered):
            self.note_moved(line)

    def remembered(self, request_id: str) -> Remembered | None:
        """However long ago it was."""
        return self._remembered.get(request_id)

    # --- movements of money

    def moved(self) -> list[Line]:
        """Every one there was, in no order."""
        return list(self._moved.values())

    def note_moved(self, line: Line) -> None:
        """Kept by itself: a provider that forgets request ids may remember another answer in the place of this one."""
        self._enter_moved(line)
        self._changed["settlement", line.key] = asdict(line)
        self.charge(line.payment_reference)

    def _enter_moved(self, line: Line) -> None:
        self._moved[line.key] = line
        charge = self._charges.get(line.payment_reference)
        if charge is None:
            return
        match Moved(line.type):
            case Moved.CAPTURE:
                charge.captured_at = line.at
            case Moved.REFUND:
                charge.refunded_at = line.at
            case Moved.DISPUTE | Moved.DISPUTE_WON:
                charge.disputed_at = line.at

    # --- keeping

    def note_switches(self, switches: Record) -> None:
        self._changed["switches", ""] = switches

    def drain(self) -> Mapping[Key, Record]:
        """The records that changed since the last call."""
        changed, self._changed = self._changed, {}
        return {key: asdict(self._charges[key[1]]) if key[0] == "charge" else body for key, body in changed.items()}

    def restore(self, kind: str, record: Mapping[str, object]) -> None:
        """Takes a stored record back, in the order of storing. Other kinds than its own are not touched."""
        fields: dict[str, object] = dict(record)
        match kind:
            case "payment":
                payment = Payment(**(fields | {"status": Status(str(fields["status"]))}))  # type: ignore[arg-type]  # as stored
                self._add(payment)
                self._expect(payment)
            case "dispute":
                dispute = Dispute(**(fields | {"status": DisputeStatus(str(fields["status"]))}))  # type: ignore[arg-type]  # as stored
                self._add_dispute(dispute)
            case "charge":
                self._charges[str(fields["payment_id"])] = Charge(**fields)  # type: ignore[arg-type]  # as stored
            case "request":
                remembered = Remembered(**fields)  # type: ignore[arg-type]  # as stored
                self._remembered[remembered.request_id] = remembered
                if line := line_of(remembered):  # of a release that kept no movements
                    self._enter_moved(line)
            case "settlement":
                self._enter_moved(Line(**fields))  # type: ignore[arg-type]  # as stored

    def _add(self, payment: Payment) -> None:
        self._payments[payment.provider_payment_id] = payment
        self._by_reference.setdefault(payment.payment_reference, []).append(payment)

    def _expect(self, payment: Payment) -> None:
        if payment.dispute_due_at is None:
            self._disputes_to_come.pop(payment.provider_payment_id, None)
        else:
            self._disputes_to_come[payment.provider_payment_id] = payment

    def _add_dispute(self, dispute: Dispute) -> None:
        self._disputes[dispute.dispute_id] = dispute
        self._disputes_of.setdefault(dispute.provider_payment_id, []).append(dispute)
