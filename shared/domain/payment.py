"""A payment: its state, how events change it, what may be done and recorded. Knows no provider and no HTTP.

Read top to bottom: State (Payment), evolve and fold, intend (before a call), decide (after it).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The facts that stand, each as the event that brought it; `version` counts the events.

    `payment_method` is gone once the provider has the payment: what is not needed is not carried.
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


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule says no. `reason` is a stable snake_case word."""

    reason: str


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


class Intention(StrEnum):
    """What a step is to do with a payment now."""

    CALL = "call"
    EXPIRE = "expire"
    NOTHING = "nothing"


def intend(payment: Payment, step: Step, *, now: datetime) -> Intention | Refused:
    """Whether the outside call of a step is still to be made. NOTHING: the payment is already past it."""
    match step:
        case Step.CREATE:
            if payment.created or payment.failed:
                return Intention.NOTHING
            return Intention.EXPIRE if now >= payment.expires_at else Intention.CALL
        case Step.SETTLE:
            if not payment.created:
                return Refused("not_created")
            return Intention.NOTHING if payment.settled or payment.failed else Intention.CALL
        case Step.NOTIFY:
            if not payment.settled:
                return Refused("not_settled")
            told = payment.completed is not None and payment.completed.notification != "undelivered"
            return Intention.NOTHING if told or payment.failed else Intention.CALL
        case Step.VOID:
            if not payment.failed:
                return Refused("not_failed")
            return Intention.CALL if payment.created and not payment.voided else Intention.NOTHING
        case Step.NOTIFY_FAILURE:
            if not payment.failed:
                return Refused("not_failed")
            return Intention.CALL if payment.notification_url else Intention.NOTHING
        case _:
            assert_never(step)


def decide(payment: Payment | None, fact: Event) -> tuple[Event, ...] | Refused:
    """What to append so that `fact` stands in the stream; () when it already does.

    A provider's yes is recorded whatever the payment has become meanwhile. If it had failed, the failure is announced
    once more behind the fact, so that the void that is now owed is also triggered.
    """
    if payment is None:
        return (fact,) if isinstance(fact, PaymentInitiated) else Refused("not_initiated")
    match fact:
        case PaymentInitiated():
            return Refused("already_initiated")
        case PaymentCreated():
            if payment.created:
                same = payment.created.provider_payment_id == fact.provider_payment_id
                return () if same else Refused("created_twice")
            return _and_the_failure(payment, fact)
        case PaymentSettled():
            if payment.settled:
                return () if payment.settled.capture_id == fact.capture_id else Refused("settled_twice")
            return _and_the_failure(payment, fact) if payment.created else Refused("not_created")
        case PaymentCompleted():
            return _decide_completed(payment, fact)
        case PaymentFailed():
            return _decide_failed(payment, fact)
        case PaymentVoided():
            if payment.voided:
                return () if payment.voided.void_id == fact.void_id else Refused("voided_twice")
            return (fact,) if payment.failed and payment.created else Refused("not_to_be_voided")
        case _:
            assert_never(fact)


def _and_the_failure(payment: Payment, fact: Event) -> tuple[Event, ...]:
    if payment.failed and not payment.voided:
        return (fact, replace(payment.failed, occurred_at=fact.occurred_at))
    return (fact,)


def _decide_completed(payment: Payment, fact: PaymentCompleted) -> tuple[Event, ...] | Refused:
    """Once; but a merchant who could not be told may still be told later, when an operator replays the notification."""
    if payment.failed:
        return Refused("payment_failed")
    if payment.completed:
        late = payment.completed.notification == "undelivered" and fact.notification == "delivered"
        return (fact,) if late else ()
    return (fact,) if payment.settled else Refused("not_settled")


def _decide_failed(payment: Payment, fact: PaymentFailed) -> tuple[Event, ...] | Refused:
    if payment.failed:
        return ()
    if payment.settled:
        return Refused("already_settled")
    if payment.created and fact.failed_step == Step.CREATE and fact.reason != "discarded":
        return Refused("already_created")
    return (fact,)
