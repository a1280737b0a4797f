"""The operations of the REST API: each reads its request, calls one rule and writes the answer.

`Cosmos.answer(request) -> Response` is synchronous and needs no socket. What it has written is durable only once the
transaction around it is committed: groups.py does that before the answer leaves.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from local.azure.cosmos import account, errors, wire
from local.azure.cosmos.auth import is_by_id, verify
from local.azure.cosmos.catalogue import Catalogue, Container
from local.azure.cosmos.charges import Charges
from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.feed import Feed
from local.azure.cosmos.keys import PartitionKey, from_header, range_of
from local.azure.cosmos.plans import plan
from local.azure.cosmos.queries import Page, Queries
from local.azure.cosmos.state import Items
from local.azure.cosmos.store import Scope, Store
from local.azure.cosmos.values import Document, Json, dumps
from local.azure.cosmos.wire import Call, Request, Response

METADATA_CHARGE: Final = 2.0
"""Estimate: reading or changing a definition."""
PLAN_CHARGE: Final = 1.0
"""Estimate."""
DEFINITIONS_STAND: Final = {"x-ms-session-token": "0:-1#0"}
"""The session token of an answer about definitions, which have no log here."""

_log = logging.getLogger(__name__)


class Cosmos:
    """An account: its databases, containers and items, and how each request about them is answered."""

    def __init__(self, store: Store, *, clock: Callable[[], float], partitions: int, consistency: str) -> None:
        charges = Charges(strong=consistency == "Strong")
        self.catalogue = Catalogue(store, clock=clock, partitions=partitions)
        self._store = store
        self._clock = clock
        self._consistency = consistency
        self._items = Items(store, clock=clock, charges=charges)
        self._queries = Queries(store, charges)
        self._feed = Feed(store, charges)
        self._operations: dict[str, Callable[[Request, Call], Response]] = {
            "account_read": self._account,
            "database_create": self._create_database,
            "database_read": self._read_database,
            "database_list": self._list_databases,
            "database_delete": self._delete_database,
            "container_create": self._create_container,
            "container_read": self._read_container,
            "container_list": self._list_containers,
            "container_delete": self._delete_container,
            "ranges": self._ranges,
            "feed": self._read_feed,
            "list": self._list_items,
            "query": self._query,
            "query_plan": self._query_plan,
            "batch": self._batch,
        }
        self._operations |= dict.fromkeys(("create", "read", "upsert", "replace", "delete"), self._item)

    def answer(self, request: Request) -> Response:
        """Answer one request. A refused one has written nothing."""
        call = self.identify(request)
        try:
            if call.operation not in self._operations:
                raise errors.not_implemented(call.operation)
            by_id = is_by_id(request.method, request.path, headers=request.headers)
            verify(request.method, request.path, by_id=by_id, headers=request.headers)
            if by_id and call.item:
                raise errors.not_implemented("an item by its resource id")
            return self._operations[call.operation](request, call)
        except CosmosError as refused:
            return wire.refusal(request, refused)
        except RecursionError:
            return wire.refusal(request, errors.nested_too_deep())
        except Exception:  # noqa: BLE001 - the edge: a mistake of ours must not take other requests along
            _log.exception("%s failed", call)
            failed = CosmosError(500, "InternalServerError", message=f"the local Cosmos DB failed at {call}")
            return wire.refusal(request, failed)

    def identify(self, request: Request) -> Call:
        """What is asked for; databases and containers by name, also when the client calls them by resource id."""
        call = wire.identify(request)
        if not is_by_id(request.method, request.path, headers=request.headers):
            return call
        database, container = self.catalogue.names(call.database, call.container)
        return replace(call, database=database, container=container)

    # account, databases, containers

    def _account(self, request: Request, _call: Call) -> Response:
        body = account.statement(host=request.host, consistency=self._consistency)
        return wire.answer(request, 200, body=dumps(body))

    def _create_database(self, request: Request, _call: Call) -> Response:
        return _definition(request, self.catalogue.create_database(request.document()).properties, status=201)

    def _read_database(self, request: Request, call: Call) -> Response:
        return _definition(request, self.catalogue.database(call.database).properties)

    def _list_databases(self, request: Request, _call: Call) -> Response:
        entries = [dumps(database.properties) for database in self.catalogue.databases()]
        return _metadata(request, body=wire.listing("", "Databases", entries=entries))

    def _delete_database(self, request: Request, call: Call) -> Response:
        self.catalogue.delete_database(call.database)
        return _metadata(request, status=204)

    def _create_container(self, request: Request, call: Call) -> Response:
        container = self.catalogue.create_container(call.database, request.document())
        return _definition(request, container.properties, status=201)

    def _read_container(self, request: Request, call: Call) -> Response:
        container = self.catalogue.container(call.database, call.container)
        return _definition(request, container.properties, headers=self._session(container))

    def _list_containers(self, request: Request, call: Call) -> Response:
        entries = [dumps(container.properties) for container in self.catalogue.containers(call.database)]
        body = wire.listing(self.catalogue.database(call.database).rid, "DocumentCollections", entries=entries)
        return _metadata(request, body=body)

    def _delete_container(self, request: Request, call: Call) -> Response:
        self.catalogue.delete_container(call.database, call.container)
        return _metadata(request, status=204)

    def _ranges(self, request: Request, call: Call) -> Response:
        """The physical partitions, as a feed: clients read on until they see a literal 304."""
        container = self._container(request, call)
        etag = f'"{container.number}"'
        if request.headers.get("if-none-match") == etag:
            return wire.answer(request, 304, headers={"etag": etag})
        entries = [dumps(_range(container, number)) for number in range(len(container.ranges))]
        body = wire.listing(container.rid, "PartitionKeyRanges", entries=entries)
        return _metadata(request, body=body, headers={"etag": etag})

    # items

    def _item(self, request: Request, call: Call) -> Response:
        container = self._container(request, call)
        key = _key(request)
        result = self._items.apply(container, key, operation=wire.operation_of(request, call))
        headers = self._session(container, key)
        if result.row is not None:
            headers["etag"] = result.row.etag
        minimal = request.headers.get("prefer") == "return=minimal" and call.operation != "read"
        body = "" if result.row is None or minimal else result.row.body
        return wire.answer(request, result.status, body=body, charge=result.charge, headers=headers)

    def _batch(self, request: Request, call: Call) -> Response:
        container = self._container(request, call)
        key = _key(request)
        results = self._items.batch(container, key, operations=wire.batch_of(request), size=len(request.body))
        refused = any(result.error for result in results)
        return wire.answer(
            request,
            207 if refused else 200,
            body=f"[{','.join(map(wire.batched, results))}]",
            charge=round(sum(result.charge for result in results), 2),
            headers=self._session(container, key),
        )

    def _query(self, request: Request, call: Call) -> Response:
        container = self._container(request, call)
        text, parameters = wire.query_of(request)
        scope = self._scope(request, container)
        located = {"x-ms-documentdb-partitionkey", "x-ms-documentdb-partitionkeyrangeid"} & set(request.headers)
        if not located and not request.flag("x-ms-documentdb-query-enablecrosspartition"):
            raise errors.bad_request(
                "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
                "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
            )
        return self._page(request, container, scope=scope, text=text, parameters=parameters)

    def _query_plan(self, request: Request, call: Call) -> Response:
        container = self._container(request, call)
        key = _key(request)
        text, parameters = wire.query_of(request)
        body = dumps(plan(text, parameters, key=key, partitions=len(container.ranges)))
        return wire.answer(request, 200, body=body, charge=PLAN_CHARGE, headers=self._session(container, key))

    def _list_items(self, request: Request, call: Call) -> Response:
        container = self._container(request, call)
        scope = self._scope(request, container)
        return self._page(request, container, scope=scope, text="SELECT * FROM c", parameters={})

    def _page(
        self, request: Request, container: Container, *, scope: Scope, text: str, parameters: Mapping[str, Json]
    ) -> Response:
        page: Page = self._queries.run(
            container,
            scope,
            text=text,
            parameters=parameters,
            size=request.page_size(),
            continuation=request.headers.get("x-ms-continuation"),
        )
        headers = self._session(container, _key(request), range_id=scope.range)
        headers["x-ms-item-count"] = str(len(page.rows))
        if page.continuation:
            headers["x-ms-continuation"] = page.continuation
        body = wire.listing(container.rid, "Documents", entries=page.rows)
        return wire.answer(request, 200, body=body, charge=page.charge, headers=headers)

    def _read_feed(self, request: Request, call: Call) -> Response:
        """A page of the change feed of one physical partition, 304 when there is nothing new."""
        if request.headers["a-im"].lower() != "incremental feed":
            raise errors.not_implemented(f"the change feed mode {request.headers['a-im']}")
        container = self._container(request, call)
        scope = self._scope(request, container)
        if scope.range is None:
            raise errors.not_implemented("the change feed of several physical partitions in one request")
        etag = request.headers.get("if-none-match", '"0"')
        if etag == "*":
            changes = self._feed.now(scope)
        else:
            after, since = wire.lsn_of(etag), wire.since_of(request)
            changes = self._feed.read(scope, after=after, since=since, size=request.page_size())
        headers = self._session(container, range_id=scope.range)
        headers |= {"etag": f'"{changes.continuation}"', "x-ms-item-count": str(len(changes.rows))}
        if not changes.rows:
            return wire.answer(request, 304, charge=changes.charge, headers=headers)
        entries = [f'{row.body[:-1]},"_lsn":{row.lsn}}}' for row in changes.rows]
        body = wire.listing(container.rid, "Documents", entries=entries)
        return wire.answer(request, 200, body=body, charge=changes.charge, headers=headers)

    # what they share

    def _container(self, request: Request, call: Call) -> Container:
        container = self.catalogue.owner(call.database, call.container)
        if request.headers.get("x-ms-cosmos-intended-collection-rid", container.rid) != container.rid:
            raise errors.stale_container()
        return container

    def _scope(self, request: Request, container: Container) -> Scope:
        """The part of the container that a query or a feed is about."""
        key, now = _key(request), int(self._clock())
        if key is not None:
            return Scope(container.number, now, pk=key.text, range=range_of(key, container.ranges).id)
        header = request.headers.get("x-ms-documentdb-partitionkeyrangeid")
        if header is None:
            # With one physical partition there is no question which one is meant.
            return Scope(container.number, now, range=0 if len(container.ranges) == 1 else None)
        number = header.rpartition(",")[2]
        if not re.fullmatch(r"[0-9]{1,9}", number):
            raise errors.bad_request(f"{header} is not the id of a partition key range.")
        if int(number) >= len(container.ranges):
            raise errors.range_gone()
        low, high = request.headers.get("x-ms-start-epk", ""), request.headers.get("x-ms-end-epk", "FF")
        return Scope(container.number, now, range=int(number), low=low, high=high)

    def _session(
        self, container: Container, key: PartitionKey | None = None, *, range_id: int | None = None
    ) -> dict[str, str]:
        """Session token of the partition that is meant; for a whole container, of the first."""
        place = range_of(key, container.ranges).id if key is not None else range_id or 0
        return wire.session_headers(container, place, lsn=self._store.lsns(container.number)[place])


def _key(request: Request) -> PartitionKey | None:
    header = request.headers.get("x-ms-documentdb-partitionkey")
    return None if header is None else from_header(header)


def _definition(
    request: Request, properties: Document, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    etag = {"etag": str(properties["_etag"])}
    return _metadata(request, status=status, body=dumps(properties), headers={**(headers or {}), **etag})


def _metadata(
    request: Request, *, status: int = 200, body: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    return wire.answer(
        request, status, body=body, charge=METADATA_CHARGE, headers={**DEFINITIONS_STAND, **(headers or {})}
    )


def _range(container: Container, number: int) -> Document:
    place = container.ranges[number]
    return {
        "id": str(place.id),
        "_rid": f"{container.rid}-{place.id}",
        "_self": f"{container.rid_link}/pkranges/{container.rid}-{place.id}/",
        "_etag": f'"{container.number}"',
        "_ts": container.properties["_ts"],
        "minInclusive": place.low,
        "maxExclusive": place.high,
        "ridPrefix": place.id,
        "throughputFraction": round(1 / len(container.ranges), 4),
        "status": "online",
        "parents": [],
    }
