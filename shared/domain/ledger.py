"""Where the money of a payment is, derived from its facts. Nothing decides by it. Pure."""

from dataclasses import dataclass

from shared.domain.dispute import withdrawn_minor
from shared.domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Amounts in minor units of the payment's currency.

    authorised: what the provider reserved, whatever became of it. captured: what was taken, too late or not. refunded:
    what the provider says it gave back. refunding: what is held for refunds whose end is not known. disputed: what
    banks have taken back, as long as the dispute is not won. A charge that was made twice, and what a person gives back
    at the provider, are not in it: their letters tell of them.
    """

    authorised_minor: int
    captured_minor: int
    refunded_minor: int
    refunding_minor: int
    disputed_minor: int

    @property
    def net_minor(self) -> int:
        """What the merchant keeps as things are; below nothing when a bank takes what was given back before."""
        return self.captured_minor - self.refunded_minor - self.disputed_minor


def ledger_of(payment: Payment) -> Ledger:
    amount = payment.amount.amount_minor
    return Ledger(
        authorised_minor=amount if payment.created else 0,
        captured_minor=amount if payment.money_taken else 0,
        refunded_minor=sum(refund.amount_minor for refund in payment.refunds if refund.refunded),
        refunding_minor=sum(refund.amount_minor for refund in payment.refunds if refund.is_pending),
        disputed_minor=withdrawn_minor(payment.own_disputes),
    )
