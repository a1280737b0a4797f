"""A payment: its state, and what can be said of it. Knows no provider and no HTTP.

How events change it stands in evolution.py, and what may be done with it in decisions.py.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.domain.dispute import Dispute, withdrawn_minor
from shared.domain.events import (
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentFailureTold,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.money import Money
from shared.domain.notice import Untold
from shared.domain.refund import Refund, held_minor
from shared.domain.trouble import SecondYes, Trouble


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
    CANCEL = "cancel"
    VOID = "void"
    NOTIFY_FAILURE = "notify_failure"
    REFUND = "refund"
    NOTICE = "notice"

    @property
    def step(self) -> "Step":
        """What kind of task it is: a payment owes each of these once, but for refund and notice."""
        return self

    @property
    def asked_as(self) -> "Step":
        """The step as the provider knows it: a void is a void, and one request, whichever step has it made."""
        return Step.VOID if self is Step.CANCEL else self

    @property
    def moves_money(self) -> bool:
        """Whether it asks the provider for something, whose yes must never be forgotten."""
        match self:
            case Step.CREATE | Step.SETTLE | Step.CANCEL | Step.VOID | Step.REFUND:
                return True
            case Step.NOTIFY | Step.NOTIFY_FAILURE | Step.NOTICE:
                return False
            case _:
                assert_never(self)

    @property
    def tells_the_merchant(self) -> bool:
        """Whether the payment goes on without it after the last attempt, with a letter that can wait."""
        match self:
            case Step.NOTIFY | Step.NOTIFY_FAILURE | Step.NOTICE:
                return True
            case Step.CREATE | Step.SETTLE | Step.CANCEL | Step.VOID | Step.REFUND:
                return False
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class RefundTask:
    """The step refund, for one refund of a payment. Several run side by side, each with its own cause and letter."""

    refund_id: str

    @property
    def step(self) -> Step:
        return Step.REFUND

    @property
    def value(self) -> str:
        """Its name, in events and in request ids."""
        return f"{Step.REFUND}:{self.refund_id}"

    @property
    def asked_as(self) -> "RefundTask":
        return self


@dataclass(frozen=True, slots=True)
class NoticeTask:
    """The step notice, for one event of which the merchant is to be told by itself."""

    event_id: str

    @property
    def step(self) -> Step:
        return Step.NOTICE

    @property
    def value(self) -> str:
        """Its name in events. It begins with `notify`, for that is what is done."""
        return f"{Step.NOTIFY}:{self.event_id}"

    @property
    def asked_as(self) -> "NoticeTask":
        return self


type Task = Step | RefundTask | NoticeTask
"""One piece of work that a payment may owe. The steps REFUND and NOTICE, without what they are about, are none."""


def task_named(name: str) -> Task | None:
    """The task of that name; None for what is none."""
    kind, _, about = name.partition(":")
    if kind == Step.REFUND:
        return RefundTask(about) if about else None
    if kind == Step.NOTIFY and about:
        return NoticeTask(about)
    return Step(name) if name in set(Step) - {Step.NOTICE} else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The facts so far, each as the event that brought it; `version` counts the events.

    `payment_method` is None once the provider has the payment: it is not needed any more. untold: what the merchant is
    still to be told by itself, oldest first. troubles, second_yeses, seen_to_steps, seen_to_references: what is left of
    what broke; all empty for a payment that went well.
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
    cancel_requested: PaymentCancelRequested | None = None
    failed: PaymentFailed | None = None
    voided: PaymentVoided | None = None
    failure_told: PaymentFailureTold | None = None
    captured_late: PaymentCapturedLate | None = None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    untold: tuple[Untold, ...] = ()
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
    def owed(self) -> tuple[Task, ...]:
        """The tasks that have to move next; () when the payment is at rest. What was seen to is owed no more.

        Refunds come first: they are waited for less long than a merchant who has to be told. Notices come last.
        """
        refunds = tuple(RefundTask(refund.refund_id) for refund in self.refunds if refund.is_pending)
        notices = tuple(NoticeTask(each.event_id) for each in self.untold)
        owed: tuple[Task, ...] = (*refunds, *self._steps_owed, *notices)
        return tuple(task for task in owed if task.value not in self.seen_to_steps)

    @property
    def _steps_owed(self) -> tuple[Step, ...]:
        if self.failed:
            void = (Step.VOID,) if self.created and not self.voided and not self.money_taken else ()
            tell = (
                (Step.NOTIFY_FAILURE,) if self.failed.tells and self.notification_url and not self.failure_told else ()
            )
            return (*void, *tell)
        if self.completed:
            return ()
        if self.settled:
            return (Step.NOTIFY,)
        if self.created:
            return (Step.CANCEL if self.cancel_requested else Step.SETTLE,)
        return (Step.CREATE,)

    @property
    def owes(self) -> Task | None:
        """The first of the tasks that are owed; None when the payment is at rest."""
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
        shown = (
            self.created,
            self.settled,
            self.completed,
            self.cancel_requested,
            self.failed,
            self.voided,
            self.failure_told,
        )
        of_refunds = sum(refund.facts for refund in self.refunds)
        of_disputes = sum(dispute.facts for dispute in self.disputes)
        return 1 + sum(fact is not None for fact in shown) + of_refunds + of_disputes

    @property
    def refundable_minor(self) -> int:
        """What may still be given back: of what was taken, what no refund holds and no bank has taken back."""
        if not self.settled:
            return 0
        return max(0, self.amount.amount_minor - held_minor(self.refunds) - withdrawn_minor(self.own_disputes))

    def refund(self, refund_id: str) -> Refund | None:
        return next((refund for refund in self.refunds if refund.refund_id == refund_id), None)

    @property
    def own_disputes(self) -> tuple[Dispute, ...]:
        """Those about the money that was taken, and not about that of a charge that was made twice."""
        return tuple(dispute for dispute in self.disputes if dispute.is_about(self.money_taken))

    def untold_of(self, task: NoticeTask) -> Untold | None:
        """What it tells the merchant; None when there is nothing (any more)."""
        return next((each for each in self.untold if each.event_id == task.event_id), None)

    def dispute(self, dispute_id: str) -> Dispute | None:
        return next((dispute for dispute in self.disputes if dispute.dispute_id == dispute_id), None)

    @property
    def broken(self) -> tuple[str, ...]:
        """The steps that broke and are not finished, or whose money a person has to give back."""
        return tuple(sorted({*(trouble.step for trouble in self.troubles), *self._to_give_back}))

    @property
    def parked(self) -> tuple[str, ...]:
        """Those of `waiting` that wait for a person; the others were started again."""
        parked = {*(trouble.step for trouble in self.troubles if trouble.is_parked), *self._to_give_back}
        return tuple(step for step in self.waiting if step in parked)

    @property
    def _to_give_back(self) -> frozenset[str]:
        """The steps that have taken money which a person has to give back."""
        second = {each.step for each in self.second_yeses if not each.is_seen_to}
        is_late = self.captured_late is not None and not self.is_given_back(self.captured_late.capture_id)
        return frozenset(second | ({Step.SETTLE.value} if is_late else set()))

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

    def knows(self, step: Task, reference: str) -> bool:
        """Whether the stream holds this yes beside the step's own fact."""
        return any((each.step, each.reference) == (step.value, reference) for each in self.second_yeses)
