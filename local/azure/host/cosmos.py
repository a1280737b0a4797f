"""The Cosmos DB SDK behind the change feed and its lease container. Must not know who owns a lease, or what is run."""

import asyncio
import base64
import contextlib
import datetime as dt
import json
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local.azure.host.credentials import credential_of
from local.azure.host.errors import WITHOUT_IT, CannotStart
from local.azure.host.feed import Document, FeedOptions, FeedProcessor, Page
from local.azure.host.leases import FeedRange, Holder, LeaseBook, LeaseChanged, LeaseDocument
from local.azure.host.settings import Connection
from local.azure.host.times import rewritten
from local.azure.host.triggers import FeedTrigger
from local.azure.host.wire import RetryContext, TypedData
from local.azure.host.worker import Function, Invocation

_sdk_log = logging.getLogger(f"{__name__}.sdk")
"""In place of the SDK's own, which stands at INFO for the app: that would write a page for each of our polls."""
_sdk_log.setLevel(logging.WARNING)
WAIT = ("x-local-wait-ms", "5000")
"""What our own local Cosmos DB takes as the wish to wait for news. Others ignore it, and are asked again and again."""
_waits: ContextVar[bool] = ContextVar("waits", default=False)
"""Whether what is read here and now may wait. The SDK takes no header for a single read of the feed."""
_SOON_S = 1.0
"""Whoever lets the feed be read more often than this wants the changes at once. A longer delay is kept to."""
_UNFIT_FOR_AN_ID = str.maketrans(dict.fromkeys("/\\?#", "-"))


type Clock = Callable[[], dt.datetime]
type Invoke = Callable[[Function, Invocation], Awaitable[object]]


class Accounts:
    """The clients, one per connection, and the feed processors over them."""

    def __init__(self, holder: Holder, *, clock: Clock) -> None:
        self._holder = holder
        self._clock = clock
        self._accounts: dict[str, Account] = {}

    def processor(self, trigger: FeedTrigger, *, invoke: Invoke) -> FeedProcessor:
        account = self._account(trigger.connection)
        store = CosmosLeases(self._account(trigger.lease_connection), trigger)

        async def open_leases() -> LeaseBook:
            await store.prepare()
            return LeaseBook(
                store,
                prefix=await lease_prefix(account, trigger),
                holder=self._holder,
                expiration_s=trigger.expiration_interval_s,
                clock=self._clock,
            )

        async def run(documents: list[Document], retry: RetryContext) -> object:
            return await invoke(
                trigger.function, Invocation(TypedData(string=json.dumps(rewritten(documents))), retry=retry)
            )

        return FeedProcessor(
            trigger.function.name,
            feed=CosmosFeed(account, trigger),
            open_leases=open_leases,
            run=run,
            options=FeedOptions(
                poll_delay_s=trigger.poll_delay_s,
                acquire_interval_s=trigger.acquire_interval_s,
                renew_interval_s=trigger.renew_interval_s,
                retry=trigger.retry,
            ),
        )

    async def close(self) -> None:
        for account in self._accounts.values():
            await account.close()

    def _account(self, connection: Connection) -> "Account":
        return self._accounts.setdefault(connection.name, Account(connection))


class Account:
    """A Cosmos DB account, connected to at first use: a store that is down must not keep the host from being built."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: CosmosClient | None = None
        self._connecting = asyncio.Lock()  # several feeds ask at once; each must get the same client

    async def client(self) -> CosmosClient:
        async with self._connecting:
            if self._client is None:
                self._client = await _connected(self._connection)
            return self._client

    async def container(self, database: str, container: str) -> ContainerProxy:
        return (await self.client()).get_database_client(database).get_container_client(container)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _client(connection: Connection) -> CosmosClient:
    # Reading proxy settings and .netrc costs two thread hops per request; halves the client's CPU when left out.
    transport = AioHttpTransport(use_env_settings=False)
    # Retries are few and quick: whoever calls goes on trying, and says so.
    quick: dict[str, Any] = {"transport": transport, "retry_total": 1, "retry_backoff_max": 1, "connection_timeout": 5}
    quick |= {"logger": _sdk_log, "raw_request_hook": _wish_to_wait}
    if connection.connection_string:
        return CosmosClient.from_connection_string(connection.connection_string, **quick)
    credential: AsyncTokenCredential = credential_of(connection)
    return CosmosClient(str(connection.endpoint), credential, **quick)


def _wish_to_wait(request: PipelineRequest[HttpRequest]) -> None:
    if _waits.get():
        request.http_request.headers.update([WAIT])


async def _connected(connection: Connection) -> CosmosClient:
    client = _client(connection)
    try:
        await client.__aenter__()
    except BaseException:
        await client.close()
        raise
    return client


class CosmosFeed:
    """The change feed of one container."""

    def __init__(self, account: Account, trigger: FeedTrigger) -> None:
        self._account = account
        self._trigger = trigger

    async def ranges(self) -> list[FeedRange]:
        container = await self._container()
        # The SDK calls a feed range opaque; but a lease is named by its bounds, as in the .NET processor.
        bounds = [r["Range"] async for r in container.read_feed_ranges()]
        return [FeedRange(each["min"], each["max"], place) for place, each in enumerate(bounds)]

    async def read(self, feed_range: FeedRange, *, continuation: str | None, may_wait: bool) -> Page:
        seen: list[Any] = []  # the headers of the last answer; the SDK puts the token for the next call into them
        start: dict[str, Any] = (
            {"continuation": _parted(continuation)[1]}
            if continuation
            else {"feed_range": _sdk_range(feed_range), "start_time": "Beginning"}
        )
        _waits.set(may_wait and self._trigger.poll_delay_s < _SOON_S)
        changes = (await self._container()).query_items_change_feed(
            **start, max_item_count=self._trigger.max_items, response_hook=lambda headers, _body: seen.append(headers)
        )
        documents: list[dict[str, Any]] = []
        async for page in changes.by_page():
            documents = [document async for document in page]
            break
        if not documents:
            return Page(documents, continuation)
        return Page(documents, f"{_number(documents, seen[-1]['etag'])} {seen[-1]['etag']}")

    async def _container(self) -> ContainerProxy:
        return await self._account.container(self._trigger.database, self._trigger.container)


def _number(documents: list[dict[str, Any]], token: str) -> int:
    """Up to which change was read. A delete is counted and not shown, so it may be more than the last document's."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        read_to = json.loads(base64.b64decode(token))["continuation"]["continuation"][0]["token"]
        return max(int(read_to.strip('"')), int(documents[-1]["_lsn"]))
    return int(documents[-1]["_lsn"])


