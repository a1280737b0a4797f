"""A client is opened by connection string, or by address and identity; a proxy counts only where it is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from local.azure.cosmos import server
from local.supervisor import TOPOLOGY
from shared.adapters.cosmos import client as cosmos
from shared.adapters.servicebus import client as servicebus


class Identity:
    """Has no token to give; nothing here asks for one."""

    async def get_token(self, *scopes: str, **named: Any) -> AccessToken:
        raise NotImplementedError(scopes, named)

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
async def a_proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """What the environment names as the proxy: it says that it was asked, and hangs up."""
    asked = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    async with listening:
        yield asked


@pytest.mark.parametrize("proxies", [False, True])
async def test_a_proxy_is_asked_only_if_it_is_wanted(
    *, proxies: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = await server.start(data=tmp_path, topology=TOPOLOGY)
    client = cosmos.open_client(store.connection_string, proxies=proxies)
    async with a_proxy(monkeypatch) as asked:
        opening = asyncio.create_task(client.__aenter__())
        await asyncio.wait([opening, asyncio.create_task(asked.wait())], return_when=asyncio.FIRST_COMPLETED)

        assert asked.is_set() is proxies
        assert opening.done() is not proxies
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
    await client.close()
    await store.close()
