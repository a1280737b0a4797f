"""What a caller meets at the local host's HTTP functions: as in Azure, down to the 404 for a wrong method."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.local.host_support import APPS, running_host, spawn
from tests.local.process_support import LocalProcess

ID = str(uuid.UUID(int=7))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def host() -> AsyncIterator[LocalProcess]:
    async with running_host(APPS / "web") as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def echoed(host: LocalProcess, path: str, **options: Any) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.post(f"{host.url}{path}", **options) as response:
        assert response.status == 201
        answer: dict[str, Any] = await response.json()
        return answer


async def status(host: LocalProcess, method: str, path: str, **headers: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{host.url}{path}", headers=headers) as response,
    ):
        return response.status


async def test_a_function_sees_the_request_as_the_caller_sent_it(host: LocalProcess) -> None:
    path = f"/shop/echo/{ID}/more%20of%20it?a=1&empty=&b=2"

    seen = await echoed(host, path, data="ü".encode(), headers={"X-Mixed-Case": "Kept"})

    assert seen["method"] == "POST"
    assert seen["url"] == host.url + path
    assert seen["headers"]["x-mixed-case"] == "Kept"
    assert seen["params"] == {"a": "1", "b": "2"}
    assert seen["route_params"] == {"id": ID, "more": "more of it"}
    assert seen["body"] == "ü"


async def test_a_route_value_may_hold_a_line_break(host: LocalProcess) -> None:
    seen = await echoed(host, f"/shop/echo/{ID}/a%0Ab")

    assert seen["route_params"]["more"] == "a\nb"


async def test_a_request_without_a_body_reaches_the_function_with_an_empty_one(host: LocalProcess) -> None:
    seen = await echoed(host, f"/shop/echo/{ID}")

    assert seen["body"] == ""
    assert seen["route_params"] == {"id": ID}


async def test_the_response_keeps_status_headers_and_every_cookie(host: LocalProcess) -> None:
    async with aiohttp.ClientSession() as session, session.put(f"{host.url}/shop/echo/{ID}") as response:
        assert response.status == 201
        assert response.headers["X-Own"] == "yes"
        assert response.headers["Content-Type"] == "application/json"
        cookies = response.headers.getall("Set-Cookie")

    assert cookies == ["a=1; HttpOnly; Path=/x; SameSite=Lax", "b=2; Max-Age=60; Path=/; Secure"]


async def test_a_function_may_answer_with_a_plain_text(host: LocalProcess) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{host.url}/SHOP/Files/a/b%2Fc") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert await response.text() == "a/b%2Fc"


async def test_a_function_runs_in_a_span_of_the_host_in_the_callers_trace(host: LocalProcess) -> None:
    trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    seen = await echoed(host, f"/shop/echo/{ID}", headers={"traceparent": trace_parent})

    version, trace, span, flags = seen["trace_parent"].split("-")
    assert [version, trace, flags] == [part for part in trace_parent.split("-") if part != "b7ad6b7169203331"]
    assert span != "b7ad6b7169203331"


async def test_a_trace_begins_where_the_caller_brings_none(host: LocalProcess) -> None:
    first = await echoed(host, f"/shop/echo/{ID}", headers={"traceparent": "nonsense"})
    second = await echoed(host, f"/shop/echo/{ID}")

    assert first["trace_parent"].startswith("00-")
    assert first["trace_parent"].split("-")[1] != second["trace_parent"].split("-")[1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("DELETE", f"/shop/echo/{ID}", id="a method that the route does not take"),
        pytest.param("POST", "/shop/echo/7", id="a value that does not fit the constraint"),
        pytest.param("POST", f"/shop/echo/{ID}/more/and/more", id="a path that goes on"),
        pytest.param("POST", f"/api/echo/{ID}", id="another prefix than that of host.json"),
    ],
)
async def test_what_no_route_takes_is_not_found(host: LocalProcess, method: str, path: str) -> None:
    assert await status(host, method, path) == 404


async def raw_status(host: LocalProcess, *headers: bytes, asking: str = f"POST /shop/echo/{ID}") -> int:
    """Of a request whose headers are these bytes, which no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    lines = (f"{asking} HTTP/1.1".encode(), *headers, b"Content-Length: 0", b"Connection: close", b"", b"")
    writer.write(b"\r\n".join(lines))
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ")[1])


