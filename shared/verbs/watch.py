"""watch: what moves now, where it waits and what is parked, for whoever looks on. Changes nothing. Knows no HTTP.

Each process watches for itself, and only while it is asked: it reads what was stored since its last look, and counts
again what waits when something has moved. So an idle look is one request for each part of the feed and one for the
leases of its readers.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from shared import flow
from shared.codec.deliveries import attempt_in, named_in
from shared.codec.documents import from_document
from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentResumed,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.letters import LetterStatus
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import RefundTask, Step, Task, task_named
from shared.domain.rates import WINDOW, Durations, Rate
from shared.domain.standing import began_at
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError, StoreBusy, StoreRefuses, Unreadable
from shared.ports.letter_box import Glance, LetterFilter
from shared.ports.outbox import PROJECTED, PUBLISHED, Lag, Look, lag_of
from shared.ports.overview import Owed
from shared.services import Services

KEPT: Final = timedelta(seconds=2)
"""How long a process shows what it has seen, however many ask."""

COUNTED_AT_LEAST_EVERY: Final = timedelta(seconds=10)
"""What waits is counted anew although nothing has moved: letters are closed, and time makes late."""

COUNTED_FOR_AT_MOST: Final = 10
"""Counting may take a tenth of the time. In a large backlog it is done less often."""

LATE: Final = timedelta(seconds=10)
"""A step that goes well takes a second or two, with a provider that takes one."""

MOST_EVENTS: Final = 2000
"""Of one look and one part of the feed. About 500 RU, so that nobody who pays is held up by who looks on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waited when it was counted. owed: by step. letters: those that are open."""

    counted_at: datetime
    owed: Mapping[str, Owed]
    letters: Sequence[Glance]


@dataclass(slots=True)
class Tally:
    """What was stored in the last ten minutes. events: how often each, by type. notices: of which a merchant is told by
    itself. completed: how long payments took until nothing was left to do. certain: how long a step took, from when it
    began to what is recorded, where the first attempt did not bring it. resumed: steps that were started again, and
    when: what such a one brings was not brought by the first attempt.
    """

    events: dict[type[Event], Rate] = field(default_factory=lambda: {event: Rate() for event in flow.SENT})
    notices: Rate = field(default_factory=Rate)
    completed: Durations = field(default_factory=Durations)
    certain: Durations = field(default_factory=Durations)
    resumed: dict[str, datetime] = field(default_factory=dict)

    def note(self, stored: StoredEvent) -> None:
        event, at = stored.event, stored.event.occurred_at
        self.events[type(event)].add(at)
        if isinstance(event, NOTICE_EVENTS) and event.tells:
            self.notices.add(at)
        if isinstance(event, PaymentCompleted):
            self.completed.add(at, seconds=(at - stored.payment.initiated_at).total_seconds())
        if isinstance(event, PaymentResumed):
            self._forget_resumed(before=at - WINDOW)
            self.resumed[stored.event_id] = at
        if self._is_repeated(stored) and (task := _task_of(stored)) and (began := began_at(stored.payment, task)):
            self.certain.add(at, seconds=(at - began).total_seconds())

    def _forget_resumed(self, *, before: datetime) -> None:
        while (oldest := next(iter(self.resumed), None)) and self.resumed[oldest] < before:
            del self.resumed[oldest]

    def _is_repeated(self, stored: StoredEvent) -> bool:
        """Whether more than one attempt was needed."""
        if stored.caused_by is None:
            return False
        named = named_in(stored.caused_by)
        return (attempt_in(stored.caused_by) or 0) > 1 or (named is not None and named[1] in self.resumed)


def _task_of(stored: StoredEvent) -> Task | None:
    """The task whose outcome this is; None for what is no outcome of one."""
    match stored.event:
        case PaymentCreated():
            return Step.CREATE
        case PaymentSettled():
            return Step.SETTLE
        case PaymentFailed(failed_step=name):
            return task_named(name)
        case PaymentVoided():
            return Step.VOID if stored.payment.failed else Step.CANCEL
        case PaymentRefunded(refund_id=refund_id) | PaymentRefundFailed(refund_id=refund_id):
            return RefundTask(refund_id)
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a look has seen. since: from when on nothing that was stored is missing in the tally."""

    as_of: datetime
    since: datetime
    published: Lag
    projected: Lag
    tally: Tally
    waiting: Waiting


