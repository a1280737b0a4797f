"""What else the product keeps, in memory: dead letters, the read model, the publisher's progress; and no telemetry."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

from shared.codec.letters import letter_from_json, letter_to_json
from shared.codec.rows import row_from_json, row_to_json
from shared.codec.values import time_to_json
from shared.domain.letters import LetterRecord
from shared.domain.notifications import Attempt
from shared.domain.rows import Row
from shared.errors import AppendUnknown, LetterMoved, StoreBusy
from shared.ports.letter_box import Glance, LetterFilter, LetterKind, LetterPage
from shared.ports.outbox import Look, Unread
from shared.ports.overview import Owed, RowFilter
from shared.ports.telemetry import Level, Span
from tests.invariants.luck import Luck
from tests.invariants.stage import Stage
from tests.invariants.store import LIMIT_S, Store, parsed


class Tries:
    """Attempts. Nobody reads them here: what counts is that one that is lost, or late, changes nothing."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self._store, self._stage = store, stage

    async def add(self, attempt: Attempt) -> None:
        def effect(luck: Luck) -> None:
            if self._store.is_down or luck.silent or luck.meets(luck.rates.store):
                raise AppendUnknown(f"nobody knows of {attempt.attempt_id}")

        await self._stage.call("keep an attempt", effect, limit_s=LIMIT_S)

    async def of(self, payment_id: str, notification_ids: Sequence[str]) -> Mapping[str, tuple[Attempt, ...]]:
        raise NotImplementedError(payment_id)

    async def resent(
        self, payment_id: str, notification_id: str, *, since: datetime, limit: int
    ) -> tuple[datetime, ...]:
        raise NotImplementedError(payment_id)


class Shelf:
    """Documents by id, each with the etag of its last change. It fails when the store does."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self.texts: dict[str, tuple[str, str]] = {}
        self._store, self._stage = store, stage
        self._etags = count(1)

    def all(self) -> list[dict[str, Any]]:
        return [{**parsed(text), "_etag": etag} for text, etag in self.texts.values()]

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.texts.get(key)
        return None if found is None else {**parsed(found[0]), "_etag": found[1]}

    def write(self, key: str, fields: Mapping[str, Any], *, etag: str | None) -> bool:
        """As a new one, or over the one with this etag; False when another was first."""
        standing = self.texts.get(key)
        if (standing[1] if standing else None) != etag:
            return False
        self.texts[key] = (json.dumps(dict(fields)), f"e{next(self._etags)}")
        return True

    async def read[T](self, name: str, look: Callable[[], T]) -> T:
        def effect(luck: Luck) -> T:
            if self._store.is_down or luck.silent or luck.meets(luck.rates.store):
                raise StoreBusy("the store does not answer")
            return look()

        return await self._stage.call(name, effect, limit_s=LIMIT_S)

    async def change[T](self, name: str, do: Callable[[], T]) -> T:
        def effect(luck: Luck) -> T:
            if self._store.is_down and not luck.silent:
                raise StoreBusy("the store is down")
            if luck.silent or luck.meets(luck.rates.store):
                if luck.happens(0.5):
                    do()
                    raise AppendUnknown("no answer")
                raise AppendUnknown("no answer") if luck.happens(0.5) else StoreBusy("nothing was written")
            return do()

        return await self._stage.call(name, effect, limit_s=LIMIT_S)


class Letters:
    """LetterBox."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def add(self, record: LetterRecord) -> bool:
        fields = letter_to_json(record)
        return await self._shelf.change(
            f"letters.add {record.reason}", lambda: self._shelf.write(record.letter_id, fields, etag=None)
        )

    async def get(self, letter_id: str) -> LetterRecord | None:
        def look() -> LetterRecord | None:
            found = self._shelf.get(letter_id)
            return letter_from_json(found) if found else None

        return await self._shelf.read("letters.get", look)

    async def save(self, record: LetterRecord) -> LetterRecord:
        def do() -> LetterRecord:
            if not self._shelf.write(record.letter_id, letter_to_json(record), etag=record.etag):
                raise LetterMoved(f"{record.letter_id} was changed by another action")
            return letter_from_json(self._shelf.get(record.letter_id) or {})

        return await self._shelf.change(f"letters.save {record.status.value}", do)

    async def find(self, wanted: LetterFilter, *, limit: int, page: str | None = None) -> LetterPage:
        def look() -> LetterPage:
            fitting = [fields for fields in self._shelf.all() if _fits(fields, wanted)]
            first = int(page or 0)
            following = str(first + limit) if len(fitting) > first + limit else None
            return LetterPage(tuple(map(letter_from_json, fitting[first : first + limit])), following)

        return await self._shelf.read("letters.find", look)

    async def open_by_kind(self) -> Counter[LetterKind]:
        letters = [each for each in self._shelf.all() if each["status"] == "open"]
        return Counter(LetterKind(each["step"], each["reason"], each["severity"]) for each in letters)

    async def glances(self, wanted: LetterFilter) -> Sequence[Glance]:
        raise NotImplementedError(wanted)


