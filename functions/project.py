"""project: the change feed wakes it, by leases of its own. Translates documents for the verb."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from shared import flow
from shared.services import Services
from shared.verbs.project import project


def blueprint(services: Callable[[], Awaitable[Services]], *, feed_poll_delay_ms: int) -> func.Blueprint:
    """The function `project_payments`."""
    bp = func.Blueprint()

    @bp.function_name("project_payments")
    @bp.cosmos_db_trigger(
        arg_name="documents",
        connection="CosmosConnection",
        database_name=flow.DATABASE,
        container_name=flow.EVENTS,
        lease_container_name=flow.LEASES,
        lease_container_prefix=flow.PROJECT_LEASE_PREFIX,
        create_lease_container_if_not_exists=False,
        start_from_beginning=True,  # type: ignore[arg-type] # typed as a time in azure-functions; the host reads a bool
        feed_poll_delay=feed_poll_delay_ms,
    )
    @bp.retry(
        strategy="exponential_backoff",
        max_retry_count="-1",
        minimum_interval="00:00:01",
        maximum_interval="00:00:30",
    )
    async def project_payments(documents: func.DocumentList) -> None:
        await project([dict(document) for document in documents], services=await services())

    return bp
