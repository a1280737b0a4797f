"""A client is opened by connection string, or by address and identity; a proxy counts only where it is wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.cosmos.aio import CosmosClient

from shared.adapters.cosmos import client as cosmos
from shared.adapters.servicebus import client as servicebus


class Identity:
    """Gives a token that nobody looks at."""

    async def get_token(self, *scopes: str, **named: Any) -> AccessToken:
        del scopes, named
        return AccessToken("token", expires_on=2**33)

    async def close(self) -> None:
        return


async def test_an_account_is_opened_by_its_address_and_an_identity() -> None:
    address = "https://payments.documents.azure.com:443/"
    client = cosmos.open_client(None, endpoint=address, credential=Identity(), proxies=False)

    assert client.client_connection.url_connection == address
    await client.close()


async def test_a_namespace_is_opened_by_its_name_and_an_identity() -> None:
    client = servicebus.open_client(None, namespace="payments.servicebus.windows.net", credential=Identity())

    assert client.fully_qualified_namespace == "payments.servicebus.windows.net"
    await client.close()


@asynccontextmanager
async def a_listener() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Host and port of what hangs up on everybody, and whether somebody came."""
    came = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}", came


def by_connection_string(at: str, *, proxies: bool) -> CosmosClient:
    return cosmos.open_client(f"AccountEndpoint=http://{at}/;AccountKey=c2VjcmV0;", proxies=proxies)


def by_identity(at: str, *, proxies: bool) -> CosmosClient:
    return cosmos.open_client(None, endpoint=f"https://{at}/", credential=Identity(), proxies=proxies)


@pytest.mark.parametrize("opened", [by_connection_string, by_identity])
@pytest.mark.parametrize("proxies", [False, True])
async def test_a_proxy_is_asked_only_if_it_is_wanted(
    opened: Callable[..., CosmosClient], *, proxies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_listener() as (proxy, proxy_asked), a_listener() as (account, account_asked):
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        client = opened(account, proxies=proxies)
        opening = asyncio.create_task(client.__aenter__())
        either = [asyncio.create_task(asked.wait()) for asked in (proxy_asked, account_asked)]

        await asyncio.wait([opening, *either], return_when=asyncio.FIRST_COMPLETED)

        assert (proxy_asked.is_set(), account_asked.is_set()) == (proxies, not proxies)
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
        await client.close()
