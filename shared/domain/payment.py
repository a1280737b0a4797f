"""A payment: its state, and how events change it. Knows no provider and no HTTP.

Read top to bottom: the state (Payment), evolve, fold. What may be done with it stands in decisions.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money


class Status(StrEnum):
    """What a merchant is told. Goods may be shipped from SETTLED on."""

    INITIATED = "initiated"
    CREATED = "created"
    SETTLED = "settled"
    COMPLETED = "completed"
    FAILED = "failed"
    VOIDED = "voided"


class Step(StrEnum):
    """The moves that bring a payment forward, each made by one function."""

    CREATE = "create"
    SETTLE = "settle"
    NOTIFY = "notify"
    VOID = "void"
    NOTIFY_FAILURE = "notify_failure"

    @property
    def moves_money(self) -> bool:
        """Whether it asks the provider for something, whose yes must never be forgotten."""
        match self:
            case Step.CREATE | Step.SETTLE | Step.VOID:
                return True
            case Step.NOTIFY | Step.NOTIFY_FAILURE:
                return False
            case _:
                assert_never(self)

    @property
    def tells_the_merchant(self) -> bool:
        """Whether the payment goes on without it after the last attempt, with a letter that can wait."""
        match self:
            case Step.NOTIFY | Step.NOTIFY_FAILURE:
                return True
            case Step.CREATE | Step.SETTLE | Step.VOID:
                return False
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The facts so far, each as the event that brought it; `version` counts the events.

    `payment_method` is None once the provider has the payment: it is not needed any more.
    """

    payment_id: str
    version: int
    merchant_id: str
    amount: Money
    reference: str
    payment_method: str | None
    notification_url: str | None
    initiated_at: datetime
    expires_at: datetime
    created: PaymentCreated | None = None
    settled: PaymentSettled | None = None
    completed: PaymentCompleted | None = None
    failed: PaymentFailed | None = None
    voided: PaymentVoided | None = None

    @property
    def status(self) -> Status:
        """Derived: the furthest fact, failure before success."""
        if self.voided:
            return Status.VOIDED
        if self.failed:
            return Status.FAILED
        if self.completed:
            return Status.COMPLETED
        if self.settled:
            return Status.SETTLED
        return Status.CREATED if self.created else Status.INITIATED

    @property
    def owes(self) -> Step | None:
        """The step that has to make the next move; None when the payment is at rest."""
        if self.failed:
            return Step.VOID if self.created and not self.voided else None
        if self.completed:
            return None
        if self.settled:
            return Step.NOTIFY
        return Step.SETTLE if self.created else Step.CREATE


def evolve(payment: Payment | None, event: Event) -> Payment:
    """The payment after one more event. Raises ValueError for a stream that does not begin with PaymentInitiated."""
    if payment is None:
        return _begun(event)
    payment = replace(payment, version=payment.version + 1)
    match event:
        case PaymentInitiated():
            raise ValueError(f"payment {payment.payment_id} was initiated twice")
        case PaymentCreated():
            return replace(payment, created=event, payment_method=None)
        case PaymentSettled():
            return replace(payment, settled=event)
        case PaymentCompleted():
            return replace(payment, completed=event)
        case PaymentFailed():
            return replace(payment, failed=event)
        case PaymentVoided():
            return replace(payment, voided=event)
        case _:
            assert_never(event)


def _begun(event: Event) -> Payment:
    if not isinstance(event, PaymentInitiated):
        raise ValueError(f"a stream begins with PaymentInitiated, not with {type(event).__name__}")
    return Payment(
        payment_id=event.payment_id,
        version=1,
        merchant_id=event.merchant_id,
        amount=event.amount,
        reference=event.reference,
        payment_method=event.payment_method,
        notification_url=event.notification_url,
        initiated_at=event.occurred_at,
        expires_at=event.expires_at,
    )


def fold(events: Iterable[Event]) -> Payment | None:
    """The payment that a stream amounts to; None for an empty stream."""
    payment: Payment | None = None
    for event in events:
        payment = evolve(payment, event)
    return payment
