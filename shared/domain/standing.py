"""How a step of a payment stands: not started, running, parked or done, and by which message. Pure.

What happened after something broke stands in the stream, and this is its only reader. The cause is what matters: the
newest event that starts the step. Whoever acts for an older cause is too late.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.domain.decisions import Refused
from shared.domain.events import (
    Event,
    PaymentCancelRequested,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentParked,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSettled,
)
from shared.domain.evolution import evolve
from shared.domain.intentions import Intention, intend
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task
from shared.domain.stream import StoredEvent

STARTERS_OF: dict[Step, tuple[type[Event], ...]] = {
    Step.CREATE: (PaymentInitiated,),
    Step.SETTLE: (PaymentCreated,),
    Step.NOTIFY: (PaymentSettled,),
    Step.CANCEL: (PaymentCancelRequested,),
    Step.VOID: (PaymentFailed,),
    Step.NOTIFY_FAILURE: (PaymentFailed,),
    Step.REFUND: (PaymentRefundRequested,),
    Step.NOTICE: NOTICE_EVENTS,
}
"""The business events that may start a step, as the map in shared/flow.py says too."""


def is_starter(stored: StoredEvent, task: Task) -> bool:
    """Whether it is the business event that the task begins with."""
    event = stored.event
    if isinstance(task, RefundTask):
        return isinstance(event, PaymentRefundRequested) and event.refund_id == task.refund_id
    if isinstance(task, NoticeTask):
        return isinstance(event, NOTICE_EVENTS) and event.tells and stored.event_id == task.event_id
    return isinstance(event, STARTERS_OF[task])


def began_at(payment: Payment, task: Task) -> datetime | None:
    """When the business event was that the task begins with, the newest if there are two; None before it."""
    if isinstance(task, RefundTask):
        refund = payment.refund(task.refund_id)
        return refund.requested_at if refund else None
    if isinstance(task, NoticeTask):
        untold = payment.untold_of(task)
        return untold.occurred_at if untold else None
    match task:
        case Step.CREATE:
            return payment.initiated_at
        case Step.SETTLE:
            return payment.created.occurred_at if payment.created else None
        case Step.NOTIFY:
            return payment.settled.occurred_at if payment.settled else None
        case Step.CANCEL:
            return payment.cancel_requested.occurred_at if payment.cancel_requested else None
        case Step.VOID | Step.NOTIFY_FAILURE:
            return payment.failed.occurred_at if payment.failed else None
        case Step.REFUND | Step.NOTICE:
            return None
        case _:
            assert_never(task)


class Stands(StrEnum):
    """Where a step is."""

    NONE = "none"  # not started, or refused by the rules
    RUNNING = "running"  # something is left to do, and nobody has given up
    PARKED = "parked"  # a person must look at it
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a step stands.

    refused: why it is NONE. cause: the id of the newest event that starts it. causes: all of them, oldest first.
    starter: the newest business event among them. started_at: when the step first began, since: when its cause did.
    resumed: the cause, when it is a resumption. sweeps: the newest causes in a row that are the sweep's. rests: DONE
    for the payment, yet a person may still have it done: the merchant could not be told. looked_at: why a person was
    called, of the cause that the resumption takes over from.
    """

    stands: Stands
    payment: Payment
    refused: str = ""
    causes: tuple[str, ...] = ()
    starter: str = ""
    started_at: datetime
    since: datetime
    resumed: PaymentResumed | None = None
    parked: PaymentParked | None = None
    sweeps: int = 0
    rests: bool = False
    looked_at: PaymentParked | None = None

    @property
    def cause(self) -> str:
        """Empty for a step that nothing has started."""
        return self.causes[-1] if self.causes else ""

    @property
    def may_be_parked(self) -> bool:
        return self.stands is Stands.RUNNING or self.rests

    @property
    def was_heard(self) -> bool:
        """Whether a yes is known whose reference is not, so that nothing may be sent."""
        return self.resumed is not None and self.resumed.heard

    @property
    def is_to_end(self) -> bool:
        """Whether the step is to be ended without being done."""
        return _is_end(self.resumed)


