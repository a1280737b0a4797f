"""What the merchant of a payment is told: one notification for each event that is, and how each stands. Pure.

That a merchant was told stands in the stream, and nowhere else decides it. An Attempt only shows how a try went.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentFailed,
    PaymentFailureTold,
    PaymentMerchantTold,
    PaymentSettled,
)
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import NoticeTask, Step, Task
from shared.domain.standing import Stands, standing
from shared.domain.stream import StoredEvent


class NotificationState(StrEnum):
    """Public, and never renamed."""

    NOT_WANTED = "not_wanted"  # the payment has no notification_url
    WAITING = "waiting"  # it is tried, or tried again
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"  # given up; it may be resent
    PARKED = "parked"  # given up, and an operator has to look at it


type By = Literal["step", "resend", "operator"]
"""A step by itself; a merchant, or an operator, who wants it resent."""

RESENT_AGAIN_AFTER: Final = timedelta(seconds=10)
"""Between two resends of one notification. That is as long as a merchant's server may take to answer one."""
RESENT_AT_MOST: Final = 20
"""Resends of one notification within RESENT_WITHIN."""
RESENT_WITHIN: Final = timedelta(hours=24)
"""A server is repaired within a day, and asks for each once; more than that would have us call it for its own sake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to tell the merchant.

    attempt: its number in its series, from 1. by: what made it. status_code: the answer's; failure: why there is none.
    headers: by which the merchant knows who sent it; empty when nothing was sent. body: as it was sent, or would have
    been.
    """

    attempt_id: str
    payment_id: str
    notification_id: str
    type: str
    at: datetime
    attempt: int
    by: By
    url: str
    duration_ms: int
    status_code: int | None = None
    failure: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str

    @property
    def outcome(self) -> str:
        """In a word."""
        if self.status_code is None:
            return self.failure or "unknown"
        return "delivered" if 200 <= self.status_code < 300 else "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An event of which the merchant is told. notification_id: the same in each repeat. told_at: None before then."""

    notification_id: str
    task: Task
    event: StoredEvent
    state: NotificationState
    told_at: datetime | None


def notification_id(payment_id: str, task: Task) -> str:
    """The request id of a step, which never changes: of a notice it is the event's."""
    return task.event_id if isinstance(task, NoticeTask) else f"{payment_id}:{task.value}"


def notifications_of(stream: Sequence[StoredEvent]) -> tuple[Notification, ...]:
    """In the order of their events; of a failure that came twice, the last. () for an empty stream.

    Events of which nobody owed the merchant a word when they were written, are none.
    """
    events = {task: stored for stored in stream if (task := _task_of(stored))}
    return tuple(_notification(stream, task, stored=stored) for task, stored in events.items())


def resend_waits_s(resent: Sequence[datetime], *, now: datetime) -> float:
    """For how long a notification may not be resent; 0 when it may. resent: when its newest resends were."""
    recent = sorted(at for at in resent if now - at < RESENT_WITHIN)
    ends = [recent[-1] + RESENT_AGAIN_AFTER] if recent else []
    if len(recent) >= RESENT_AT_MOST:
        ends.append(recent[-RESENT_AT_MOST] + RESENT_WITHIN)
    return max(0.0, *((end - now).total_seconds() for end in ends)) if ends else 0.0


def _task_of(stored: StoredEvent) -> Task | None:
    event, is_wanted = stored.event, stored.payment.notification_url is not None
    match event:
        case PaymentSettled():
            return Step.NOTIFY
        case PaymentFailed():
            return Step.NOTIFY_FAILURE if event.tells or not is_wanted else None
        case _ if isinstance(event, NOTICE_EVENTS):
            return NoticeTask(stored.event_id) if event.tells or not is_wanted else None
        case _:
            return None


def _notification(stream: Sequence[StoredEvent], task: Task, *, stored: StoredEvent) -> Notification:
    told_at = next((each.event.occurred_at for each in stream if _tells_of(each.event, task)), None)
    return Notification(
        notification_id=notification_id(stored.payment.payment_id, task),
        task=task,
        event=stored,
        state=NotificationState.DELIVERED if told_at else _state(stream, task),
        told_at=told_at,
    )


def _tells_of(event: Event, task: Task) -> bool:
    """Whether it is the fact that the merchant knows."""
    match event:
        case PaymentCompleted():
            return task is Step.NOTIFY and event.notification == "delivered"
        case PaymentFailureTold():
            return task is Step.NOTIFY_FAILURE
        case PaymentMerchantTold():
            return task == NoticeTask(event.event_id)
        case _:
            return False


def _state(stream: Sequence[StoredEvent], task: Task) -> NotificationState:
    if stream[-1].payment.notification_url is None:
        return NotificationState.NOT_WANTED
    match standing(stream, task).stands:
        case Stands.RUNNING:
            return NotificationState.WAITING
        case Stands.PARKED if not _completed(stream, task):
            return NotificationState.PARKED
        case _:
            return NotificationState.UNDELIVERED


def _completed(stream: Sequence[StoredEvent], task: Task) -> bool:
    """A payment that went on without its merchant's knowing: the letter of that can wait."""
    return task is Step.NOTIFY and stream[-1].payment.completed is not None
