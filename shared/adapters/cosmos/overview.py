"""Overview on Azure Cosmos DB: one document per payment, a partition per merchant and month. Knows no rule of payments.

Beside the rows lie the months of each merchant, and up to when the rows are whole: neither has a position.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from shared.adapters.cosmos.faults import Taken, reading, writing
from shared.codec.rows import UNREAD, partition_in, partition_of, row_from_json, row_to_json
from shared.codec.values import time_from_json, time_to_json
from shared.domain.payment import Step
from shared.domain.rows import UNKNOWN, Row
from shared.errors import StoreRefuses
from shared.ports.overview import LONGEST_ID, SHORTEST_ID, Owed, RowFilter

FEW = 1000
"""Payments that owe something and are looked at one by one, which costs about as much as a page of a list."""

_PARKED = '(IS_DEFINED(c.waits) AND c.waits = "parked")'
"""A row that an earlier release wrote does not say whether it is parked."""

_SLOW = frozenset({"any", "retrying"})

REMEMBERED = 1000
"""Rows, of two kilobytes each: more payments than a process has under way."""

_WHOLE = "whole"
"""Id and partition of the document that says up to when the rows are whole."""


def _months_of(merchant_id: str) -> str:
    """A partition that no merchant's month can have: those begin with a year."""
    return f"months:{merchant_id}"


def _place(row: Row) -> tuple[str, str]:
    return partition_of(row), row.payment_id


