"""A page of another site in the developer's browser: no local service hears it, whatever it is asked."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from local.azure.cosmos import server as cosmos
from local.azure.servicebus import server as servicebus
from local.provider import server as provider
from local.stripe import server as stripe
from tests.local.host_support import APPS, running_host

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS = (
    ("provider", "POST", "/faults", '{"rate_5xx": 1}'),
    ("provider", "POST", "/break", ""),
    ("provider", "POST", "/disputes", '{"payment_reference": "p-1"}'),
    ("provider", "GET", "/charges", ""),
    ("provider", "GET", "/nowhere", ""),
    ("stripe", "POST", "/v1/payment_intents", "amount=1250&currency=eur"),
    ("stripe", "GET", "/v1/payment_intents", ""),
    ("cosmos", "POST", "/_local/faults", '{"status": 429, "container": "events"}'),
    ("cosmos", "GET", "/_local/requests", ""),
    ("cosmos", "GET", "/dbs", ""),
    ("servicebus", "POST", "/faults", '{"kind": "drop_connections"}'),
    ("servicebus", "GET", "/entities", ""),
    ("servicebus", "GET", "/tail", ""),
    ("host", "POST", "/admin/functions/hello", '{"input": ""}'),
    ("host", "GET", "/admin/functions", ""),
)
PAGES = {
    "a form": {"Origin": "http://evil.example", "Content-Type": "text/plain"},
    "a picture": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    "no origin that can be named": {"Origin": "null"},
    "a name that leads here": {"Host": "evil.example:7090", "Origin": "http://evil.example:7090"},
    "a name that leads here, only read": {"Host": "evil.example:7090"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """Their addresses."""
    data: Path = tmp_path_factory.mktemp("data")
    async with AsyncExitStack() as running:
        account = await cosmos.start(data=data)
        running.push_async_callback(account.close)
        broker = await servicebus.start(data=data)
        running.push_async_callback(broker.close)
        ours, theirs = await provider.start(port=0, data=data), await stripe.start(port=0, data=data, hold_s=0.1)
        running.push_async_callback(ours.close)
        running.push_async_callback(theirs.close)
        host = await running.enter_async_context(running_host(APPS / "web"))
        ports = {"cosmos": account.port, "servicebus": broker.admin_port, "provider": ours.port, "stripe": theirs.port}
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()} | {"host": host.url}


async def status(method: str, url: str, *, body: str, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as http, http.request(method, url, data=body or None, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_of_another_site_is_refused_whatever_it_asks(page: str, services: dict[str, str]) -> None:
    came = {
        (name, method, path): await status(method, services[name] + path, body=body, headers=PAGES[page])
        for name, method, path, body in CALLS
    }

    assert came == dict.fromkeys(came, 403)


async def test_who_is_no_page_is_heard(services: dict[str, str]) -> None:
    """Also under the other names of this machine, and whoever types an address into a browser."""
    readable = ("/charges", "/_local/requests", "/entities", "/admin/functions", "/v1/payment_intents")
    for headers in ({}, {"Host": "localhost:7090"}, {"Host": "[::1]:7090", "Sec-Fetch-Site": "none"}):
        came = {
            name + path: await status("GET", services[name] + path, body="", headers=headers)
            for name, _, path, _ in CALLS
            if path in readable
        }

        assert 403 not in came.values(), (headers, came)
