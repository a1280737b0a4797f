"""The change feed of one part of a container, read to its end or for a while. Knows no event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from shared.errors import StoreRefuses

PAGE: Final = 100
"""Documents that are asked for at once."""


@dataclass(frozen=True, slots=True)
class Read:
    """position: where the next read goes on. tokens: the newest session tokens. is_end: nothing was left behind it."""

    documents: list[dict[str, Any]]
    position: str
    tokens: list[str]
    is_end: bool


async def from_now(container: ContainerProxy, feed_range: dict[str, Any]) -> Read:
    """The place behind everything that is there; no document is read."""
    return await _read(container, {"feed_range": feed_range, "start_time": "Now"}, limit=1)


async def from_time(container: ContainerProxy, feed_range: dict[str, Any], *, since: datetime, limit: int) -> Read:
    """What was stored since then. Its position cannot be gone on from: the SDK (4.17.1) writes the time in such a one
    in milliseconds and reads it as seconds.
    """
    return await _read(container, {"feed_range": feed_range, "start_time": since}, limit=limit)


async def from_position(container: ContainerProxy, position: str, *, limit: int) -> Read:
    """What was stored behind it. A page that is not full is the last one that is asked for.

    Raises StoreRefuses for a position of a container that was since deleted and made again.
    """
    try:
        return await _read(container, {"continuation": position}, limit=limit, ends_early=True)
    except ValueError as exc:  # the SDK's, before it asks anything
        raise StoreRefuses(f"the position is of no use here: {exc}") from exc


async def _read(container: ContainerProxy, start: dict[str, Any], *, limit: int, ends_early: bool = False) -> Read:
    seen: list[Mapping[str, Any]] = []
    documents: list[dict[str, Any]] = []
    pages = container.query_items_change_feed(
        **start, max_item_count=min(limit, PAGE), response_hook=lambda headers, _: seen.append(headers)
    ).by_page()
    is_end = False
    async for page in pages:
        found = [document async for document in page]
        documents += found
        if len(documents) >= limit:
            break
        if ends_early and len(found) < PAGE:
            is_end = True
            break
    else:
        is_end = True
    tokens = seen[-1].get("x-ms-session-token", "").split(",")
    return Read(documents, str(seen[-1]["etag"]), tokens, is_end)