def _fits(fields: Mapping[str, Any], wanted: LetterFilter) -> bool:
    names = ("status", "step", "reason", "payment_id")
    asked = {name: getattr(wanted, name) for name in names if getattr(wanted, name) is not None}
    before = time_to_json(wanted.recorded_before) if wanted.recorded_before else None
    if wanted.payments and fields["payment_id"] not in wanted.payments:
        return False
    return all(fields[name] == value for name, value in asked.items()) and (
        before is None or str(fields["recorded_at"]) < before
    )


class Rows:
    """Overview, of which nobody asks for a list here. One row for each payment, wherever it would stand."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._put: dict[str, Row] = {}

    async def stored(self, row: Row) -> Row | None:
        return await self.find(row.payment_id)

    def remembered(self, row: Row) -> Row | None:
        return self._put.get(row.payment_id)

    async def find(self, payment_id: str) -> Row | None:
        def look() -> Row | None:
            found = self._shelf.get(payment_id)
            return row_from_json(found) if found else None

        return await self._shelf.read("rows.find", look)

    async def note_month(self, row: Row) -> None:
        del row
        await self._shelf.change("rows.note_month", lambda: None)

    async def put(self, row: Row) -> bool:
        def write() -> Row | None:
            is_written = self._shelf.write(row.payment_id, row_to_json(row), etag=row.etag)
            return row_from_json(self._shelf.get(row.payment_id) or {}) if is_written else None

        self._put.pop(row.payment_id, None)
        written = await self._shelf.change(f"rows.put version {row.version}", write)
        if written is not None:
            self._put[row.payment_id] = written
        return written is not None

    async def drop(self, row: Row) -> None:
        raise NotImplementedError(f"the row of {row.payment_id} says whose it is")

    async def stuck(self, owes: str, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        def look() -> list[Row]:
            before = time_to_json(moved_before)
            found = [each for each in self._shelf.all() if each["owes"] == owes and str(each["active_at"]) < before]
            return [row_from_json(each) for each in found[:limit]]

        return await self._shelf.read(f"rows.stuck {owes}", look)

    async def owed(self, *, moved_before: datetime) -> Mapping[str, Owed]:
        raise NotImplementedError(moved_before)

    async def newest(self, wanted: RowFilter, *, limit: int) -> Sequence[Row]:
        raise NotImplementedError(wanted, limit)

    async def newest_in(self, month: str, *, merchant_id: str, wanted: RowFilter, limit: int) -> Sequence[Row]:
        raise NotImplementedError(month, merchant_id, wanted, limit)

    async def months(self, merchant_id: str, *, first: str, last: str, limit: int) -> Sequence[str]:
        raise NotImplementedError(merchant_id, first, last, limit)

    async def whole_as_of(self) -> datetime | None:
        return None

    async def note_whole(self, as_of: datetime) -> None:
        del as_of


class NoOutbox:
    """Outbox. Nothing measures it here."""

    async def unread(self) -> Mapping[str, Sequence[Unread]]:
        return {}

    async def look(self, position: Mapping[str, str] | None, *, since: datetime, limit: int) -> Look:
        raise NotImplementedError(position, since, limit)

    async def remembered(self) -> dict[str, Any]:
        return {}

    async def remember(self, seen: Mapping[str, Any]) -> None:
        del seen


class _NoSpan:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def note(self, **attributes: str | int | float) -> None:
        pass


class NoTelemetry:
    """Telemetry. Log lines go into the story."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._span = _NoSpan()

    @contextmanager
    def span(
        self, name: str, *, traceparent: str | None = None, linked: bool = False, **attributes: str | int
    ) -> Iterator[Span]:
        del name, traceparent, linked, attributes
        yield self._span

    def log(self, name: str, fields: Mapping[str, str | int | float], *, level: Level = Level.INFO) -> None:
        del level
        if self._stage.lines is not None:
            shown = {key: value for key, value in fields.items() if key not in ("payment_id", "letter_id")}
            self._stage.tell(f"    {name} {shown}")

    def count(self, name: str, value: int = 1, **attributes: str | int) -> None:
        pass

    def gauge(self, name: str, value: float, **attributes: str | int) -> None:
        pass

    def observe(self, name: str, value: float, **attributes: str | int) -> None:
        pass

    def flush(self) -> None:
        pass
