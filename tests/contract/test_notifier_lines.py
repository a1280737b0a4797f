"""To whom the notifier speaks at all, and how long: hosts that lead inside, names that change, servers that never end.

The names are those of a resolver of the test's own, and TLS is not spoken: what counts is whom a socket was opened to.
"""

import asyncio
import functools
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from shared.adapters.merchant import lines
from shared.adapters.merchant.client import AT_ONCE, HttpNotifier
from shared.adapters.merchant.lines import open_session
from shared.ports.notifier import Failure, Reply
from shared.ports.provider import Busy, Call, Done, OurFault
from shared.wiring import SystemClock
from tests.contract.test_notifier import NEW

pytestmark = pytest.mark.asyncio(loop_scope="package")

PUBLIC, INSIDE, METADATA = "93.184.216.34", "127.0.0.1", "169.254.169.254"
CALL = Call(request_id="p1:notify", traceparent=None)

type Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


def names(*answers: Sequence[str]) -> tuple[Callable[[str, int], list[Any]], list[str]]:
    """A resolver that gives these, one after another and then the last for ever; and what it was asked."""
    left, asked = list(answers), []

    def lookup(host: str, port: int) -> list[Any]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [_info(each, port) for each in addresses]

    return lookup, asked


def _info(address: str, port: int) -> Any:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses to which a socket was wanted after all checks; none of them is connected to."""
    seen: list[str] = []

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            seen.append(address[0])
            raise ConnectionRefusedError("not in a test")

    monkeypatch.setattr("shared.adapters.merchant.lines.socket.socket", Socket)
    return seen


async def told(
    url: str, *, lookup: Callable[[str, int], list[Any]] | None = None, limit_s: float = 5.0, anywhere: bool = False
) -> Reply:
    async with open_session(anywhere=anywhere, lookup=lookup) as session:
        notifier = HttpNotifier(session, limit_s, {"shop": (NEW,)}, SystemClock(), anywhere)
        return await notifier.notify(url, "{}", merchant_id="shop", call=CALL)


@pytest.mark.parametrize(
    "found",
    [
        [INSIDE],
        [METADATA],
        ["10.0.0.1"],
        ["168.63.129.16"],
        ["::1"],
        ["fe80::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        [PUBLIC, INSIDE],
        [INSIDE, PUBLIC],
        [PUBLIC, "::1"],
    ],
    ids=str,
)
async def test_a_name_of_which_one_address_leads_inside_is_not_called_and_may_be_mended(
    found: list[str], dialled: list[str]
) -> None:
    lookup, _ = names(found)

    reply = await told("https://shop.example.com/hooks", lookup=lookup)

    assert reply.failure is Failure.REFUSED_ADDRESS
    assert isinstance(reply.answer, Busy)
    assert dialled == []


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(dialled: list[str]) -> None:
    """A name that answers otherwise to whoever asks again (DNS rebinding) is asked once for each connection."""
    lookup, asked = names([PUBLIC], [INSIDE])

    first = await told("https://shop.example.com/hooks", lookup=lookup)
    second = await told("https://shop.example.com/hooks", lookup=lookup)

    assert (first.failure, second.failure) == (Failure.CONNECTION, Failure.REFUSED_ADDRESS)
    assert dialled == [PUBLIC]
    assert asked == ["shop.example.com"] * 2


async def test_a_name_is_looked_up_anew_for_each_call_of_one_session(dialled: list[str]) -> None:
    lookup, asked = names([PUBLIC], [INSIDE], [PUBLIC])

    async with open_session(anywhere=False, lookup=lookup) as session:
        notifier = HttpNotifier(session, 5.0, {"shop": (NEW,)}, SystemClock())
        replies = [
            await notifier.notify("https://shop.example.com/", "{}", merchant_id="shop", call=CALL) for _ in range(3)
        ]

    assert [reply.failure for reply in replies] == [Failure.CONNECTION, Failure.REFUSED_ADDRESS, Failure.CONNECTION]
    assert len(asked) == 3
    assert dialled == [PUBLIC, PUBLIC]


@pytest.mark.parametrize("address", [INSIDE, METADATA, "::1", "fd00:ec2::254"])
async def test_an_address_that_needs_no_name_is_judged_at_the_socket_too(address: str) -> None:
    """Should the address of the request ever be read in two ways, this is where that ends."""
    host = f"[{address}]" if ":" in address else address
    async with open_session(anywhere=False) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await session.post(f"https://{host}/")

    assert isinstance(refused.value.os_error, lines.AddressRefused)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "https://me:s3cret@shop.example.com/",
        "https://127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://localhost/",
    ],
)
async def test_an_address_that_will_never_be_called_is_said_to_be_so(url: str, dialled: list[str]) -> None:
    """It was taken by an earlier release."""
    lookup, asked = names([INSIDE])

    reply = await told(url, lookup=lookup)

    assert reply.failure is Failure.REFUSED_URL
    assert isinstance(reply.answer, OurFault)
    assert "s3cret" not in repr(reply)
    assert (asked, dialled) == ([], [])


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    lookup, _ = names([])

    reply = await told("https://shop.example.com/", lookup=lookup)

    assert (reply.failure, type(reply.answer)) == (Failure.DNS, Busy)


async def test_a_name_that_takes_for_ever_to_look_up_costs_its_time_limit() -> None:
    def lookup(_: str, __: int) -> list[Any]:
        time.sleep(1.0)
        return []

    reply = await told("https://shop.example.com/", lookup=lookup, limit_s=0.2)

    assert (reply.failure, type(reply.answer)) == (Failure.TIMEOUT, Busy)
    assert reply.duration_ms < 900


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with odd_merchant(_no_answer) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with odd_merchant(_ok) as merchant:
            reply = await told(merchant.url, anywhere=True)

    assert reply.answer == Done("")
    assert proxy.calls == 0


# --- servers that do not behave


class _Merchant:
    def __init__(self) -> None:
        self.url, self.calls = "", 0


@asynccontextmanager
async def odd_merchant(answer: Answer) -> AsyncIterator[_Merchant]:
    """A server that reads a request and then does this with its connection."""
    merchant = _Merchant()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        merchant.calls += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    merchant.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield merchant
    finally:
        server.close()
        server.close_clients()


async def _ok(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await writer.drain()


async def _no_answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def _endless_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"A: b\r\n" * 1000)
        await writer.drain()


async def _endless_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nA: ")
    while True:
        writer.write(b"b" * 10_000)
        await writer.drain()


async def _endless_continues(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def _cuts(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _speaks_otherwise(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n" * 3)
    await writer.drain()


async def _endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()


async def _bomb(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nno gzip\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (_no_answer, {Failure.TIMEOUT}),
        (_drips, {Failure.TIMEOUT, Failure.MALFORMED}),
        (_endless_headers, {Failure.MALFORMED}),
        (_endless_header, {Failure.MALFORMED}),
        (_endless_continues, {Failure.TIMEOUT}),
        (_cuts, {Failure.CONNECTION}),
        (_speaks_otherwise, {Failure.MALFORMED}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_a_server_that_does_not_answer_as_it_should_costs_its_time_limit_at_most(
    answer: Answer, failures: set[Failure]
) -> None:
    began = time.monotonic()
    async with odd_merchant(answer) as merchant:
        reply = await told(merchant.url, anywhere=True, limit_s=0.5)

    assert isinstance(reply.answer, Busy)
    assert reply.failure in failures
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("answer", [_endless_body, _bomb])
async def test_of_the_answer_only_the_status_is_read(answer: Answer) -> None:
    began = time.monotonic()
    async with odd_merchant(answer) as merchant:
        reply = await told(merchant.url, anywhere=True, limit_s=5.0)

    assert (reply.answer, reply.status_code) == (Done(""), 200)
    assert time.monotonic() - began < 2


async def test_200_servers_of_a_merchant_that_hang_do_not_hold_up_another() -> None:
    async with odd_merchant(_no_answer) as hanging, odd_merchant(_ok) as well, open_session(anywhere=True) as session:
        notifier = HttpNotifier(session, 2.0, {"bad": (NEW,), "shop": (NEW,)}, SystemClock(), anywhere=True)
        calls = [
            asyncio.create_task(notifier.notify(hanging.url, "{}", merchant_id="bad", call=CALL)) for _ in range(200)
        ]
        await asyncio.sleep(0)

        reply = await notifier.notify(well.url, "{}", merchant_id="shop", call=CALL)

        assert reply.answer == Done("")
        assert not any(call.done() for call in calls)
        failures = Counter(reply.failure for reply in await asyncio.gather(*calls))
        assert failures == {Failure.TIMEOUT: AT_ONCE, Failure.CROWDED: 200 - AT_ONCE}, "these give their turns back"


async def test_calls_of_one_merchant_that_end_soon_wait_for_their_turn() -> None:
    async with odd_merchant(_ok) as well, open_session(anywhere=True) as session:
        notifier = HttpNotifier(session, 2.0, {"shop": (NEW,)}, SystemClock(), anywhere=True)

        calls = [notifier.notify(well.url, "{}", merchant_id="shop", call=CALL) for _ in range(5 * AT_ONCE)]

        assert {reply.answer for reply in await asyncio.gather(*calls)} == {Done("")}


async def _endless_prelude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 C\r\n\r\n" * 20_000)
        await writer.drain()


async def test_a_server_that_goes_on_saying_that_it_will_answer_does_not_get_the_loop() -> None:
    """In its own process it could send faster; what counts is what is read of it."""
    read: list[int] = []

    class Measured(lines._Brief):
        def data_received(self, data: bytes) -> None:
            before = self._left
            super().data_received(data)
            read.append(before - self._left)

    async with odd_merchant(_endless_prelude) as merchant, open_session(anywhere=True) as session:
        connector: Any = session.connector
        assert connector._factory.func is lines._Brief
        connector._factory = functools.partial(Measured, loop=asyncio.get_running_loop())
        notifier = HttpNotifier(session, 5.0, {"shop": (NEW,)}, SystemClock(), anywhere=True)

        reply = await notifier.notify(merchant.url, "{}", merchant_id="shop", call=CALL)

    assert reply.failure is Failure.CONNECTION
    assert sum(read) == lines.MOST_BYTES


async def test_names_of_one_merchant_that_take_long_do_not_keep_those_of_another_from_being_found() -> None:
    """The system goes on with them after our limit."""
    over = threading.Event()

    def lookup(host: str, port: int) -> list[Any]:
        if host.startswith("slow"):
            over.wait(20)
        return [_info(INSIDE, port)]

    async with open_session(anywhere=False, lookup=lookup) as session:
        notifier = HttpNotifier(session, 0.3, {"bad": (NEW,), "shop": (NEW,)}, SystemClock())

        async def call(merchant: str, host: str) -> Reply:
            return await notifier.notify(f"https://{host}.example.com/", "{}", merchant_id=merchant, call=CALL)

        rounds = [await asyncio.gather(*(call("bad", f"slow{n}-{each}") for each in range(AT_ONCE))) for n in range(12)]
        shop = await call("shop", "well")
        over.set()

    assert {reply.failure for reply in rounds[0]} == {Failure.TIMEOUT}
    assert {reply.failure for reply in rounds[-1]} == {Failure.DNS}, "not looked up any more"
    assert shop.failure is Failure.REFUSED_ADDRESS, "it was found at once"
