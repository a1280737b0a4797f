"""Attempts on Azure Cosmos DB: one document per try, which the container's time to live takes away."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from azure.cosmos.aio import ContainerProxy

from shared.adapters.cosmos.faults import reading, writing
from shared.codec.attempts import attempt_from_document, attempt_to_document
from shared.codec.values import time_from_json, time_to_json
from shared.domain.notifications import Attempt
from shared.ports.attempts import SHOWN_OF_EACH

AT_ONCE: Final = 200
"""Read together, for nearly every payment has fewer."""
_NEWEST: Final = "SELECT TOP @limit * FROM c ORDER BY c.at DESC"
_NEWEST_OF_ONE: Final = "SELECT TOP @limit * FROM c WHERE c.notificationId = @id ORDER BY c.at DESC"
_RESENT: Final = (
    "SELECT TOP @limit VALUE c.at FROM c "
    'WHERE c.notificationId = @id AND c["by"] IN ("resend", "operator") AND c.at >= @since ORDER BY c.at DESC'
)


class CosmosAttempts:
    """The container whose partition key is the payment id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def add(self, attempt: Attempt) -> None:
        async with writing(f"keep attempt {attempt.attempt_id}"):
            await self._container.create_item(attempt_to_document(attempt), no_response=True)

    async def of(self, payment_id: str, notification_ids: Sequence[str]) -> Mapping[str, tuple[Attempt, ...]]:
        """Only where the newest of the payment are too many to be all, and show too few of one, is that one asked for
        by itself.
        """
        newest = await self._found(payment_id, _NEWEST, limit=AT_ONCE)
        found = {each: [one for one in newest if one.notification_id == each] for each in notification_ids}
        if len(newest) == AT_ONCE:
            for each in [each for each, tries in found.items() if len(tries) < SHOWN_OF_EACH]:
                found[each] = await self._found(payment_id, _NEWEST_OF_ONE, limit=SHOWN_OF_EACH, notification_id=each)
        return {each: tuple(reversed(tries[:SHOWN_OF_EACH])) for each, tries in found.items()}

    async def resent(
        self, payment_id: str, notification_id: str, *, since: datetime, limit: int
    ) -> tuple[datetime, ...]:
        values = {"@limit": limit, "@id": notification_id, "@since": time_to_json(since)}
        parameters: list[dict[str, object]] = [{"name": name, "value": value} for name, value in values.items()]
        async with reading(f"find resends of {notification_id}"):
            times = self._container.query_items(_RESENT, parameters=parameters, partition_key=payment_id)
            return tuple([time_from_json(str(at)) async for at in times])

    async def _found(
        self, payment_id: str, query: str, *, limit: int, notification_id: str | None = None
    ) -> list[Attempt]:
        """Newest first."""
        parameters: list[dict[str, object]] = [{"name": "@limit", "value": limit}]
        if notification_id is not None:
            parameters.append({"name": "@id", "value": notification_id})
        async with reading(f"find attempts of {payment_id}"):
            pages = self._container.query_items(query, parameters=parameters, partition_key=payment_id)
            return [attempt_from_document(document) async for document in pages]
