"""Whatever bytes come back, nothing is raised, and money is believed to have moved only where every word fits."""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.payment import Step
from shared.ports.provider import AskAnswer, Busy, Declined, NeverSeen, OurFault, Unknown
from tests.contract.odd_server import OddServer, Said
from tests.contract.provider_words import (
    BOOKS,
    DONE,
    MONEY_STEPS,
    YES,
    Make,
    asked,
    call,
    found,
    listed,
    remembered,
    sent,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")

A_YES = json.dumps(YES[Step.SETTLE]).encode()
NO_JSON = {
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000,
    "a yes in a deep list": b"[" * 500 + A_YES + b"]" * 500,
    "not UTF-8": A_YES.replace(b"cap_1", b"cap_\xff"),
    "UTF-16": A_YES.decode().encode("utf-16"),
    "NaN": A_YES.replace(b"1250", b"NaN"),
    "NaN beside": A_YES[:-1] + b', "fee": NaN}',
    "Infinity beside": A_YES[:-1] + b', "fee": -Infinity}',
    "an endless number": A_YES.replace(b"1250", b"1" * 10_000),
    "cut off": A_YES[:-1],
    "twice": A_YES + A_YES,
    "null": b"null",
    "a text": b'"captured"',
    "a list": b"[" + A_YES + b"]",
    "zero bytes": b"\x00" * 1000,
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_what_is_not_one_json_object_says_nothing(odd: OddServer, at: Make, body: bytes) -> None:
    for status in (200, 400, 402, 404, 503):
        said = Said(status, body, {"Content-Type": "application/json; charset=no-such"})
        provider = at(odd.answering(said, asked=said, listed=said))

        assert isinstance(await sent(provider, Step.SETTLE), Unknown)
        assert isinstance(await asked(provider, Step.SETTLE), Busy)
        assert isinstance(await found(provider, Step.SETTLE), Busy)


@pytest.mark.parametrize("packed", [False, True])
async def test_no_more_than_64_kib_of_an_answer_are_believed(odd: OddServer, at: Make, packed: object) -> None:
    async def answer(size: int) -> AskAnswer:
        body = A_YES + b" " * (size - len(A_YES))
        said = Said(200, gzip.compress(body), {"Content-Encoding": "gzip"}) if packed else Said(200, body)
        return await sent(at(odd.answering(said)), Step.SETTLE)

    assert await answer(64 * 1024) == DONE[Step.SETTLE]
    assert isinstance(await answer(64 * 1024 + 1), Unknown)
    assert isinstance(await answer(50_000_000), Unknown)


# -- what is not even HTTP


@asynccontextmanager
async def saying(wire: bytes) -> AsyncIterator[str]:
    """A server that reads a request, writes these bytes and hangs up; its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(wire)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


OK = b"HTTP/1.1 200 OK\r\n"
WIRES = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n" + A_YES,
    "a status beyond 599": b"HTTP/1.1 999 Odd\r\nContent-Length: 4\r\n\r\n{}{}",
    "less than announced": OK + b"Content-Length: 5000\r\n\r\n" + A_YES,
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + A_YES,
    "chunks that are none": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + A_YES,
    "packed in name only": OK + b"Content-Encoding: gzip\r\n\r\n" + A_YES,
    "packed and cut off": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(A_YES)[:-12],
    "a header without end": OK + b"X-Odd: " + b"x" * 100_000,
    "header bytes": OK + b"Retry-After: \xff\xfe\r\nSet-Cookie: \xff=;;;\r\nContent-Length: 2\r\n\r\n{}",
    "continue, and no more": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_what_is_no_answer_at_all_says_nothing(at: Make, wire: bytes) -> None:
    async with saying(wire) as base_url:
        assert isinstance(await sent(at(base_url), Step.SETTLE), Unknown)
        assert isinstance(await asked(at(base_url), Step.SETTLE), Busy)
        assert isinstance(await found(at(base_url), Step.SETTLE), Busy)


async def test_a_connection_that_is_reset_after_the_request_may_have_moved_money(at: Make) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        provider = at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

        assert await sent(provider, Step.SETTLE) == Unknown(
            f"no answer to {call(Step.SETTLE).request_id}: ClientOSError"
        )
        assert isinstance(await asked(provider, Step.SETTLE), Busy)


async def test_a_redirect_is_not_followed(odd: OddServer, at: Make) -> None:
    yes = odd.answering(Said(200, YES[Step.SETTLE]), asked=remembered(200, YES[Step.SETTLE], Step.SETTLE))
    for status in (301, 302, 303, 307, 308):
        elsewhere = Said(status, headers={"Location": f"{yes}/v1/requests/x"})
        provider = at(odd.answering(elsewhere, asked=elsewhere, listed=elsewhere))

        assert isinstance(await sent(provider, Step.SETTLE), Unknown)
        assert isinstance(await asked(provider, Step.SETTLE), Busy)
        assert isinstance(await found(provider, Step.SETTLE), Busy)

    assert odd.sent[yes] == []


# -- any JSON at all

words = st.sampled_from(sorted({str(value) for body in YES.values() for value in body.values()}))
codes = st.sampled_from(["request_unknown", "already_captured", "already_created", "already_voided", "card_declined"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words | codes
names = st.sampled_from(
    [*{name for body in YES.values() for name in body if name != "status"}, "code", "payments", "has_more", "answer"]
)
"""Without `status`, no JSON that is drawn can be a yes by chance, or a try that is listed as one."""
anything = st.recursive(
    scalars | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=5), inner, max_size=6),
    max_leaves=12,
)
steps = st.sampled_from(MONEY_STEPS)
statuses = st.sampled_from([200, 201, 202, 302, 400, 401, 402, 404, 409, 429, 500, 503])

examples = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def written(value: Any) -> bytes:
    """JSON as any server might write it, with lone surrogates too."""
    return json.dumps(value).encode()


@examples
@given(step=steps, status=statuses, body=anything)
async def test_any_json_gets_an_answer_and_only_a_fitting_one_is_a_yes(
    odd: OddServer, at: Make, step: Step, status: int, body: Any
) -> None:
    said = Said(status, written(body))
    provider = at(odd.answering(said, asked=said, listed=said))

    assert isinstance(await sent(provider, step), Unknown | Busy | OurFault | Declined)
    for answer in (await asked(provider, step), await found(provider, step)):
        assert isinstance(answer, Busy | NeverSeen)


wrong = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.just(1250), max_size=1)


@examples
@given(step=steps, spoilt=st.data())
async def test_a_yes_is_one_whatever_stands_beside_it_and_none_with_any_word_of_it_changed(
    odd: OddServer, at: Make, step: Step, spoilt: st.DataObject
) -> None:
    beside = spoilt.draw(st.dictionaries(st.text(max_size=5), anything, max_size=4))
    name = spoilt.draw(st.sampled_from(sorted(YES[step].keys() - {"provider_payment_id", "capture_id", "void_id"})))
    value = spoilt.draw(wrong.filter(lambda drawn: drawn != YES[step][name]))
    right = {**beside, **YES[step]}
    changed = {**right, name: value}

    async def both(answer: Any, *, ask: Callable[..., Awaitable[AskAnswer]]) -> AskAnswer:
        said = Said(200, written(answer))
        memory = Said(200, written(remembered(200, answer, step).body))
        return await ask(at(odd.answering(said, asked=memory)), step)

    assert await both(right, ask=sent) == await both(right, ask=asked) == DONE[step]
    assert isinstance(await both(changed, ask=sent), Unknown)
    assert isinstance(await both(changed, ask=asked), Busy)


@examples
@given(step=steps, others=st.lists(anything, max_size=4), place=st.integers(0, 4), has_more=anything)
async def test_whatever_else_the_books_hold_a_yes_in_them_is_found_and_junk_is_never_a_no(
    odd: OddServer, at: Make, step: Step, others: list[Any], place: int, has_more: Any
) -> None:
    def books(tries: list[Any], has_more: Any) -> str:
        return odd.answering(listed=Said(200, written(listed(*tries, has_more=has_more).body)))

    with_yes = [*others[:place], BOOKS[step], *others[place:]]

    assert await found(at(books(with_yes, has_more)), step) == DONE[step]
    assert isinstance(await found(at(books(others, has_more=False)), step), Busy if others else NeverSeen)


async def test_what_the_conflict_of_any_step_leads_to_is_never_raised(odd: OddServer, at: Make) -> None:
    for body in (b"", b"[]", b'{"payments": 1}', b'{"payments": [1, null, {}, []], "has_more": false}'):
        conflict = Said(409, {"code": "already_captured"})
        provider = at(odd.answering(conflict, listed=Said(200, body)))

        assert isinstance(await sent(provider, Step.SETTLE), Unknown)
