"""What the local services have counted, as the end-to-end tests look at it. Knows no payment."""

from typing import Any

import aiohttp

from local.supervisor import Platform


async def requests_to(container: str, http: aiohttp.ClientSession, platform: Platform) -> dict[str, Any]:
    """The requests to one container of the store: how many and how dear, by operation. {} when there were none."""
    async with http.get(f"{platform.cosmos_url}_local/requests") as response:
        counted: dict[str, Any] = (await response.json())["requests"]
    requests: dict[str, Any] = counted.get(container, {})
    return requests


async def topics(http: aiohttp.ClientSession, platform: Platform) -> dict[str, Any]:
    """What each topic of the broker has accepted, by name."""
    async with http.get(f"{platform.admin_url}/entities") as response:
        entities: dict[str, Any] = await response.json()
    return entities
