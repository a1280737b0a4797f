"""One page of a query over all partitions, with the store's own word for where the next one begins."""

from typing import Any

from azure.cosmos.aio import ContainerProxy


async def page_of(
    container: ContainerProxy, query: str, *, parameters: list[dict[str, Any]], limit: int, page: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` documents. The continuation is opaque; handing in one of another query is the caller's error."""
    pages = container.query_items(query, parameters=parameters, max_item_count=limit).by_page(page)
    async for found in pages:
        documents = [document async for document in found]
        return documents, pages.continuation_token  # type: ignore[attr-defined] # azure.core's AsyncPageIterator has it
    return [], None
