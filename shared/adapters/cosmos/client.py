"""The client of an account. Knows no container."""

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import CosmosClient


def open_client(
    connection: str | None,
    *,
    endpoint: str | None = None,
    credential: Any = None,  # noqa: ANN401 - azure.identity's credentials share no exported type
    proxies: bool,
) -> CosmosClient:
    """A client by connection string or by endpoint and credential; enter it in the running loop, close it at the end.

    proxies: honour HTTP(S)_PROXY and ~/.netrc. Reading them on every request doubles the client's CPU time.
    """
    transport = AioHttpTransport(use_env_settings=proxies)
    if connection:
        return CosmosClient.from_connection_string(connection, transport=transport)
    return CosmosClient(str(endpoint), credential=credential, transport=transport)
