"""Overview on Azure Cosmos DB: one document per payment. Knows no rule of payments."""

from collections.abc import Sequence
from datetime import datetime

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from shared.adapters.cosmos.faults import Taken, reading, writing
from shared.adapters.cosmos.pages import page_of
from shared.codec.rows import row_from_json, row_to_json
from shared.codec.values import time_to_json
from shared.domain.rows import Row
from shared.ports.overview import RowPage


class CosmosOverview:
    """The container whose partition key is the payment id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def get(self, payment_id: str) -> Row | None:
        async with reading(f"read the row of {payment_id}"):
            try:
                return row_from_json(await self._container.read_item(payment_id, partition_key=payment_id))
            except CosmosResourceNotFoundError:
                return None

    async def put(self, row: Row) -> bool:
        try:
            async with writing(f"write the row of {row.payment_id}"):
                if row.etag is None:
                    await self._container.create_item(row_to_json(row), no_response=True)
                else:
                    await self._container.replace_item(
                        row.payment_id,
                        row_to_json(row),
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
        except Taken:
            return False
        return True

    async def stuck(self, owes: str, *, moved_before: datetime, limit: int) -> Sequence[Row]:
        query = "SELECT TOP @limit * FROM c WHERE c.owes = @owes AND c.active_at < @before"
        parameters: list[dict[str, object]] = [
            {"name": "@limit", "value": limit},
            {"name": "@owes", "value": owes},
            {"name": "@before", "value": time_to_json(moved_before)},
        ]
        async with reading("find payments that stand still"):
            rows = self._container.query_items(query, parameters=parameters)
            return [row_from_json(row) async for row in rows]

    async def list(self, *, settled: bool | None, limit: int, page: str | None = None) -> RowPage:
        where = "" if settled is None else " WHERE c.settled = @settled"
        parameters = [] if settled is None else [{"name": "@settled", "value": settled}]
        async with reading("list payments"):
            query = f"SELECT * FROM c{where}"  # noqa: S608 - built of constants; values travel as parameters
            documents, next_page = await page_of(self._container, query, parameters=parameters, limit=limit, page=page)
        return RowPage(tuple(map(row_from_json, documents)), next_page)
