"""The list of a merchant's payments as models. As in answers.py, they write nothing."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.values import Amount, Answer, Currency, StatusName, Version


class PaymentListed(Answer):
    """A payment in a list, under the names that it has everywhere. GET it for the rest."""

    payment_id: UUID
    version: Version
    status: StatusName
    amount_minor: Amount
    currency: Currency
    reference: str
    initiated_at: datetime


class PaymentList(Answer):
    """A page of the caller's payments, newest first."""

    payments: list[PaymentListed]
    next_page: Annotated[
        str | None, Field(description="For the parameter `page`, with the same filters; null on the last one.")
    ]
    as_of: Annotated[datetime, Field(description="Everything that was stored until then is in the list.")]
    lag_s: Annotated[float, Field(ge=0, description="How long ago that was, in seconds.")]
