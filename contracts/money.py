"""Refunds, disputes and the ledger of a payment as models. As in answers.py, they write nothing."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.values import Absent, Amount, Answer, Currency, Minor, grows
from shared.domain.dispute import DisputeStatus
from shared.domain.events import RefundFailureReason
from shared.domain.money import MAX_AMOUNT_MINOR
from shared.domain.refund import RefundStatus


class Refunded(Answer):
    """The provider has given the money back."""

    at: datetime
    provider_refund_id: Annotated[str, Field(description="The provider's id of the refund.")]


class RefundFailed(Answer):
    """The money is not given back; the amount is free again."""

    at: datetime
    reason: Annotated[str, Field(json_schema_extra=grows(*RefundFailureReason.__value__.__args__))]
    code: Annotated[str, Field(description="The provider's own, or `discarded_by_operator`.")]


RefundStatusName = Annotated[str, Field(json_schema_extra=grows(*RefundStatus.__value__.__args__))]


class Refund(Answer):
    """Money that was given back, is to be, or was declined. Its amount is reserved unless it has failed."""

    refund_id: UUID
    amount_minor: Amount
    status: RefundStatusName
    requested_at: datetime
    refunded: Refunded | Absent = None
    failed: RefundFailed | Absent = None


class RefundAccepted(Answer):
    """The refund as it was accepted. A repeat of the key gets the same."""

    payment_id: UUID
    refund_id: UUID
    amount_minor: Amount
    currency: Currency
    status: RefundStatusName
    requested_at: datetime


class Decided(Answer):
    """How a dispute ended, so far: a bank may change its mind."""

    at: datetime
    decided_at: Annotated[datetime, Field(description="By the provider's clock.")]


class Dispute(Answer):
    """Money that the cardholder's bank has taken back. It comes again if the dispute is won."""

    dispute_id: Annotated[str, Field(description="The provider's.")]
    amount_minor: Amount
    status: Annotated[str, Field(json_schema_extra=grows(*DisputeStatus.__value__.__args__))]
    code: Annotated[str, Field(description="Why, in the provider's own word.")]
    at: Annotated[datetime, Field(description="When it became known here.")]
    opened_at: Annotated[datetime, Field(description="By the provider's clock.")]
    capture_id: Annotated[str | Absent, Field(description="Whose money it is, if the provider says so.")] = None
    decided: Decided | Absent = None


Sum = Annotated[Minor, Field(ge=0, le=MAX_AMOUNT_MINOR)]


class Ledger(Answer):
    """Where the money is, in minor units. net_minor: captured less refunded less disputed; below 0 where more went
    back than was taken.
    """

    authorised_minor: Sum
    captured_minor: Sum
    refunded_minor: Annotated[Minor, Field(ge=0)]
    refunding_minor: Annotated[Minor, Field(ge=0, description="Reserved by refunds whose end is not known.")]
    disputed_minor: Annotated[
        Minor, Field(ge=0, description="Taken back by cardholders' banks, in disputes that are open or lost.")
    ]
    net_minor: Minor