class Watch:
    """What a process has seen so far; one per process and function."""

    def __init__(self) -> None:
        self._looking = asyncio.Lock()
        self._looked_at: datetime | None = None
        self._seen: Flow | PaymentsError | None = None
        self._position: Mapping[str, str] | None = None
        self._since: datetime | None = None
        self._tally = Tally()
        self._lags: Mapping[str, Lag] = {}
        self._waiting: Waiting | None = None
        self._has_moved = True
        self._count_not_before: datetime | None = None

    async def look(self, *, services: Services) -> Flow:
        """Raises StoreBusy, StoreRefuses."""
        async with self._looking:  # many who ask at once make one look
            now = services.clock.now()
            if self._looked_at is None or not timedelta(0) <= now - self._looked_at < KEPT:
                try:
                    self._seen = await self._look(now, services=services)
                except PaymentsError as fault:  # for all who wait: each look of their own would wait as long
                    self._seen = fault
                    self._position = None if isinstance(fault, StoreRefuses) else self._position
                self._looked_at = services.clock.now()
        if not isinstance(self._seen, Flow):
            raise self._seen or StoreBusy("nobody has looked yet")
        return self._seen

    async def _look(self, now: datetime, *, services: Services) -> Flow:
        look = await self._read(now, services=services)
        await self._measure(look, now=now, services=services)
        return Flow(
            as_of=now,
            since=self._since or now,
            published=self._lags[PUBLISHED],
            projected=self._lags[PROJECTED],
            tally=self._tally,
            waiting=await self._counted(services=services),
        )

    async def _read(self, now: datetime, *, services: Services) -> Look:
        """Begins anew where there was more than one look may read: what is not known is not shown as nothing."""
        if self._looked_at is None or now - self._looked_at > WINDOW:
            self._position = None
        is_first = self._position is None
        look = await services.outbox.look(self._position, since=now - WINDOW, limit=MOST_EVENTS)
        if is_first:
            self._tally, self._since = Tally(), now - WINDOW
        self._since = self._since if look.is_whole else now
        if look.is_whole or not is_first:
            for stored in _readable(look.documents, with_erased=is_first):
                self._tally.note(stored)
        self._position = look.position if look.is_whole or is_first else None
        return look

    async def _measure(self, look: Look, *, now: datetime, services: Services) -> None:
        """Since when a reader stands still is known from the timer that measures, when nobody has looked before."""
        before = {name: lag.remembered() for name, lag in self._lags.items()} or await services.outbox.remembered()
        readers = {PUBLISHED: flow.PUBLISH_LEASE_PREFIX, PROJECTED: flow.PROJECT_LEASE_PREFIX}
        lags = {
            name: lag_of(look.unread[prefix], before=before.get(name, {}), now=now) for name, prefix in readers.items()
        }
        self._has_moved |= bool(look.documents) or _positions(lags) != _positions(self._lags)
        self._lags = lags

    async def _counted(self, *, services: Services) -> Waiting:
        """A projector that is still to read what has moved will move itself, and then it is counted again."""
        began = services.clock.now()
        if self._waiting is not None:
            is_due = self._has_moved or began - self._waiting.counted_at >= COUNTED_AT_LEAST_EVERY
            if not is_due or (self._count_not_before and began < self._count_not_before):
                return self._waiting
        owed, letters = await asyncio.gather(
            services.overview.owed(moved_before=began - LATE),
            services.letters.glances(LetterFilter(status=LetterStatus.OPEN)),
        )
        self._waiting = Waiting(counted_at=began, owed=owed, letters=letters)
        self._has_moved = False
        ended = services.clock.now()
        self._count_not_before = ended + COUNTED_FOR_AT_MOST * (ended - began)
        return self._waiting


def _readable(documents: Sequence[Mapping[str, Any]], *, with_erased: bool) -> Iterator[StoredEvent]:
    """An event that was erased comes once more: it counts only where the first time cannot have been seen. Of what
    cannot be read publish leaves a letter.
    """
    for document in documents:
        try:
            stored = from_document(document)
        except Unreadable:
            continue
        if with_erased or "erasedAt" not in document.get("metadata", {}):
            yield stored


def _positions(lags: Mapping[str, Lag]) -> dict[tuple[str, str], str]:
    return {(name, each.part): each.position for name, lag in lags.items() for each in lag.parts}
