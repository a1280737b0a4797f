"""One page of a query over all partitions, and where the next one begins. Knows no container."""

from typing import Any

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from shared.errors import PageUnknown

_NONE_OF_THIS = "the page is none of this listing: begin again without it"


async def page_of(
    container: ContainerProxy, query: str, *, parameters: list[dict[str, Any]], limit: int, page: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` documents, and an opaque continuation. Raises PageUnknown for one that is of another query."""
    if page is not None and not (page.isascii() and page.isprintable()):
        raise PageUnknown(_NONE_OF_THIS)  # it goes into a header, where the SDK would fail on it
    pages = container.query_items(query, parameters=parameters, max_item_count=limit).by_page(page)
    try:
        async for found in pages:
            documents = [document async for document in found]
            return documents, pages.continuation_token  # type: ignore[attr-defined] # azure.core's AsyncPageIterator has it
    except CosmosHttpResponseError as exc:
        if page is None or exc.status_code != 400:
            raise
        raise PageUnknown(_NONE_OF_THIS) from exc
    return [], None
