"""What the notifier's adapter promises: the merchant has been told when its server says 2xx, and not before."""

from dataclasses import replace

import aiohttp
import pytest

from shared.adapters.notifier import HttpNotifier
from shared.ports.provider import Busy, Call, Done
from tests.builders import TRACEPARENT
from tests.contract.odd_server import OddServer, Said, some_at_a_time

pytestmark = pytest.mark.asyncio(loop_scope="package")

CALL = Call(request_id="p1:notify", traceparent=None)


@pytest.mark.parametrize("body", [b"", b"<html>Sorry</html>", b'{"status":"ok"}', b"x" * 1_000_000], ids=len)
async def test_only_a_2xx_of_the_merchant_counts_as_delivered(
    odd: OddServer, http: aiohttp.ClientSession, body: bytes
) -> None:
    notifier = HttpNotifier(http, limit_s=30.0)
    statuses = range(100, 600) if len(body) < 100 else range(200, 600, 20)

    answers = await some_at_a_time(
        notifier.notify(odd.answering(Said(status, body)) + "/hook", "{}", call=CALL) for status in statuses
    )

    delivered = [status for status, answer in zip(statuses, answers, strict=True) if answer == Done("")]
    assert delivered == [status for status in statuses if 200 <= status <= 299]
    assert all(isinstance(answer, Busy) for answer in answers if answer != Done(""))


@pytest.mark.parametrize("traceparent", [TRACEPARENT, None])
async def test_the_merchant_is_handed_the_request_id_and_our_trace(
    odd: OddServer, http: aiohttp.ClientSession, traceparent: str | None
) -> None:
    here = odd.answering(Said(200))

    await HttpNotifier(http, limit_s=5.0).notify(here + "/hook", "{}", call=replace(CALL, traceparent=traceparent))

    (headers,) = odd.headers[here]
    assert (headers["Idempotency-Key"], headers.get("traceparent")) == ("p1:notify", traceparent)
    assert headers["Content-Type"] == "application/cloudevents+json"


async def test_a_redirect_is_not_followed(odd: OddServer, http: aiohttp.ClientSession) -> None:
    elsewhere = odd.answering(Said(200))
    here = odd.answering(Said(307, headers={"Location": f"{elsewhere}/hook"}))

    answer = await HttpNotifier(http, limit_s=5.0).notify(f"{here}/hook", "{}", call=CALL)

    assert isinstance(answer, Busy)
    assert odd.sent[elsewhere] == []
