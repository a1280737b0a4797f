"""What the notifier's adapter promises: the merchant has been told when its server says 2xx, and not before.

The merchant's own means are used on what arrives: the packages `standardwebhooks` and `cloudevents`.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.adapters.merchant.client import HttpNotifier
from shared.adapters.merchant.lines import open_session
from shared.ports.clock import Clock
from shared.ports.notifier import Failure
from shared.ports.provider import Busy, Call, Done
from shared.wiring import SystemClock
from tests.builders import TRACEPARENT
from tests.clock import ManualClock
from tests.contract.odd_server import OddServer, Said, some_at_a_time

pytestmark = pytest.mark.asyncio(loop_scope="package")

CALL = Call(request_id="p1:notify", traceparent=None)


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


NEW, OLD, FOREIGN = secret(b"new" * 8), secret(b"old" * 8), secret(b"who" * 8)


@pytest_asyncio.fixture(name="lines", loop_scope="package")
async def lines_to_anywhere() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(anywhere=True) as session:
        yield session


def a_notifier(
    session: aiohttp.ClientSession, *, limit_s: float = 30.0, clock: Clock | None = None, **secrets: tuple[str, ...]
) -> HttpNotifier:
    known = secrets or {"shop": (NEW, OLD)}
    return HttpNotifier(session, limit_s=limit_s, secrets=known, clock=clock or SystemClock(), anywhere=True)


@pytest.mark.parametrize("body", [b"", b"<html>Sorry</html>", b'{"status":"ok"}', b"x" * 1_000_000], ids=len)
async def test_only_a_2xx_of_the_merchant_counts_as_delivered(
    odd: OddServer, lines: aiohttp.ClientSession, body: bytes
) -> None:
    notifier = a_notifier(lines)
    statuses = range(100, 600) if len(body) < 100 else range(200, 600, 20)

    replies = await some_at_a_time(
        notifier.notify(odd.answering(Said(status, body)) + "/hook", "{}", merchant_id="shop", call=CALL)
        for status in statuses
    )

    delivered = [status for status, reply in zip(statuses, replies, strict=True) if reply.answer == Done("")]
    assert delivered == [status for status in statuses if 200 <= status <= 299]
    assert all(isinstance(reply.answer, Busy) for reply in replies if reply.answer != Done(""))
    final = [status for status in statuses if status == 101 or status >= 200]
    assert [reply.status_code for reply in replies if reply.status_code] == final


@pytest.mark.parametrize("traceparent", [TRACEPARENT, None])
async def test_the_merchant_is_handed_the_request_id_and_our_trace(
    odd: OddServer, lines: aiohttp.ClientSession, traceparent: str | None
) -> None:
    here = odd.answering(Said(200))

    await a_notifier(lines).notify(
        here + "/hook", "{}", merchant_id="shop", call=replace(CALL, traceparent=traceparent)
    )

    (headers,) = odd.headers[here]
    assert (headers["Idempotency-Key"], headers.get("traceparent")) == ("p1:notify", traceparent)
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["User-Agent"] == "Regis-Pay/1.0"
    assert "Cookie" not in headers


@pytest.mark.parametrize("known", [NEW, OLD])
async def test_the_merchant_knows_us_by_either_of_its_two_secrets(
    odd: OddServer, lines: aiohttp.ClientSession, known: str
) -> None:
    here, body = odd.answering(Said(204)), '{"a":"\\u00e9 \\u20ac"}'

    reply = await a_notifier(lines).notify(f"{here}/hook", body, merchant_id="shop", call=CALL)

    (headers,) = odd.headers[here]
    assert {name: headers[name] for name in reply.headers} == dict(reply.headers)
    Webhook(known).verify(body, dict(headers), json_parse=False)
    assert headers["webhook-id"] == "p1:notify"
    assert len(headers["webhook-signature"].split()) == 2


@pytest.mark.parametrize("by", [FOREIGN, secret(b"new" * 9)])
async def test_a_foreign_secret_fits_nothing_that_we_send(
    odd: OddServer, lines: aiohttp.ClientSession, by: str
) -> None:
    here = odd.answering(Said(204))

    await a_notifier(lines).notify(f"{here}/hook", "{}", merchant_id="shop", call=CALL)

    with pytest.raises(WebhookVerificationError):
        Webhook(by).verify("{}", dict(odd.headers[here][0]), json_parse=False)


async def test_what_was_sent_before_is_refused_by_the_library_when_it_comes_late_or_changed(
    odd: OddServer, lines: aiohttp.ClientSession
) -> None:
    here, late = odd.answering(Said(204)), ManualClock(datetime.now(UTC) - timedelta(minutes=6))

    await a_notifier(lines, clock=late).notify(f"{here}/hook", "{}", merchant_id="shop", call=CALL)
    await a_notifier(lines).notify(f"{here}/hook", "{}", merchant_id="shop", call=CALL)

    replayed, fresh = (dict(headers) for headers in odd.headers[here])
    Webhook(NEW).verify("{}", fresh, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify("{}", replayed, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify('{"amount":1}', fresh, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify("{}", {**fresh, "webhook-id": "p2:notify"}, json_parse=False)


async def test_a_merchant_is_signed_for_with_its_own_secret_and_one_without_is_sent_nothing(
    odd: OddServer, lines: aiohttp.ClientSession
) -> None:
    here, notifier = odd.answering(Said(204)), a_notifier(lines, shop=(NEW,), other=(OLD,), empty=())

    told = await notifier.notify(f"{here}/hook", "{}", merchant_id="other", call=CALL)
    untold = [
        await notifier.notify(f"{here}/hook", "{}", merchant_id=name, call=CALL) for name in ("empty", "stranger")
    ]

    (headers,) = odd.headers[here]
    Webhook(OLD).verify("{}", dict(headers), json_parse=False)
    assert told.answer == Done("")
    assert [reply.failure for reply in untold] == [Failure.NO_SECRET] * 2
    assert all(isinstance(reply.answer, Busy) and not reply.headers for reply in untold)
    assert NEW not in repr(told) + repr(untold)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(odd: OddServer, lines: aiohttp.ClientSession, status: int) -> None:
    elsewhere = odd.answering(Said(200))
    here = odd.answering(Said(status, headers={"Location": f"{elsewhere}/hook"}))

    reply = await a_notifier(lines).notify(f"{here}/hook", "{}", merchant_id="shop", call=CALL)

    assert isinstance(reply.answer, Busy)
    assert reply.status_code == status
    assert odd.sent[elsewhere] == []


async def test_a_cookie_of_one_merchant_is_not_kept(odd: OddServer, lines: aiohttp.ClientSession) -> None:
    here = odd.answering(Said(200, headers={"Set-Cookie": "a=b"}))

    for _ in range(2):
        await a_notifier(lines).notify(f"{here}/hook", "{}", merchant_id="shop", call=CALL)

    assert ["Cookie" in headers for headers in odd.headers[here]] == [False, False]
