"""`python -m local listen` on the whole platform: what a merchant is told is shown, and forwarded as it was signed."""

import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook

from local.datafolder import word_left
from local.signing import sample_secret
from local.supervisor import ROOT, Platform
from tests.local.terminal import local
from tests.shop import Shop

ROUTE = "/api/payments/{payment_id}/notifications"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        ROUTE not in json.loads((ROOT / "functions" / "openapi.json").read_text())["paths"],
        reason="the app does not show notifications yet",
    ),
]


async def test_each_attempt_is_forwarded_once_and_verifies_with_the_secret_that_it_shows(
    shop: Shop, platform: Platform, tmp_path: Path
) -> None:
    received: list[tuple[dict[str, str], bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        received.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/hooks", receive)
    hooks = f"{platform.provider_url}/merchant/fails-twice"
    async with TestServer(application) as server:
        with word_left(tmp_path, {"url": platform.url}):
            async with local(
                "listen", "--data", str(tmp_path), "--forward-to", str(server.make_url("/hooks"))
            ) as listening:
                await listening.says("the secret of the signatures")
                payment_id = (await shop.post(notification_url=hooks)).body["payment_id"]
                await shop.finished(payment_id, at=("completed",))
                said = await listening.says("attempt 3)")

    secret = sample_secret()
    assert secret is not None
    assert secret in said
    assert "signed with another secret" not in said
    assert len(received) == 3
    for headers, body in received:
        Webhook(secret).verify(body, headers)
        event = from_structured_event(HTTPMessage({"content-type": headers["Content-Type"]}, body))
        assert (event.get_subject(), event.get_id()) == (payment_id, headers["webhook-id"])


async def test_what_is_sent_again_by_hand_is_seen_too(shop: Shop, platform: Platform) -> None:
    hooks = f"{platform.provider_url}/merchant/ok"
    payment_id = (await shop.post(notification_url=hooks)).body["payment_id"]
    await shop.finished(payment_id, at=("completed",))
    async with local("listen", "--url", platform.url) as listening:
        await listening.says("listening to")
        told = (await shop.get(f"/api/payments/{payment_id}/notifications")).body["notifications"]
        resend = f"{platform.url}/api/payments/{payment_id}/notifications/{told[0]['notification_id']}/resend"
        async with aiohttp.ClientSession() as http, http.post(resend) as response:
            assert response.status == 200
        said = await listening.says("(resend)")

    assert payment_id in said