def _sdk_range(feed_range: FeedRange) -> dict[str, Any]:
    bounds = {"min": feed_range.low, "max": feed_range.high, "isMinInclusive": True, "isMaxInclusive": False}
    return {"Range": bounds}


def _parted(continuation: str) -> tuple[str, str]:
    """The log sequence number up to which a range was read, and the SDK's token for the next page."""
    number, _, token = continuation.partition(" ")
    return number, token


def _to_stored(document: LeaseDocument) -> LeaseDocument:
    """As the .NET processor keeps a lease, so that whoever measures its progress finds the number where it is there.

    The Python SDK cannot go on from that number; its own token stands in a field of our own.
    """
    continuation = document.get("ContinuationToken")
    if continuation is None:
        return document
    number, token = _parted(continuation)
    return {**document, "ContinuationToken": f'"{number}"', _SDK_TOKEN: token}


def _from_stored(document: LeaseDocument) -> LeaseDocument:
    token = document.get(_SDK_TOKEN)
    if token is None:
        return document
    return {**document, "ContinuationToken": f"{document['ContinuationToken'].strip(chr(34))} {token}"}


_SDK_TOKEN = "SdkContinuation"  # noqa: S105 - the name of a field


class CosmosLeases:
    """The lease container as a store of documents."""

    def __init__(self, account: Account, trigger: FeedTrigger) -> None:
        self._account = account
        self._trigger = trigger

    async def prepare(self) -> None:
        """Create the container if the decorator says so; otherwise it must be there."""
        database = (await self._account.client()).get_database_client(self._trigger.lease_database)
        name = self._trigger.lease_container
        try:
            if self._trigger.create_leases:
                await database.create_container_if_not_exists(name, PartitionKey(path="/id"))
            else:
                await database.get_container_client(name).read()
        except CosmosResourceNotFoundError as exc:
            raise CannotStart(
                f"{self._trigger.function.name}: there is no lease container {name} in the database"
                f" {self._trigger.lease_database}: create it with the partition key /id",
                there=WITHOUT_IT,
            ) from exc

    async def read(self, lease_id: str) -> LeaseDocument | None:
        try:
            return _from_stored(dict(await (await self._container()).read_item(lease_id, partition_key=lease_id)))
        except CosmosResourceNotFoundError:
            return None

    async def beginning(self, prefix: str) -> list[LeaseDocument]:
        found = (await self._container()).query_items(
            "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)", parameters=[{"name": "@prefix", "value": prefix}]
        )
        return [_from_stored(dict(each)) async for each in found]

    async def create(self, document: LeaseDocument) -> LeaseDocument:
        try:
            return _from_stored(dict(await (await self._container()).create_item(_to_stored(document))))
        except CosmosResourceExistsError as exc:
            raise LeaseChanged(document["id"]) from exc

    async def replace(self, document: LeaseDocument) -> LeaseDocument:
        container = await self._container()
        guard = {"etag": document["_etag"], "match_condition": MatchConditions.IfNotModified}
        try:
            return _from_stored(dict(await container.replace_item(document["id"], _to_stored(document), **guard)))
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError) as exc:
            raise LeaseChanged(document["id"]) from exc

    async def _container(self) -> ContainerProxy:
        return await self._account.container(self._trigger.lease_database, self._trigger.lease_container)


async def lease_prefix(account: Account, trigger: FeedTrigger) -> str:
    """What the ids of this feed's leases begin with: as in .NET, resource ids, so a container made anew starts anew.

    And `local`: where Microsoft's host takes turns with this one on the same data, neither must read the other's
    leases, which say the same in another form.
    """
    client = await account.client()
    database = client.get_database_client(trigger.database)
    try:
        ids = [(await database.read())["_rid"], (await database.get_container_client(trigger.container).read())["_rid"]]
    except CosmosResourceNotFoundError as exc:
        raise CannotStart(
            f"{trigger.function.name}: there is no container {trigger.container} in the database {trigger.database}:"
            " create it, or correct the name",
            there=WITHOUT_IT,
        ) from exc
    host = urlsplit(client.client_connection.url_connection).hostname
    return f"{trigger.lease_prefix}{host}_{ids[0]}_{ids[1]}.local".translate(_UNFIT_FOR_AN_ID)
