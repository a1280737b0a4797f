"""One page of a query over all partitions, and where the next one begins. Knows no container."""

from typing import Any

from azure.cosmos.aio import ContainerProxy


async def page_of(
    container: ContainerProxy, query: str, *, parameters: list[dict[str, Any]], limit: int, page: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` documents, and an opaque continuation. It must not be used with another query."""
    pages = container.query_items(query, parameters=parameters, max_item_count=limit).by_page(page)
    async for found in pages:
        documents = [document async for document in found]
        return documents, pages.continuation_token  # type: ignore[attr-defined] # azure.core's AsyncPageIterator has it
    return [], None
