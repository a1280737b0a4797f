"""The read model: one row per payment, as small as the sweep and a list need. Derived, never the truth.

It can be thrown away and rebuilt from the change feed: docs/operations.md says how.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from shared.domain.dispute import withdrawn_minor
from shared.domain.ledger import ledger_of
from shared.domain.payment import Step
from shared.domain.stream import StoredEvent

type Waits = Literal["no", "resumed", "parked"]
"""Whether it cannot go on by itself: a step was started again and is not done, or waits for a person."""

UNKNOWN = "unknown"
"""Status of a payment, and what it owes, when this release could read none of its events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A payment at a glance. owes: the first step that has to move; None at rest.

    merchant_id: None as long as no event of the payment could be read. broken: steps that broke and are not finished,
    whose letters have to be kept up to date. charged_twice, captured_late: whether the stream says so, whoever has seen
    to it. swept_at: when the sweep last looked. disputed_minor: what banks have, of a charge that was made twice too.
    """

    payment_id: str
    merchant_id: str | None
    version: int
    status: str
    owes: str | None
    amount_minor: int
    currency: str
    reference: str
    settled: bool
    initiated_at: datetime
    moved_at: datetime
    refunded_minor: int = 0
    disputed_minor: int = 0
    broken: tuple[str, ...] = ()
    charged_twice: bool = False
    captured_late: bool = False
    waits: Waits = "no"
    swept_at: datetime | None = None
    etag: str | None = None

    @property
    def month(self) -> str:
        """When the payment was initiated, as `2026-01` in UTC. It never changes."""
        return month_of(self.initiated_at)


def month_of(moment: datetime) -> str:
    """Such as `2026-01`, in UTC; text order is time order."""
    return moment.astimezone(UTC).date().isoformat()[:7]


def row_of(stored: StoredEvent) -> Row:
    """The row after this event."""
    payment = stored.payment
    return Row(
        payment_id=payment.payment_id,
        merchant_id=payment.merchant_id,
        version=payment.version,
        status=payment.status.value,
        owes=payment.owes.step.value if payment.owes else None,
        amount_minor=payment.amount.amount_minor,
        currency=payment.amount.currency,
        reference=payment.reference,
        settled=payment.settled is not None,
        refunded_minor=ledger_of(payment).refunded_minor,
        disputed_minor=withdrawn_minor(payment.disputes),
        initiated_at=payment.initiated_at,
        moved_at=stored.event.occurred_at,
        broken=payment.broken,
        waits="parked" if payment.parked else "resumed" if payment.waiting else "no",
        charged_twice=any(each.step != Step.VOID for each in payment.second_yeses),
        captured_late=payment.captured_late is not None,
    )


def unread_row(payment_id: str, *, version: int, moved_at: datetime) -> Row:
    """The row after an event that this release cannot read: only that the payment has moved is known."""
    return Row(
        payment_id=payment_id,
        merchant_id=None,
        version=version,
        status=UNKNOWN,
        owes=UNKNOWN,
        amount_minor=0,
        currency="",
        reference="",
        settled=False,
        initiated_at=moved_at,
        moved_at=moved_at,
    )


def newer(row: Row, standing: Row | None) -> Row | None:
    """The row to store; None when the row that is stored is as new.

    After an event that could not be read, everything but version and time stays as it was.
    """
    if standing is None:
        return row
    if standing.version >= row.version:
        return None
    if row.status == UNKNOWN:
        return replace(standing, version=row.version, moved_at=row.moved_at, owes=standing.owes or UNKNOWN)
    return replace(row, swept_at=standing.swept_at, etag=standing.etag)
