"""The change feed of the event store as a trigger, declared once. Knows no verb."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from shared import flow

type OnDocuments = Callable[[func.DocumentList], Awaitable[None]]


def on_events(bp: func.Blueprint, name: str, *, lease_prefix: str, feed_poll_delay_ms: int) -> Callable[..., object]:
    """A decorator: the feed wakes the function, which has leases of its own. Its argument must be called `documents`.

    Without an endless retry policy the host drops a batch that failed. Without start_from_beginning, an event that was
    stored before the first lease would never be seen.
    """

    def declare(function: OnDocuments) -> object:
        retried = bp.retry(
            strategy="exponential_backoff",
            max_retry_count="-1",
            minimum_interval="00:00:01",
            maximum_interval="00:00:30",
        )
        triggered = bp.cosmos_db_trigger(
            arg_name="documents",
            connection="CosmosConnection",
            database_name=flow.DATABASE,
            container_name=flow.EVENTS,
            lease_container_name=flow.LEASES,
            lease_container_prefix=lease_prefix,
            create_lease_container_if_not_exists=False,
            start_from_beginning=True,  # type: ignore[arg-type] # typed as a time in azure-functions; the host reads a bool
            feed_poll_delay=feed_poll_delay_ms,
        )
        return bp.function_name(name)(triggered(retried(function)))

    return declare
