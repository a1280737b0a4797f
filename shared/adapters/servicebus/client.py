"""The client of a namespace. Knows no topic."""

import functools
import ssl
from typing import Any

import certifi
from azure.servicebus.aio import ServiceBusClient


def open_client(
    connection: str | None,
    *,
    namespace: str | None = None,
    credential: Any = None,  # noqa: ANN401 - azure.identity's credentials share no exported type
) -> ServiceBusClient:
    """A client by connection string or by namespace and credential; close it at the end."""
    if connection:
        return ServiceBusClient.from_connection_string(connection, ssl_context=_trust())
    return ServiceBusClient(str(namespace), credential, ssl_context=_trust())


@functools.cache
def _trust() -> ssl.SSLContext:
    """The authorities that the SDK trusts by itself; it would read them anew for each connection, in 20 ms of CPU."""
    return ssl.create_default_context(cafile=certifi.where())
