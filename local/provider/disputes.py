"""The rules of disputes: how much a bank can take back, who keeps it, what the merchant is told.

Knows no protocol, reads no clock and makes no id: both are handed in.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from local.provider.books import Books
from local.provider.events import Events
from local.provider.records import Answer, Dispute, Payment, Status, refusal
from local.provider.settlement import Line, Moved
from local.provider.tokens import TOKENS, DisputeStatus

ANY_REASON = "fraudulent"


class Disputes:
    """The disputes of all payments in the books. Money goes when one opens, and comes back when it is won."""

    def __init__(
        self,
        books: Books,
        events: Events,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[str], str],
        delay_s: float,
    ) -> None:
        self._books = books
        self._events = events
        self._clock = clock
        self._new_id = new_id
        self._delay_s = delay_s

    # --- looking

    def find(self, dispute_id: str) -> Dispute | None:
        return self._books.dispute(dispute_id)

    def of(self, payment: Payment) -> list[Dispute]:
        """In the order of their opening."""
        return self._books.disputes_of(payment)

    def withdrawn_minor(self, payment: Payment) -> int:
        """What open and lost disputes have taken of the payment."""
        return sum(each.withdrawn_minor for each in self.of(payment))

    # --- what a person, as the bank, does

    def open(self, payment_reference: str, *, amount_minor: int | None, reason: str) -> Answer:
        """Disputes a part of a captured try, or all that is not disputed yet. What was refunded may be disputed too."""
        if amount_minor is not None and amount_minor < 1:
            return refusal(400, "invalid_amount", message="amount_minor must be a positive integer.")
        tries = self._books.made_under(payment_reference)
        if not tries:
            return refusal(404, "payment_unknown", message=f"There is no payment {payment_reference}.")
        captured = [each for each in tries if each.status is Status.CAPTURED]
        if not captured:
            return refusal(409, "not_captured", message="Only what was captured can be disputed.")
        for payment in captured:
            if self._left_minor(payment) >= (amount_minor or 1):
                opened = self._open(payment, amount_minor=amount_minor or self._left_minor(payment), reason=reason)
                return Answer(201, opened.as_json())
        return refusal(409, "dispute_exceeds_capture", message="No more can be disputed than was captured.")

    def decide(self, dispute_id: str, status: DisputeStatus) -> Answer:
        """Won or lost, for the first time or anew. The same decision again changes nothing and tells nobody."""
        dispute = self.find(dispute_id)
        if dispute is None:
            return refusal(404, "dispute_unknown", message=f"There is no dispute {dispute_id}.")
        if dispute.status is not status:
            payment = self._books.payment(dispute.provider_payment_id)
            takes_anew = dispute.status is DisputeStatus.WON
            if payment and takes_anew and self._left_minor(payment) < dispute.amount_minor:
                return refusal(409, "dispute_exceeds_capture", message="Other disputes have taken the money since.")
            self._decide(dispute, status)
        return Answer(200, dispute.as_json())

    # --- what a payment method brings

    def expect(self, payment: Payment) -> None:
        """The payment was captured: its method may bring a dispute, after the delay. The caller notes the payment."""
        if TOKENS[payment.payment_method].dispute is not None:
            payment.dispute_due_at = self._after_the_delay()

    def next_due_at(self) -> datetime | None:
        """When `carry_out` has something to do; None: never, as things stand."""
        return min((_due_at(each) for each in self._books.disputes_to_come()), default=None)

    def carry_out(self) -> bool:
        """Does what is due. Whether anything was."""
        due = [each for each in self._books.disputes_to_come() if _due_at(each) <= self._clock()]
        for payment in due:
            self._carry_on(payment)
        return bool(due)

    def _carry_on(self, payment: Payment) -> None:
        """Opens the dispute or, where one was opened, decides the last: unless a person was first."""
        end, made = TOKENS[payment.payment_method].dispute, self.of(payment)
        of_capture = [each for each in made if each.capture_id == payment.capture_id]
        payment.dispute_due_at = None
        if not of_capture:
            if left := self._left_minor(payment):
                self._open(payment, amount_minor=left, reason=ANY_REASON)
                payment.dispute_due_at = None if end is DisputeStatus.OPEN else self._after_the_delay()
        elif end in {DisputeStatus.WON, DisputeStatus.LOST} and of_capture[-1].status is DisputeStatus.OPEN:
            self._decide(of_capture[-1], end)
        self._books.note(payment)

    # --- what either does

    def _open(self, payment: Payment, *, amount_minor: int, reason: str) -> Dispute:
        dispute = Dispute(
            dispute_id=self._new_id("dp_"),
            payment_reference=payment.payment_reference,
            provider_payment_id=payment.provider_payment_id,
            capture_id=str(payment.capture_id),
            amount_minor=amount_minor,
            currency=payment.currency,
            reason=reason,
            status=DisputeStatus.OPEN,
            opened_at=self._clock().isoformat(),
        )
        self._books.enter_dispute(dispute)
        self._note_moved(dispute, Moved.DISPUTE, at=dispute.opened_at)
        self._events.announce(dispute, "dispute.opened")
        return dispute

    def _decide(self, dispute: Dispute, status: DisputeStatus) -> None:
        withdrawn_before = dispute.withdrawn_minor
        dispute.status, dispute.decided_at = status, self._clock().isoformat()
        self._books.note_dispute(dispute)
        if dispute.withdrawn_minor != withdrawn_before:
            self._note_moved(
                dispute, Moved.DISPUTE if dispute.withdrawn_minor else Moved.DISPUTE_WON, at=dispute.decided_at
            )
        self._events.announce(dispute, f"dispute.{status}")

    def _note_moved(self, dispute: Dispute, moved: Moved, *, at: str) -> None:
        self._books.note_moved(
            Line(
                type=moved.value,
                reference=dispute.dispute_id,
                payment_reference=dispute.payment_reference,
                amount_minor=dispute.amount_minor,
                currency=dispute.currency,
                at=at,
            )
        )

    def _left_minor(self, payment: Payment) -> int:
        return payment.amount_minor - self.withdrawn_minor(payment)

    def _after_the_delay(self) -> str:
        return (self._clock() + timedelta(seconds=self._delay_s)).isoformat()


def _due_at(payment: Payment) -> datetime:
    return datetime.fromisoformat(str(payment.dispute_due_at))