@pytest.mark.parametrize(
    "name", [b"localhost:abc", b"localhost:99999", b"localhost:-1", b"a:b:c", b"\xff\xfe"], ids=str
)
@pytest.mark.parametrize("asking", [f"POST /shop/echo/{ID}", "GET /shop/nowhere", "GET /"])
async def test_a_host_that_is_none_is_a_bad_request(host: LocalProcess, name: bytes, asking: str) -> None:
    assert await raw_status(host, b"Host: " + name, asking=asking) == 400
    assert await raw_status(host, b"Host: localhost:1") == 201


async def test_keys_are_not_asked_for_unless_the_host_is_told_to(host: LocalProcess) -> None:
    assert await status(host, "GET", "/shop/locked") == 200


async def test_a_function_that_raises_answers_500_and_leaves_one_line_in_the_log() -> None:
    async with (
        running_host(APPS / "web") as host,
        aiohttp.ClientSession() as session,
        session.get(f"{host.url}/shop/broken") as response,
    ):
        answer = response.status, await response.read()
        await host.stop()

    assert answer == (500, b"")
    assert [line.split(" ERROR ")[1] for line in host.log.splitlines()] == [
        "local.azure.host.server: broken failed: ValueError: the cause"
    ]


async def test_with_keys_required_only_a_known_key_opens_a_function_that_is_not_anonymous() -> None:
    keys = ("--enable-auth", "--function-key", "right", "--admin-key", "master")
    async with running_host(APPS / "web", *keys) as host:
        opened = {
            "anonymous": await status(host, "POST", f"/shop/echo/{ID}"),
            "no key": await status(host, "GET", "/shop/locked"),
            "wrong key": await status(host, "GET", "/shop/locked", **{"x-functions-key": "wrong"}),
            "no text": await raw_status(host, b"Host: x", b"x-functions-key: \xff\xfe", asking="GET /shop/locked"),
            "header": await status(host, "GET", "/shop/locked", **{"x-functions-key": "right"}),
            "admin": await status(host, "GET", "/shop/locked", **{"x-functions-key": "master"}),
            "query": await status(host, "GET", "/shop/locked?code=right"),
            "header before query": await status(host, "GET", "/shop/locked?code=right", **{"x-functions-key": "wrong"}),
        }

    assert opened == {
        "anonymous": 201,
        "no key": 401,
        "wrong key": 401,
        "no text": 401,
        "header": 200,
        "admin": 200,
        "query": 200,
        "header before query": 401,
    }


async def test_a_stop_waits_for_the_request_under_way() -> None:
    async with running_host(APPS / "web") as host, aiohttp.ClientSession() as session:
        request = asyncio.create_task(session.get(f"{host.url}/shop/slow?s=0.5"))
        assert "slow began" in await host.says()

        code = await host.stop()

        assert (await request).status == 200
    assert code == 0
    assert host.log == ""


async def test_a_stop_gives_up_a_function_that_never_ends_and_names_it() -> None:
    async with (
        running_host(APPS / "web", "--http-drain-s", "0.1", "--drain-s", "0.5") as host,
        aiohttp.ClientSession() as session,
    ):
        request = asyncio.create_task(session.get(f"{host.url}/shop/stuck"))
        assert "stuck" in await host.says()

        code = await host.stop()

        with pytest.raises(aiohttp.ClientError):
            await request
    assert code == 0
    assert "not finished after 0.5 s, given up: stuck" in host.log


async def test_a_host_that_still_waits_for_a_service_can_be_stopped() -> None:
    nobody = {
        "CosmosConnection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=c2VjcmV0;",
        "ServiceBusConnection": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;"
        "UseDevelopmentEmulator=true;",
        "SUBSCRIPTION": "settle",
        "EVENTS": "events",
        "LEASES": "leases",
    }
    host = await spawn(APPS / "sample", settings=nobody)
    said = [await host.says(), await host.says()]

    code = await host.stop()

    assert code == 0
    assert {line.split(": ")[1] for line in said} == {"on_change", "on_message"}
    assert all(line.endswith("trying again until it answers\n") for line in said)


async def test_a_stop_cuts_a_caller_who_never_finishes_his_request() -> None:
    limit_s = 5  # far more than the process needs to end
    async with running_host(APPS / "web", "--http-drain-s", str(limit_s), "--drain-s", str(limit_s)) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(b"POST /shop/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n", "the request is under way"
        writer.write(b"and then nothing")
        began = asyncio.get_running_loop().time()

        code = await host.stop()

        took_s = asyncio.get_running_loop().time() - began
        writer.close()
    assert code == 0
    assert limit_s <= took_s < 2 * limit_s, "the limit was waited for once"
    assert await reader.read() == b""
