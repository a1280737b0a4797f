"""Signing in without keys, for connections that name an endpoint. Must not know what is behind the endpoint."""

from azure.core.credentials_async import AsyncTokenCredential

from local.azure.host.settings import Connection


def credential_of(connection: Connection) -> AsyncTokenCredential:
    """The identity that a connection's `__credential` and `__clientId` describe, as the host's extensions read them."""
    # Imported here because azure.identity costs 0.2 s, and a laptop with connection strings never needs it.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if (connection.credential or "").casefold() == "managedidentity":
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)
