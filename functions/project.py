"""project: the change feed wakes it, under leases of its own. Translates documents for the verb. Knows no rule."""

import azure.functions as func

from functions.edge import edge
from functions.feed import on_events
from shared import flow
from shared.services import GetServices
from shared.verbs.project import project


def blueprint(services: GetServices, *, feed_poll_delay_ms: int) -> func.Blueprint:
    """The function `project_payments`."""
    bp = func.Blueprint()

    @on_events(bp, "project_payments", lease_prefix=flow.PROJECT_LEASE_PREFIX, feed_poll_delay_ms=feed_poll_delay_ms)
    @edge
    async def project_payments(documents: func.DocumentList) -> None:
        await project([dict(document) for document in documents], services=await services())

    return bp
