"""The read model as tests fill and look at it, without what else becomes of a payment. Knows no HTTP."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared import flow
from shared.codec.documents import to_document
from shared.domain.stream import StoredEvent
from shared.verbs.project import project
from tests.builders import NOON, a_payment
from tests.flow.kit.backends import Backends
from tests.flow.kit.world import World

_LEASE = "127.0.0.1_AAAAAQ==_AAAAAYAAAAE=..0"


async def projector_came_to(world: World, number: int) -> None:
    """Its lease, as the change feed processor of the Functions host writes it."""
    came_to = {"LeaseToken": "0", "ContinuationToken": f'"{number}"', "Owner": "a-host", "version": 0}
    lease = {"id": flow.PROJECT_LEASE_PREFIX + _LEASE, **came_to}
    await world.backends.container(flow.LEASES).upsert_item(lease)


async def all_is_read(world: World) -> None:
    """As after the projector has read everything that is stored now."""
    await projector_came_to(world, world.backends.writes())


async def project_stories(world: World, *stories: Sequence[StoredEvent]) -> None:
    """The rows of payments with these events, as if the feed had brought them."""
    documents: list[dict[str, Any]] = [to_document(stored) for story in stories for stored in story]
    await project(documents, services=world.services)


async def project_payment(world: World, *, at: datetime = NOON, **changes: Any) -> str:
    """A payment that was initiated then; its id."""
    payment_id = changes.pop("payment_id", None) or str(uuid.uuid4())
    await project_stories(world, a_payment(payment_id=payment_id, occurred_at=at, **changes).stored)
    return str(payment_id)


async def empty_rows(backends: Backends) -> None:
    """Throw the whole read model away, as docs/operations.md says."""
    container = backends.container(flow.PAYMENTS)
    async for each in container.query_items("SELECT c.id, c.merchant_month FROM c"):
        await container.delete_item(each["id"], partition_key=each["merchant_month"])


async def requests(backends: Backends, container: str = flow.PAYMENTS) -> dict[str, tuple[int, float]]:
    """How often each operation was asked of a container since the last look, and what it cost in RU."""
    return (await all_requests(backends)).get(container, {})


async def all_requests(backends: Backends) -> dict[str, dict[str, tuple[int, float]]]:
    """The same of every container."""
    url = f"{backends.cosmos.url}/_local/requests"
    async with backends.http.get(url) as response:
        tallies = (await response.json())["requests"]
    async with backends.http.delete(url):
        return {
            container: {operation: (tally["count"], tally["ru"]) for operation, tally in operations.items()}
            for container, operations in tallies.items()
        }