def standing(stream: Sequence[StoredEvent], task: Task) -> Standing:
    """How the task stands after these events. Raises ValueError for a stream without PaymentInitiated."""
    history: _History | None = None
    for history in _histories(stream, task):  # noqa: B007 - the last one
        pass
    if history is None:
        raise ValueError("a payment without events")
    return _standing(history, task)


def standings(stream: Sequence[StoredEvent], task: Task) -> Iterator[Standing]:
    """How the task stood after each of these events. Raises ValueError as `standing` does."""
    for history in _histories(stream, task):
        yield _standing(history, task)


@dataclass(slots=True)
class _History:
    """What a stream has told of a task so far: its starts, and for which cause it was parked. It goes on.

    is_over: the payment was completed since the newest start, so that nothing waits for its notification.
    """

    payment: Payment
    starts: list[StoredEvent] = field(default_factory=list)
    parked: dict[str, PaymentParked] = field(default_factory=dict)
    is_over: bool = False


def _histories(stream: Sequence[StoredEvent], task: Task) -> Iterator[_History]:
    """After each event the same one."""
    history: _History | None = None
    for stored in stream:
        event = stored.event
        if history is None:
            history = _History(evolve(None, event))
        else:
            history.payment = evolve(history.payment, event)
        if is_starter(stored, task) or (isinstance(event, PaymentResumed) and event.step == task.value):
            history.starts.append(stored)
            history.is_over = False
        if isinstance(event, PaymentParked) and event.step == task.value:
            history.parked[event.cause] = event
        if isinstance(event, PaymentCompleted):
            history.is_over = task is Step.NOTIFY and bool(history.starts)
        yield history


def _standing(history: _History, task: Task) -> Standing:
    payment, starts, parked = history.payment, history.starts, history.parked
    intention = intend(payment, task, now=payment.initiated_at)
    if isinstance(intention, Refused) or not starts:
        refused = intention.reason if isinstance(intention, Refused) else "not_started"
        at = payment.initiated_at
        return Standing(stands=Stands.NONE, payment=payment, refused=refused, started_at=at, since=at)
    cause = starts[-1].event
    resumed = cause if isinstance(cause, PaymentResumed) else None
    given_up = parked.get(starts[-1].event_id)
    is_over = history.is_over
    return Standing(
        stands=_stands(intention, is_parked=given_up is not None, is_over=is_over),
        payment=payment,
        causes=tuple(stored.event_id for stored in starts),
        starter=[stored for stored in starts if not isinstance(stored.event, PaymentResumed)][-1].event_id,
        started_at=_first_sent_after(payment, task, began=starts[0].event.occurred_at),
        since=cause.occurred_at,
        resumed=resumed,
        parked=given_up,
        sweeps=_sweeps(starts),
        looked_at=parked.get(resumed.replaces) if resumed else None,
        rests=is_over and given_up is None and intention is not Intention.NOTHING and not _is_end(resumed),
    )


def _first_sent_after(payment: Payment, task: Task, *, began: datetime) -> datetime:
    """Before that nothing can have been sent for it: to release money, it must have been reserved."""
    if task in (Step.CANCEL, Step.VOID) and payment.created:
        return max(began, payment.created.occurred_at)
    return began


def _is_end(resumed: PaymentResumed | None) -> bool:
    return resumed is not None and resumed.to == "end"


def _stands(intention: Intention, *, is_parked: bool, is_over: bool) -> Stands:
    if intention is Intention.NOTHING:
        return Stands.DONE
    if is_parked:
        return Stands.PARKED
    return Stands.DONE if is_over else Stands.RUNNING


def _sweeps(starts: Sequence[StoredEvent]) -> int:
    number = 0
    for stored in reversed(starts):
        if not (isinstance(stored.event, PaymentResumed) and stored.event.by == "sweep"):
            break
        number += 1
    return number