class CosmosOverview:
    """The container whose partition key is `merchant_month`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._put: OrderedDict[tuple[str, str], Row] = OrderedDict()
        """The newest rows that were put from here, by partition and id, the one that was put last at the end."""

    async def stored(self, row: Row) -> Row | None:
        async with reading(f"read the row of {row.payment_id}"):
            try:
                found = await self._container.read_item(row.payment_id, partition_key=partition_of(row))
                return row_from_json(found)
            except CosmosResourceNotFoundError:
                return None

    def remembered(self, row: Row) -> Row | None:
        return self._put.get(_place(row))

    async def find(self, payment_id: str) -> Row | None:
        query = "SELECT * FROM c WHERE c.id = @id AND IS_DEFINED(c.position)"
        rows = await self._rows(query, {"@id": payment_id}, what=f"find the row of {payment_id}")
        return min(rows, key=lambda row: row.merchant_id is None, default=None)

    async def note_month(self, row: Row) -> None:
        if row.merchant_id is None or partition_of(row) == UNREAD:
            return
        with suppress(Taken):
            async with writing(f"note that {row.merchant_id} has payments in {row.month}"):
                document = {"id": row.month, "merchant_month": _months_of(row.merchant_id)}
                await self._container.create_item(document, no_response=True)

    async def put(self, row: Row) -> bool:
        before = self._put.pop(_place(row), None)  # what is not certain to be there is not remembered
        try:
            async with writing(f"write the row of {row.payment_id}"):
                if row.etag is None:
                    written = await self._container.create_item(row_to_json(row), no_response=True)
                else:
                    written = await self._container.replace_item(
                        row.payment_id,
                        row_to_json(row),
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
        except Taken:
            return False
        except StoreRefuses as exc:
            if before is not None and isinstance(exc.__cause__, CosmosResourceNotFoundError):
                return False  # the rows were thrown away, so that they are filled anew
            raise
        self._put[_place(row)] = replace(row, etag=written.get_response_headers()["etag"])
        if len(self._put) > REMEMBERED:
            self._put.popitem(last=False)
        return True

    async def drop(self, row: Row) -> None:
        self._put.pop(_place(row), None)
        with suppress(Taken):
            async with writing(f"remove the row of {row.payment_id}"):
                with suppress(CosmosResourceNotFoundError):
                    await self._container.delete_item(
                        row.payment_id,
                        partition_key=partition_of(row),
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                    )

    async def stuck(self, owes: str, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        query = "SELECT TOP @limit * FROM c WHERE c.owes = @owes AND c.active_at < @before"
        values = {"@limit": limit, "@owes": owes, "@before": time_to_json(moved_before)}
        return await self._rows(query, values, what="find payments that stand still")

    async def owed(self, *, moved_before: datetime) -> Mapping[str, Owed]:
        """One by one as long as they are few: where nobody waits, that is one request."""
        query = 'SELECT TOP @limit c.owes, c.moved_at, c.waits FROM c WHERE c.owes > ""'
        async with reading("count what payments owe"):
            rows = self._container.query_items(query, parameters=_parameters({"@limit": FEW + 1}))
            found = [row async for row in rows]
            if len(found) > FEW:
                every = {owes: await self._owed_by_many(owes, moved_before) for owes in (*Step, UNKNOWN)}
                return {owes: owed for owes, owed in every.items() if owed}
        moved: dict[str, list[datetime]] = {}
        for row in found:
            if row.get("waits") != "parked":
                moved.setdefault(str(row["owes"]), []).append(time_from_json(row["moved_at"]))
        return {
            owes: Owed(payments=len(times), late=sum(each < moved_before for each in times), oldest_at=min(times))
            for owes, times in moved.items()
        }

    async def _owed_by_many(self, owes: str, moved_before: datetime) -> Owed | None:
        """Counted where they are, by the index."""
        values = {"@owes": owes, "@before": time_to_json(moved_before)}
        goes_on = f"c.owes = @owes AND NOT {_PARKED}"
        all_of_them = f"SELECT VALUE COUNT(1) FROM c WHERE {goes_on}"  # noqa: S608 - built of constants
        oldest = f"SELECT TOP 1 VALUE c.moved_at FROM c WHERE {goes_on} ORDER BY c.active_at"  # noqa: S608 - likewise
        payments = await self._only(all_of_them, values)
        late = await self._only(f"{all_of_them} AND c.active_at < @before", values)
        oldest_at = await self._only(oldest, values)
        return Owed(payments=payments, late=late, oldest_at=time_from_json(oldest_at)) if oldest_at else None

    async def _only(self, query: str, values: dict[str, Any]) -> Any:  # noqa: ANN401 - what the query selects
        """The one value that the query selects; None where it selects none."""
        found = [each async for each in self._container.query_items(query, parameters=_parameters(values))]
        return found[0] if found else None

    async def newest(self, wanted: RowFilter, *, limit: int) -> Sequence[Row]:
        query, values = _newest(wanted, limit=limit)
        return await self._rows(query, values, what="list payments")

    async def newest_in(self, month: str, *, merchant_id: str, wanted: RowFilter, limit: int) -> Sequence[Row]:
        query, values = _newest(wanted, limit=limit)
        return await self._rows(
            query, values, what=f"list payments of {month}", partition=partition_in(month, merchant_id=merchant_id)
        )

    async def months(self, merchant_id: str, *, first: str, last: str, limit: int) -> Sequence[str]:
        query = "SELECT TOP @limit VALUE c.id FROM c WHERE c.id >= @first AND c.id <= @last ORDER BY c.id DESC"
        values = {"@limit": limit, "@first": first, "@last": last}
        async with reading(f"list the months of {merchant_id}"):
            found = self._container.query_items(
                query, parameters=_parameters(values), partition_key=_months_of(merchant_id)
            )
            return [str(month) async for month in found]

    async def whole_as_of(self) -> datetime | None:
        async with reading("read up to when the rows are whole"):
            try:
                return time_from_json((await self._container.read_item(_WHOLE, partition_key=_WHOLE))["as_of"])
            except CosmosResourceNotFoundError:
                return None

    async def note_whole(self, as_of: datetime) -> None:
        document = {"id": _WHOLE, "merchant_month": _WHOLE, "as_of": time_to_json(as_of)}
        async with writing("note up to when the rows are whole"):
            await self._container.upsert_item(document, no_response=True)

    async def _rows(self, query: str, values: dict[str, Any], *, what: str, partition: str | None = None) -> list[Row]:
        """partition: None for all of them."""
        async with reading(what):
            rows = self._container.query_items(query, parameters=_parameters(values), partition_key=partition)
            return [row_from_json(row) async for row in rows]


_OWES_FOR_LONG = 'c.owes > "" AND c.active_at < @before'
_WAITING = {
    "parked": 'c.waits = "parked"',
    "retrying": f'(c.waits = "resumed" OR ({_OWES_FOR_LONG} AND NOT {_PARKED}))',
    "any": f'(c.waits IN ("parked", "resumed") OR ({_OWES_FOR_LONG}))',
}


def _newest(wanted: RowFilter, *, limit: int) -> tuple[str, dict[str, Any]]:
    """Only what is asked for; values travel as parameters. What has no position is no row, and is never compared."""
    conditions = {
        "status": wanted.status,
        "reference": wanted.reference,
        "settled": wanted.settled,
        "owes": wanted.owes,
        "amount_minor": wanted.amount_minor,
    }
    given: dict[str, Any] = {name: value for name, value in conditions.items() if value is not None}
    texts = ["c.position >= @low", "c.position < @high", *(f"c.{name} = @{name}" for name in given)]
    texts += [_WAITING[wanted.waiting]] if wanted.waiting else []
    if wanted.payment_id is not None:
        is_begin = SHORTEST_ID <= len(wanted.payment_id) < LONGEST_ID
        texts.append("STARTSWITH(c.id, @id)" if is_begin else "c.id = @id")
        given["id"] = wanted.payment_id
    query = f"SELECT TOP @limit * FROM c WHERE {' AND '.join(texts)} ORDER BY c.position DESC"  # noqa: S608 - of constants
    values = {"@limit": limit, "@low": wanted.low, "@high": wanted.high}
    if wanted.waiting in _SLOW and wanted.moved_before:
        values["@before"] = time_to_json(wanted.moved_before)
    return query, values | {f"@{name}": value for name, value in given.items()}


def _parameters(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]
