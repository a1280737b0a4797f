"""One dispute of a payment: what the provider has said of it, and what all of them hold of the money. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from shared.domain.events import DisputeEvent, PaymentDisputeLost, PaymentDisputeOpened, PaymentDisputeWon

type DisputeStatus = Literal["open", "won", "lost"]
type Decision = PaymentDisputeWon | PaymentDisputeLost


@dataclass(frozen=True, slots=True)
class Dispute:
    """The facts of one dispute so far. decided: the provider's newest word; None while the bank looks into it."""

    opened: PaymentDisputeOpened
    decided: Decision | None = None

    @property
    def dispute_id(self) -> str:
        return self.opened.dispute_id

    @property
    def status(self) -> DisputeStatus:
        """What a merchant is told."""
        if self.decided is None:
            return "open"
        return "won" if isinstance(self.decided, PaymentDisputeWon) else "lost"

    @property
    def withdrawn_minor(self) -> int:
        """What the bank has of the money: it takes it at the opening, and gives it back to who wins."""
        return 0 if self.status == "won" else self.opened.amount_minor

    def is_about(self, capture_id: str | None) -> bool:
        """Whether it is about the money of this capture; None: of one that is not known here yet."""
        return self.opened.capture_id is None or capture_id in (None, self.opened.capture_id)

    @property
    def facts(self) -> int:
        """How many events it shows."""
        return 1 + (self.decided is not None)


def withdrawn_minor(disputes: Iterable[Dispute]) -> int:
    """What banks have of the money of a payment."""
    return sum(dispute.withdrawn_minor for dispute in disputes)


def is_news(dispute: Dispute, decision: Decision) -> bool:
    """Whether a decision is newer than what is known: the provider's words may come late, and in any order.

    Also when both say the same. It is known then that whatever was decided in between is over.
    """
    return dispute.decided is None or decision.decided_at > dispute.decided.decided_at


def with_news(disputes: tuple[Dispute, ...], event: DisputeEvent) -> tuple[Dispute, ...]:
    """The disputes after one more event. Raises ValueError for a decision about a dispute that was never opened.

    A release that knows no disputes may have forgotten one in the state that it wrote, and so it was opened once more.
    """
    if isinstance(event, PaymentDisputeOpened):
        is_known = any(dispute.dispute_id == event.dispute_id for dispute in disputes)
        return disputes if is_known else (*disputes, Dispute(event))
    if all(dispute.dispute_id != event.dispute_id for dispute in disputes):
        raise ValueError(f"dispute {event.dispute_id} was never opened")
    return tuple(
        replace(dispute, decided=event) if dispute.dispute_id == event.dispute_id else dispute for dispute in disputes
    )
