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
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentParked,
    PaymentResumed,
    PaymentSeenTo,
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


@dataclass(frozen=True, slots=True)
class Trouble:
    """A step that broke and is not finished. cause: what its newest parking or resumption names.

    is_to_end: whether it was last resumed only to be ended.
    """

    step: str
    cause: str
    is_parked: bool
    reason: str
    is_to_end: bool = False


@dataclass(frozen=True, slots=True)
class SecondYes:
    """A reference of the provider beside the one of the step's own fact. is_seen_to: nobody has to act on it."""

    step: str
    reference: str
    is_seen_to: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The facts so far, each as the event that brought it; `version` counts the events.

    `payment_method` is None once the provider has the payment: it is not needed any more. troubles, second_yeses,
    seen_to_steps, seen_to_references: what is left of what broke; all empty for a payment that went well.
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
    failure_told: PaymentFailureTold | None = None
    captured_late: PaymentCapturedLate | None = None
    troubles: tuple[Trouble, ...] = ()
    second_yeses: tuple[SecondYes, ...] = ()
    seen_to_steps: tuple[str, ...] = ()
    seen_to_references: tuple[str, ...] = ()

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
    def owed(self) -> tuple[Step, ...]:
        """The steps that have to move next; () when the payment is at rest. A step that was seen to is owed no more."""
        if self.failed:
            void = (Step.VOID,) if self.created and not self.voided and not self.money_taken else ()
            tell = (
                (Step.NOTIFY_FAILURE,) if self.failed.tells and self.notification_url and not self.failure_told else ()
            )
            steps = (*void, *tell)
        elif self.completed:
            steps = ()
        elif self.settled:
            steps = (Step.NOTIFY,)
        else:
            steps = (Step.SETTLE if self.created else Step.CREATE,)
        return tuple(step for step in steps if step not in self.seen_to_steps)

    @property
    def owes(self) -> Step | None:
        """The first of the steps that are owed; None when the payment is at rest."""
        return self.owed[0] if self.owed else None

    @property
    def money_taken(self) -> str | None:
        """The reference of the capture, wherever it is recorded."""
        if self.settled:
            return self.settled.capture_id
        return self.captured_late.capture_id if self.captured_late else None

    @property
    def facts(self) -> int:
        """How many facts the state shows, each of which one event brought."""
        shown = (self.created, self.settled, self.completed, self.failed, self.voided, self.failure_told)
        return 1 + sum(fact is not None for fact in shown)

    @property
    def broken(self) -> tuple[str, ...]:
        """The steps that broke and are not finished, or whose money a person has to give back."""
        second = {each.step for each in self.second_yeses if not each.is_seen_to}
        late = (
            {Step.SETTLE.value} if self.captured_late and not self.is_given_back(self.captured_late.capture_id) else {}
        )
        return tuple(sorted({*(trouble.step for trouble in self.troubles), *second, *late}))

    @property
    def waiting(self) -> tuple[str, ...]:
        """Where the payment cannot go on by itself. One that is completed does not wait for its merchant to be told."""
        return tuple(step for step in self.broken if not (self.completed and step == Step.NOTIFY))

    def is_to_end(self, step: str) -> bool:
        """Whether a person wants the step ended without being done."""
        return any(trouble.step == step and trouble.is_to_end for trouble in self.troubles)

    def is_given_back(self, reference: str) -> bool:
        """Whether a person has seen to money of this reference."""
        return reference in self.seen_to_references

    def knows(self, step: Step, reference: str) -> bool:
        """Whether the stream holds this yes beside the step's own fact."""
        return any((each.step, each.reference) == (step.value, reference) for each in self.second_yeses)


def evolve(payment: Payment | None, event: Event) -> Payment:
    """The payment after one more event. Raises ValueError for a stream that does not begin with PaymentInitiated."""
    if payment is None:
        return _begun(event)
    payment = replace(payment, version=payment.version + 1)
    match event:
        case PaymentInitiated():
            raise ValueError(f"payment {payment.payment_id} was initiated twice")
        case PaymentCreated():
            return replace(_untroubled(payment, Step.CREATE), created=event, payment_method=None)
        case PaymentSettled():
            return replace(_untroubled(payment, Step.SETTLE), settled=event)
        case PaymentCompleted():
            waits = event.notification == "undelivered" and _is_parked(payment, Step.NOTIFY)
            return replace(payment if waits else _untroubled(payment, Step.NOTIFY), completed=event)
        case PaymentFailed():
            return replace(_untroubled(payment, *Step), failed=event)
        case PaymentVoided():
            return replace(_untroubled(payment, Step.VOID), voided=event)
        case PaymentFailureTold():
            return replace(_untroubled(payment, Step.NOTIFY_FAILURE), failure_told=event)
        case PaymentCapturedLate():
            return replace(_untroubled(payment, Step.VOID), captured_late=event)
        case PaymentChargedTwice() | PaymentParked() | PaymentResumed() | PaymentSeenTo():
            return _broken(payment, event)
        case _:
            assert_never(event)


def _broken(payment: Payment, event: PaymentChargedTwice | PaymentParked | PaymentResumed | PaymentSeenTo) -> Payment:
    match event:
        case PaymentChargedTwice():
            second = SecondYes(event.step, event.reference, is_seen_to=event.step == Step.VOID)
            return replace(payment, second_yeses=(*payment.second_yeses, second))
        case PaymentParked():
            is_to_end = payment.is_to_end(event.step)
            parked = Trouble(event.step, event.cause, is_parked=True, reason=event.reason, is_to_end=is_to_end)
            return _troubled(payment, parked)
        case PaymentResumed():
            cause = f"{payment.payment_id}:{payment.version}"
            resumed = Trouble(event.step, cause, is_parked=False, reason=event.by, is_to_end=event.to == "end")
            return _troubled(payment, resumed)
        case PaymentSeenTo():
            return _seen_to(payment, event)


def _is_parked(payment: Payment, step: Step) -> bool:
    return any(trouble.step == step and trouble.is_parked for trouble in payment.troubles)


def _untroubled(payment: Payment, *steps: str) -> Payment:
    left = tuple(trouble for trouble in payment.troubles if trouble.step not in steps)
    return replace(payment, troubles=left) if payment.troubles else payment


def _troubled(payment: Payment, trouble: Trouble) -> Payment:
    others = _untroubled(payment, trouble.step).troubles
    return replace(payment, troubles=(*others, trouble))


def _seen_to(payment: Payment, event: PaymentSeenTo) -> Payment:
    if event.step is not None:
        payment = replace(
            _untroubled(payment, event.step), seen_to_steps=tuple(sorted({*payment.seen_to_steps, event.step}))
        )
    if event.reference is not None:
        second = tuple(
            replace(each, is_seen_to=each.is_seen_to or each.reference == event.reference)
            for each in payment.second_yeses
        )
        references = tuple(sorted({*payment.seen_to_references, event.reference}))
        payment = replace(payment, second_yeses=second, seen_to_references=references)
    return payment


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
