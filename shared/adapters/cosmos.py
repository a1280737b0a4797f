"""EventStore on Azure Cosmos DB. Knows no rule of payments.

An append is one conditional create: a document id `{paymentId}:{version}` that is taken answers 409, and that is the
concurrency check. It is global only while the account has one write region.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared import codec
from shared.domain.events import same_fact
from shared.errors import AppendUnknown, PaymentsError, StoreBusy, StreamMoved
from shared.ports import StoredEvent

CALL_LIMIT_S = 20
"""For one call with the SDK's own retries in it; below the lock of a message (60 s)."""

_BUSY = {429, 449}
_MAYBE = {408, 500, 502, 503, 504}
_LAGGING_READS = 3


def open_client(connection: str | None, endpoint: str | None, credential: Any, *, proxies: bool) -> CosmosClient:  # noqa: ANN401 - azure.identity's credentials share no exported type
    """A client by connection string or by endpoint and credential; enter it in the running loop, close it at the end.

    proxies: honour HTTP(S)_PROXY and ~/.netrc. Reading them on every request doubles the client's CPU time.
    """
    transport = AioHttpTransport(use_env_settings=proxies)
    if connection:
        return CosmosClient.from_connection_string(connection, transport=transport)
    return CosmosClient(str(endpoint), credential=credential, transport=transport)


class CosmosEventStore:
    """The streams in one container whose partition key is the payment id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def append(self, events: Sequence[StoredEvent]) -> tuple[StoredEvent, ...]:
        documents = [codec.to_document(stored) for stored in events]
        payment_id = documents[0]["paymentId"]
        try:
            with _write_faults(payment_id):
                async with asyncio.timeout(CALL_LIMIT_S):
                    await self._create(documents, payment_id)
        except _Taken as taken:
            return await self._what_stands(events, taken)
        return tuple(events)

    async def _create(self, documents: list[dict[str, Any]], payment_id: str) -> None:
        if len(documents) == 1:
            await self._container.create_item(documents[0], no_response=True)
            return
        await self._container.execute_item_batch(
            [("create", (document,)) for document in documents], partition_key=payment_id
        )

    async def _what_stands(self, events: Sequence[StoredEvent], taken: "_Taken") -> tuple[StoredEvent, ...]:
        """Our own events when an earlier call of ours got through without our hearing of it; else StreamMoved."""
        standing = [await self._read_taken(stored) for stored in events[:1]]
        if same_fact(standing[0].event, events[0].event):
            standing += [await self._read_taken(stored) for stored in events[1:]]
        if len(standing) == len(events) and all(
            same_fact(there.event, ours.event) for there, ours in zip(standing, events, strict=True)
        ):
            return tuple(standing)
        raise StreamMoved(f"{events[0].event_id} is another event: load payment and decide again") from taken

    async def _read_taken(self, stored: StoredEvent) -> StoredEvent:
        """A 404 for what a 409 has just shown to exist comes from a replica that lags: read again."""
        for _ in range(_LAGGING_READS):
            there = await self.load_event(stored.payment.payment_id, version=stored.payment.version)
            if there is not None:
                return there
        raise StoreBusy(f"{stored.event_id} is taken and cannot be read: retry")

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        with _read_faults(payment_id):
            async with asyncio.timeout(CALL_LIMIT_S):
                pages = self._container.query_items("SELECT * FROM c", partition_key=payment_id)
                documents = [document async for document in pages]
        return tuple(sorted(map(codec.from_document, documents), key=lambda stored: stored.payment.version))

    async def load_event(self, payment_id: str, *, version: int) -> StoredEvent | None:
        try:
            with _read_faults(payment_id):
                async with asyncio.timeout(CALL_LIMIT_S):
                    document = await self._container.read_item(f"{payment_id}:{version}", partition_key=payment_id)
        except HttpResponseError as exc:
            if exc.status_code == 404:
                return None
            raise
        return codec.from_document(document)

    async def ping(self) -> None:
        async with asyncio.timeout(CALL_LIMIT_S):
            await self._container.read()


class _Taken(PaymentsError):
    """The document id is taken."""


@contextmanager
def _write_faults(payment_id: str) -> Iterator[None]:
    """The SDK's errors of a write as ours; those we do not know travel on."""
    try:
        yield
    except HttpResponseError as exc:  # azure.core's: CosmosBatchOperationError is no CosmosHttpResponseError
        if exc.status_code == 409:
            raise _Taken(f"an event of payment {payment_id} stands there already") from exc
        if exc.status_code in _BUSY:
            raise StoreBusy(f"the store refused to append to payment {payment_id}: retry") from exc
        if exc.status_code in _MAYBE:
            raise AppendUnknown(f"append to payment {payment_id} answered {exc.status_code}: load to find out") from exc
        raise
    except ServiceRequestError as exc:
        raise StoreBusy(f"the store could not be reached to append to payment {payment_id}: retry") from exc
    except (ServiceResponseError, TimeoutError) as exc:
        raise AppendUnknown(f"append to payment {payment_id} got no answer: load to find out") from exc


@contextmanager
def _read_faults(payment_id: str) -> Iterator[None]:
    """The SDK's errors of a read as ours; those we do not know travel on."""
    try:
        yield
    except HttpResponseError as exc:
        if exc.status_code in _BUSY | _MAYBE:
            raise StoreBusy(f"payment {payment_id} could not be read: retry") from exc
        raise
    except (ServiceRequestError, ServiceResponseError, TimeoutError) as exc:
        raise StoreBusy(f"the store did not answer for payment {payment_id}: retry") from exc
