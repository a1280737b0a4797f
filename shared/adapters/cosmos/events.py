"""EventStore on Azure Cosmos DB. Knows no rule of payments.

An append is one conditional create. A document id `{paymentId}:{version}` that is taken answers 409: that is the
concurrency check. It is global only while the account has one write region. An erasure replaces documents, each only
as it was read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from shared.adapters.cosmos.faults import Taken, reading, writing
from shared.codec.documents import from_document, stream_from, to_document
from shared.codec.erasure import erased
from shared.domain.erasure import Erasure
from shared.domain.sameness import same_fact
from shared.domain.stream import StoredEvent
from shared.errors import AppendUnknown, StoreBusy, StoreRefuses, StreamMoved
from shared.ports.event_store import Appended

_LAGGING_READS = 3


class CosmosEventStore:
    """The streams in one container whose partition key is the payment id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        documents = [to_document(stored) for stored in events]
        try:
            async with writing(f"append {events[0].event_id}"):
                await self._create(documents)
        except Taken as taken:
            return Appended(await self._what_stands(events, taken), is_new=False)
        return Appended(tuple(events), is_new=True)

    async def _create(self, documents: list[dict[str, Any]]) -> None:
        if len(documents) == 1:
            await self._container.create_item(documents[0], no_response=True)
            return
        await self._container.execute_item_batch(
            [("create", (document,)) for document in documents], partition_key=documents[0]["paymentId"]
        )

    async def _what_stands(self, events: Sequence[StoredEvent], taken: Taken) -> tuple[StoredEvent, ...]:
        """Our own events when an earlier call stored them and its answer was lost; else raises StreamMoved.

        Or AppendUnknown, when it cannot be seen: an id that is taken may be taken by us.
        """
        standing = []
        for ours in events:
            there = await self._read_taken(ours)
            if not same_fact(there.event, ours.event):
                raise StreamMoved(f"{ours.event_id} is another event: load the payment and decide again") from taken
            standing.append(there)
        return tuple(standing)

    async def _read_taken(self, stored: StoredEvent) -> StoredEvent:
        """A 404 for what a 409 has just shown to exist comes from a replica that lags: read again."""
        unseen = f"{stored.event_id} is taken, maybe by us, and cannot be read: load to find out"
        for _ in range(_LAGGING_READS):
            try:
                document = await self.load_document(stored.event_id)
            except (StoreBusy, StoreRefuses) as exc:
                raise AppendUnknown(unseen) from exc
            if document is not None:
                return from_document(document)
        raise AppendUnknown(unseen)

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        return stream_from(await self._documents(payment_id))

    async def _documents(self, payment_id: str) -> list[dict[str, Any]]:
        async with reading(f"load {payment_id}"):
            pages = self._container.query_items("SELECT * FROM c", partition_key=payment_id)
            return [document async for document in pages]

    async def load_document(self, event_id: str) -> Mapping[str, Any] | None:
        payment_id = event_id.rpartition(":")[0]
        async with reading(f"read {event_id}"):
            try:
                return await self._container.read_item(event_id, partition_key=payment_id)
            except CosmosResourceNotFoundError:
                return None

    async def erase(self, payment_id: str, *, erasure: Erasure) -> None:
        blank = [document for each in await self._documents(payment_id) if (document := erased(each, erasure))]
        if not blank:
            return
        try:
            async with writing(f"erase words of {payment_id}"):
                await self._replace(blank)
        except Taken as taken:
            raise StreamMoved(f"an event of {payment_id} was changed by somebody else: look again") from taken

    async def _replace(self, documents: list[dict[str, Any]]) -> None:
        """Together or not at all. A payment has fewer events with words than a batch may have operations (100)."""
        await self._container.execute_item_batch(
            [("replace", (each["id"], each), {"if_match_etag": each["_etag"]}) for each in documents],
            partition_key=documents[0]["paymentId"],
        )

    async def ping(self) -> None:
        async with reading("ping"):
            await self._container.read()
