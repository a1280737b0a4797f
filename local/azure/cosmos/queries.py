"""Runs a query over its scope and pages through the answer.

A continuation holds the last row's ordering value and the item's number, never an offset. Items written meanwhile do
not make it skip or repeat a row. Knows no protocol; the grammar is in sql.py, the meaning of operators in
expressions.py.
"""

import base64
import json
import math
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from local.azure.cosmos.catalogue import Container
from local.azure.cosmos.charges import Charges
from local.azure.cosmos.errors import bad_request
from local.azure.cosmos.expressions import SortKey, lookups_of, needles_of, sort_key
from local.azure.cosmos.sql import Column, Query, parse
from local.azure.cosmos.store import Row, Scope, Store
from local.azure.cosmos.values import UNDEFINED, Document, Json, Value, at_path, dumps

PAGE_ITEMS: Final = 100
"""The page size when the client leaves it to the service."""
PAGE_BYTES: Final = 4 * 1024 * 1024
FEW: Final = 500
"""What finds more than this is read in the order of the answer, from where the page begins."""

type Position = tuple[SortKey, tuple[int, int]]
"""Where a row stands in the answer: its value in the ordering, then the item's partition and number."""
_UNORDERED: Final[SortKey] = (0, 0)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the JSON text of each row, the token of the next page, and the price."""

    rows: list[str]
    continuation: str | None
    charge: float


@dataclass(frozen=True, slots=True)
class Token:
    """A continuation. `query` ties it to the text it was given out for."""

    query: int
    position: Position | None = None
    skipped: int = 0
    taken: int = 0

    def encode(self) -> str:
        parts = [self.query, self.position, self.skipped, self.taken]
        return base64.b64encode(json.dumps(parts).encode()).decode()

    @classmethod
    def decode(cls, text: str | None, *, query: int) -> "Token":
        if text is None:
            return cls(query)
        try:
            owner, (key, place), skipped, taken = json.loads(base64.b64decode(text, validate=True))
            position: Position = ((int(key[0]), key[1]), (int(place[0]), int(place[1])))
        except (ValueError, TypeError, LookupError) as exc:
            raise bad_request("Invalid Continuation Token") from exc
        if owner != query:
            raise bad_request("Invalid Continuation Token: it belongs to another query")
        return cls(query, position, int(skipped), int(taken))


class Queries:
    """Reads items by query."""

    def __init__(self, store: Store, charges: Charges) -> None:
        self._store = store
        self._charges = charges

    def run(
        self,
        container: Container,
        scope: Scope,
        *,
        text: str,
        parameters: Mapping[str, Json],
        size: int | None = None,
        continuation: str | None = None,
    ) -> Page:
        """One page of the answer; `size` None leaves the number of rows to the service."""
        query = parse(text, parameters)
        if query.ordering and not container.indexing.covers(query.ordering.path):
            raise bad_request("The index path corresponding to the specified order-by item is excluded.")
        if query.aggregates and not query.bare and scope.pk is None:
            raise bad_request("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")
        token = Token.decode(continuation, query=zlib.crc32(text.encode()))
        scope = self._narrowed(container, scope, query=query)
        if query.aggregates:
            rows, following = [_aggregate(query, self._matches(scope, query, after=None))], None
        else:
            rows, following = self._page(scope, query, token=token, size=size or PAGE_ITEMS)
        shown = [row for row in rows if row is not None]
        is_served = not query.sought or any(map(container.indexing.covers, query.sought))
        items_read = 0 if is_served else self._store.count(scope, up_to=sys.maxsize)
        charge = self._charges.query(rows=len(shown), size=sum(map(len, shown)), items_read=items_read)
        return Page(shown, following, charge)

    def _narrowed(self, container: Container, scope: Scope, *, query: Query) -> Scope:
        """The scope, or what an index finds in it for one of the conditions: the one for which it finds the fewest."""
        if scope.pk is not None:
            return scope
        lookups = (lookup for lookup in lookups_of(query.where) if container.indexing.covers(lookup.path))
        counted = ((self._store.count(found := replace(scope, lookup=each), up_to=FEW), found) for each in lookups)
        number, narrowed = min(counted, key=itemgetter(0), default=(FEW, scope))
        return narrowed if number < FEW else scope

    def _page(self, scope: Scope, query: Query, *, token: Token, size: int) -> tuple[list[str | None], str | None]:
        rows: list[str | None] = []
        weight = 0
        for position, row, document in self._answer(scope, query, after=token.position):
            if query.limit is not None and token.taken >= query.limit:
                return rows, None
            if len(rows) >= size or weight > PAGE_BYTES:
                return rows, token.encode()
            if token.skipped < query.offset:
                token = replace(token, position=position, skipped=token.skipped + 1)
                continue
            text = _project(row, document, query=query)
            token = replace(token, position=position, taken=token.taken + 1)
            rows.append(text)
            weight += len(text or "")
        return rows, None

    def _answer(
        self, scope: Scope, query: Query, *, after: Position | None
    ) -> Iterator[tuple[Position, Row, Document]]:
        """The matching rows in the order of the answer, from behind the position on."""
        ordering = query.ordering
        if ordering is None:
            for row, document in self._matches(scope, query, after=after[1] if after else None):
                yield (_UNORDERED, (row.range, row.number)), row, document
            return
        found = [
            ((sort_key(at_path(document, ordering.path)), (row.range, row.number)), row, document)
            for row, document in self._matches(scope, query, after=None)
        ]
        found.sort(key=lambda entry: entry[0], reverse=ordering.descending)
        for entry in found:
            if after is None or (entry[0] < after if ordering.descending else entry[0] > after):
                yield entry

    def _matches(self, scope: Scope, query: Query, *, after: tuple[int, int] | None) -> Iterator[tuple[Row, Document]]:
        for row in self._store.scan(scope, after=after, containing=needles_of(query.where)):
            document: Document = json.loads(row.body)
            if query.where is None or query.where(document) is True:
                yield row, document


def _project(row: Row, document: Document, *, query: Query) -> str | None:
    """The row as JSON text; None when SELECT VALUE leads nowhere."""
    if not query.columns:
        return row.body
    values = {column.name: column.value(document) for column in query.columns}
    return _shown(query, values)


def _shown(query: Query, values: Mapping[str, Value]) -> str | None:
    if query.bare:
        value = next(iter(values.values()))
        return None if value is UNDEFINED else dumps(value)
    return dumps({name: value for name, value in values.items() if value is not UNDEFINED})


def _aggregate(query: Query, matches: Iterator[tuple[Row, Document]]) -> str | None:
    documents = [document for _, document in matches]
    return _shown(query, {column.name: _folded(column, documents) for column in query.columns})


def _folded(column: Column, documents: list[Document]) -> Value:
    """COUNT: of what is defined; SUM of anything but numbers is undefined, MIN and MAX follow the order of values."""
    values = [value for document in documents if (value := column.value(document)) is not UNDEFINED]
    if column.aggregate == "COUNT":
        return len(values)
    if column.aggregate == "SUM":
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return _sum(numbers) if len(numbers) == len(values) else UNDEFINED
    chosen = min if column.aggregate == "MIN" else max
    return chosen(values, key=sort_key) if values else UNDEFINED


def _sum(numbers: list[int | float]) -> int | float:
    try:
        total = sum(numbers)
        is_finite = math.isfinite(total)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise bad_request("The SUM is beyond what a number can hold.")
    return total
