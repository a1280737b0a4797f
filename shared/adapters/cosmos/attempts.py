"""Attempts on Azure Cosmos DB: one document per try, which the container's time to live takes away."""

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.faults import reading, writing
from shared.codec.attempts import attempt_from_document, attempt_to_document
from shared.domain.notifications import Attempt
from shared.ports.attempts import SHOWN_AT_MOST

_NEWEST = f"SELECT TOP {SHOWN_AT_MOST} * FROM c ORDER BY c.at DESC"  # noqa: S608 - of a constant


class CosmosAttempts:
    """The container whose partition key is the payment id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def add(self, attempt: Attempt) -> None:
        async with writing(f"keep attempt {attempt.attempt_id}"):
            await self._container.create_item(attempt_to_document(attempt), no_response=True)

    async def of(self, payment_id: str) -> tuple[Attempt, ...]:
        async with reading(f"find attempts of {payment_id}"):
            pages = self._container.query_items(_NEWEST, partition_key=payment_id)
            found = [attempt_from_document(document) async for document in pages]
        return tuple(reversed(found))
