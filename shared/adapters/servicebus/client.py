"""The client of a namespace. Knows no topic."""

from typing import Any

from azure.servicebus.aio import ServiceBusClient


def open_client(
    connection: str | None,
    *,
    namespace: str | None = None,
    credential: Any = None,  # noqa: ANN401 - azure.identity's credentials share no exported type
) -> ServiceBusClient:
    """A client by connection string or by namespace and credential; close it at the end."""
    if connection:
        return ServiceBusClient.from_connection_string(connection)
    return ServiceBusClient(str(namespace), credential)
