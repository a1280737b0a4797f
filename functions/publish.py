"""publish: the change feed wakes it. Translates documents for the verb. Knows no rule."""

import azure.functions as func

from functions.edge import edge
from functions.feed import on_events
from shared import flow
from shared.services import GetServices
from shared.verbs.publish import publish


def blueprint(services: GetServices, *, feed_poll_delay_ms: int) -> func.Blueprint:
    """The function `publish_events`."""
    bp = func.Blueprint()

    @on_events(bp, "publish_events", lease_prefix=flow.PUBLISH_LEASE_PREFIX, feed_poll_delay_ms=feed_poll_delay_ms)
    @edge
    async def publish_events(documents: func.DocumentList) -> None:
        await publish([dict(document) for document in documents], services=await services())

    return bp
