"""The rules for items: create, read, upsert, replace, delete, and all of them in one transactional batch.

Knows no protocol; the clock is passed in. A refusal is a `CosmosError`, and a refused operation has written nothing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from local.azure.cosmos import errors
from local.azure.cosmos.catalogue import Container, checked_id
from local.azure.cosmos.charges import REFUSED, Charges
from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.keys import PartitionKey, PhysicalRange, from_document, range_of, resource_id
from local.azure.cosmos.store import Row, Store
from local.azure.cosmos.values import Document, Json, dumps

MAX_ITEM_BYTES: Final = 2 * 1024 * 1024
MAX_BATCH_OPERATIONS: Final = 100
SEQUENCE_BITS: Final = 7
"""A transaction writes at most 100 items, so its place and its number in it make one ordered integer."""
FAILED_DEPENDENCY: Final = 424
SYSTEM_PROPERTIES: Final = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")


class Kind(StrEnum):
    """What can be done with an item."""

    CREATE = "create"
    READ = "read"
    UPSERT = "upsert"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on one item. `id` is what it is addressed by, `document` what is to be stored."""

    kind: Kind
    id: str = ""
    document: Document | None = None
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one operation."""

    status: int
    charge: float
    row: Row | None = None
    error: CosmosError | None = None


class Items:
    """The items of all containers."""

    def __init__(self, store: Store, *, clock: Callable[[], float], charges: Charges) -> None:
        self._store = store
        self._clock = clock
        self._charges = charges

    def apply(self, container: Container, key: PartitionKey | None, *, operation: Operation) -> Result:
        """One operation, alone in its transaction.

        Without a key the service refuses, for it could not tell where the item lives.
        """
        if key is None:
            raise errors.bad_request("PartitionKey value must be supplied for this operation.")
        with self._store.atomic():
            return self._transaction(container, key).run(operation)

    def batch(
        self, container: Container, key: PartitionKey | None, *, operations: Sequence[Operation], size: int = 0
    ) -> list[Result]:
        """All operations or none. After a refusal the others answer 424 and nothing is written.

        `size` is that of the request in bytes: a batch may be as large as one item.
        """
        if key is None:
            raise errors.bad_request("PartitionKey value must be supplied for this operation.")
        if size > MAX_ITEM_BYTES:
            raise errors.too_large()
        if not operations:
            raise errors.bad_request("Batch request has no operations.")
        if len(operations) > MAX_BATCH_OPERATIONS:
            raise errors.bad_request("Batch request has more operations than what is supported.")
        results: list[Result] = []
        try:
            with self._store.atomic():
                transaction = self._transaction(container, key)
                for operation in operations:
                    results.append(transaction.run(operation))  # noqa: PERF401 - what was done counts when one fails
        except CosmosError as refusal:
            return _failed(len(operations), at=len(results), refusal=refusal)
        return results

    def _transaction(self, container: Container, key: PartitionKey) -> "_Transaction":
        now = int(self._clock())
        if container.default_ttl is not None:
            self._store.remove_expired(container.number, now)
        return _Transaction(self._store, container=container, key=key, now=now, charges=self._charges)


class _Transaction:
    """Operations in one logical partition that share one log sequence number."""

    def __init__(self, store: Store, *, container: Container, key: PartitionKey, now: int, charges: Charges) -> None:
        self._store = store
        self._container = container
        self._key = key
        self._now = now
        self._charges = charges
        self._range: PhysicalRange = range_of(key, container.ranges)
        self._lsn: int | None = None
        self._sequence = 0
        self._steps = {
            Kind.CREATE: self._create,
            Kind.READ: self._read,
            Kind.UPSERT: self._upsert,
            Kind.REPLACE: self._replace,
            Kind.DELETE: self._delete,
        }

    def run(self, operation: Operation) -> Result:
        if operation.if_none_match is not None and operation.kind is not Kind.READ:
            raise errors.not_implemented(f"If-None-Match on {operation.kind}")
        return self._steps[operation.kind](operation)

    def _create(self, operation: Operation) -> Result:
        document = self._checked(operation.document)
        if self._find(checked_id(document)) is not None:
            raise errors.conflict()
        return self._write(document, earlier=None)

    def _upsert(self, operation: Operation) -> Result:
        document = self._checked(operation.document)
        earlier = self._find(checked_id(document))
        if earlier is not None:
            _require_match(operation.if_match, earlier)
        return self._write(document, earlier=earlier)

    def _replace(self, operation: Operation) -> Result:
        earlier = self._existing(operation.id)
        _require_match(operation.if_match, earlier)
        document = self._checked(operation.document)
        if document["id"] != operation.id:
            raise errors.not_implemented("changing the id of an item")
        return self._write(document, earlier=earlier)

    def _delete(self, operation: Operation) -> Result:
        row = self._existing(operation.id)
        _require_match(operation.if_match, row)
        self._store.remove(self._container.number, row)
        self._next()
        return Result(204, self._write_charge(row.body, _own_properties(json.loads(row.body)), replaces=False))

    def _read(self, operation: Operation) -> Result:
        row = self._existing(operation.id)
        charge = self._charges.read(len(row.body))
        if operation.if_none_match == row.etag:
            return Result(304, charge, row._replace(body=""))
        return Result(200, charge, row)

    def _find(self, item: str) -> Row | None:
        row = self._store.item(self._container.number, pk=self._key.text, item=item)
        if row is not None and row.expires is not None and row.expires <= self._now:
            return None
        return row

    def _existing(self, item: str) -> Row:
        row = self._find(item)
        if row is None:
            raise errors.not_found()
        return row

    def _checked(self, document: Document | None) -> Document:
        if document is None:
            raise errors.bad_request("The request payload is invalid. Ensure to provide a valid request payload.")
        checked_id(document)
        if from_document(document, self._container.key_path) != self._key:
            raise errors.bad_request(
                "PartitionKey extracted from document doesn't match the one specified in the header", substatus=1001
            )
        return _own_properties(document)

    def _next(self) -> tuple[int, int]:
        """The log sequence number of this transaction and the next place in it."""
        if self._lsn is None:
            self._lsn = self._store.next_lsn(self._container.number, self._range.id)
        self._sequence += 1
        return self._lsn, self._sequence

    def _write(self, document: Document, *, earlier: Row | None) -> Result:
        expires = _expiry(document, default=self._container.default_ttl, now=self._now)
        lsn, sequence = self._next()
        number = lsn << SEQUENCE_BITS | sequence if earlier is None else earlier.number
        etag = f'"{lsn:08x}-{sequence:04x}-{self._range.id:04x}-{self._container.number:04x}-{self._now:012x}"'
        body = dumps(document | self._system_properties(number, etag))
        if len(body) > MAX_ITEM_BYTES:
            raise errors.too_large()
        row = Row(
            range=self._range.id,
            number=number,
            pk=self._key.text,
            epk=self._key.effective,
            id=checked_id(document),
            lsn=lsn,
            seq=sequence,
            ts=self._now,
            etag=etag,
            expires=expires,
            body=body,
        )
        self._store.put(self._container.number, row)
        charge = self._write_charge(body, document, replaces=earlier is not None)
        return Result(201 if earlier is None else 200, charge, row)

    def _system_properties(self, number: int, etag: str) -> Document:
        rid = resource_id(self._container.database.number, self._container.rid_number, self._range.id << 56 | number)
        link = f"{self._container.rid_link}/docs/{rid}/"
        return {"_rid": rid, "_self": link, "_etag": etag, "_attachments": "attachments/", "_ts": self._now}

    def _write_charge(self, body: str, document: Document, *, replaces: bool) -> float:
        leaves = self._container.indexing.indexed_leaves(document)
        return self._charges.write(len(body), indexed_leaves=leaves, replaces=replaces)


def _own_properties(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}


def _failed(count: int, *, at: int, refusal: CosmosError) -> list[Result]:
    others = Result(FAILED_DEPENDENCY, 0.0)
    return [Result(refusal.status, REFUSED, error=refusal) if place == at else others for place in range(count)]


def _require_match(if_match: str | None, row: Row) -> None:
    if if_match not in (None, "*", row.etag):
        raise errors.precondition_failed()


def _expiry(document: Document, *, default: int | None, now: int) -> int | None:
    """When the item ends, in seconds since the epoch; None = never. Its own ttl counts only where ttl is on."""
    if "ttl" not in document:
        return None if default in (None, -1) else now + default
    own: Json = document["ttl"]
    if not isinstance(own, int) or isinstance(own, bool) or not (own == -1 or 0 < own < 2**31):
        raise errors.bad_request(
            f"The input ttl '{own}' is invalid. Ensure to provide a nonzero positive integer less than or equal to "
            "'2147483647', or -1 which means never expire."
        )
    return None if default is None or own == -1 else now + own
