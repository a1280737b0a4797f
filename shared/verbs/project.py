"""project: keep one row per payment up to date with the change feed. Reading it again rebuilds all. Knows no Cosmos."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from shared import flow, signals
from shared.codec.documents import from_document
from shared.codec.stubs import moved_at, named
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.payment import Status
from shared.domain.rows import UNKNOWN, Row, newer, row_of, unread_row
from shared.errors import StoreBusy, Unreadable
from shared.ports.letter_box import letters_of
from shared.services import Services
from shared.steps.letters import shown_as

AT_ONCE = 50
"""Payments of whose letters the store is asked together."""

RACES = 5
"""How often a row that another instance was writing is read again at once."""

_FAILED = {Status.FAILED, Status.VOIDED}
"""A failure and its void may come in one batch, and then only the void is seen."""


async def project(documents: Sequence[Mapping[str, Any]], *, services: Services) -> None:
    """Write each payment's row as of its last event in the batch. An older event does not change the row.

    Of an event that cannot be read the row keeps version and time, so that the sweep sees the payment while a release
    that reads it is rolled out. A document that names no payment is left out: the publisher parks it, and one letter is
    enough. Raises StoreBusy: then the batch comes again.
    """
    latest: dict[tuple[str, bool], Row] = {}
    broken: set[str] = set()
    begun: set[str] = set()
    for document in documents:
        row, is_broken = _row_of(document, services)
        if row is None:
            continue
        if is_broken:
            broken.add(row.payment_id)
        if row.version == 1:
            begun.add(row.payment_id)
        seen = latest.get((row.payment_id, row.status == UNKNOWN))
        if seen is None or seen.version < row.version:
            latest[row.payment_id, row.status == UNKNOWN] = row
    batch = _Batch(begun, broken, _Letters(latest.values(), services), services)
    for row in sorted(latest.values(), key=lambda row: row.version):
        if not await _guessed(row, batch):
            await _project(row, batch)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Payments that begin in it, and those in which something is, or was, broken; and the letters of all of them."""

    begun: Set[str]
    broken: Set[str]
    letters: "_Letters"
    services: Services


def _row_of(document: Mapping[str, Any], services: Services) -> tuple[Row | None, bool]:
    """The row, and whether something in the payment is, or was, broken."""
    try:
        stored = from_document(document)
    except Unreadable:
        name = named(document)
        if name is None:
            return None, False
        when = moved_at(document, or_else=services.clock.now())
        return unread_row(name.payment_id, version=name.version, moved_at=when), False
    return row_of(stored), bool(stored.payment.broken) or flow.SENT[type(stored.event)] is not flow.Sent.TO_ALL


async def _guessed(row: Row, batch: _Batch) -> bool:
    """Whether the row is there now, written over the one that must be there, without reading it first: this process put
    it, or the payment has just begun. Where that is wrong the store refuses, and nothing has happened.
    """
    if row.status == UNKNOWN:
        return False
    standing = batch.services.overview.remembered(row)
    if standing is None and row.payment_id not in batch.begun:
        return False
    changed = newer(row, standing)
    return changed is not None and await _stored(changed, over=standing, batch=batch)


async def _project(row: Row, batch: _Batch) -> None:
    for _ in range(RACES):
        standing = await _standing(row, batch.services)
        changed = newer(row, standing)
        if changed is None:
            await _project_letters(row, standing=standing, batch=batch)
            return
        if await _stored(changed, over=standing, batch=batch):
            return
    raise StoreBusy(f"the row of payment {row.payment_id} is written to by others all the time")


async def _stored(changed: Row, *, over: Row | None, batch: _Batch) -> bool:
    """The letters before the row, which tells whether there are any: after a crash in between both are done again."""
    await _project_letters(changed, standing=over, batch=batch)
    if over is None:
        await batch.services.overview.note_month(changed)
    if not await batch.services.overview.put(changed):
        return False
    _tell(changed, standing=over, services=batch.services)
    return True


async def _standing(row: Row, services: Services) -> Row | None:
    """What cannot be read does not say whose it is, so its row may be anywhere."""
    if row.merchant_id is None:
        return await services.overview.find(row.payment_id)
    return await services.overview.stored(row)


async def _project_letters(row: Row, *, standing: Row | None, batch: _Batch) -> None:
    """Bring up to date how the dead letters of a payment in which something broke are shown in lists.

    The stream is read after them. A letter that comes meanwhile is shown by whoever keeps it, who reads the stream
    after storing it.
    """
    if row.payment_id not in batch.broken and (standing is None or not standing.broken):
        return
    own = [letter for letter in await batch.letters.of(row.payment_id) if letter.status is not LetterStatus.CLOSED]
    if not own:
        return
    try:
        stream = await batch.services.store.load(row.payment_id)
    except Unreadable:
        return
    for letter in own:
        await shown_as(letter, stream, services=batch.services)


class _Letters:
    """The dead letters of a batch's payments: asked for when one of them needs its own, and then for many together.

    After a replay of many, the next batches are about many such payments. The more events one has, the likelier it is
    among them.
    """

    def __init__(self, rows: Iterable[Row], services: Services) -> None:
        later_first = sorted(rows, key=lambda row: -row.version)
        self._left = list(dict.fromkeys(row.payment_id for row in later_first))
        self._found: dict[str, list[LetterRecord]] = {}
        self._services = services

    async def of(self, payment_id: str) -> list[LetterRecord]:
        """As they were when the store was asked. Raises StoreBusy."""
        if payment_id not in self._found:
            others = [each for each in self._left if each != payment_id]
            together, self._left = (payment_id, *others[: AT_ONCE - 1]), others[AT_ONCE - 1 :]
            found = await letters_of(*together, box=self._services.letters)
            self._found |= {each: [letter for letter in found if letter.payment_id == each] for each in together}
        return self._found[payment_id]


def _tell(row: Row, *, standing: Row | None, services: Services) -> None:
    """Each once per payment: its row moves to an end, and to another step that it waits for, only once."""
    before = standing.status if standing else None
    seconds = (row.moved_at - row.initiated_at).total_seconds()
    if row.status == Status.COMPLETED and before != row.status:
        services.telemetry.count(signals.PAYMENTS_COMPLETED)
        services.telemetry.observe(signals.TIME_TO_COMPLETED_S, seconds)
        services.telemetry.log(signals.LOG_COMPLETED, {"payment_id": row.payment_id, "seconds": seconds})
    if row.status in _FAILED and before not in _FAILED:
        services.telemetry.count(signals.PAYMENTS_FAILED)
    if row.owes not in (None, UNKNOWN, standing.owes if standing else None):
        services.telemetry.count(signals.STEPS_OWED, step=row.owes)
