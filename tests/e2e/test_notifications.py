"""Notifications on a whole platform: signed, seen by their merchant, sent again, and no way into the network."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local.provider.merchant import MERCHANT_KEY
from local.supervisor import Platform
from tests.e2e.conftest import running_shop
from tests.e2e.diagnostics import requests_to
from tests.e2e.test_wire import READS
from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD, NEW = MERCHANT_KEY, "whsec_" + "bmV3" * 10
PUBLIC_ONLY = {"DEVELOPMENT_NOTIFICATIONS": "", "MERCHANT_WEBHOOK_SECRETS": json.dumps({"merchant-1": f"{NEW} {OLD}"})}


async def notifications(shop: Shop, payment_id: str, *, prefix: str = "/api") -> list[dict[str, Any]]:
    answered = await shop.get(f"{prefix}/payments/{payment_id}/notifications")
    assert answered.status == 200, answered
    found: list[dict[str, Any]] = answered.body["notifications"]
    return found


async def resend(shop: Shop, payment_id: str, notification_id: str) -> dict[str, Any]:
    url = f"{shop.url}/api/payments/{payment_id}/notifications/{notification_id}/resend"
    async with shop.http.post(url) as response:
        assert response.status == 200, await response.text()
        body: dict[str, Any] = await response.json()
        return body


async def test_a_payment_with_a_merchant_to_tell_still_is_four_creates_and_no_reads(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        await shop.order("only", notification_url=f"{shop.provider_url}/merchant/ok")

        async def is_kept() -> bool:
            found = await requests_to("notifications", shop.http, platform)
            return bool(found.get("create", {}).get("count"))

        await until(is_kept, limit_s=None, every_s=0.05)

        async def is_done() -> bool:
            return bool((await requests_to("events", shop.http, platform))["create"]["count"] >= 4)

        await until(is_done, limit_s=None, every_s=0.05)
        events = await requests_to("events", shop.http, platform)
        assert events["create"]["count"] == 4
        assert {operation: events[operation]["count"] for operation in READS if operation in events} == {}
        attempts = await requests_to("notifications", shop.http, platform)
        assert attempts["create"]["count"] == 1
        assert not set(attempts) & set(READS)


async def test_a_merchant_that_was_down_sees_why_and_has_it_told_again(shop: Shop) -> None:
    await shop.tell_provider("/merchant/break")
    payment_id = await shop.order("down", notification_url=f"{shop.provider_url}/merchant/down")
    payment = await shop.finished(payment_id, at=("completed",))
    await shop.tell_provider("/merchant/repair")

    (before,) = await notifications(shop, payment_id)
    resent = await resend(shop, payment_id, before["notification_id"])
    (after,) = await notifications(shop, payment_id, prefix="/api/ops")

    assert payment["completed"]["notification"] == "undelivered"
    assert before["state"] == "undelivered"
    assert {each["status_code"] for each in before["attempts"]} == {503}
    assert (resent["state"], resent["attempt"]["by"], resent["attempt"]["status_code"]) == ("delivered", "resend", 204)
    assert (after["state"], len(after["attempts"])) == ("delivered", len(before["attempts"]) + 1)
    Webhook(MERCHANT_KEY).verify(resent["attempt"]["body"], resent["attempt"]["headers"])
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(resent["attempt"]["body"], resent["attempt"]["headers"])


@pytest_asyncio.fixture(name="outside", scope="module", loop_scope="module")
async def a_platform_that_calls_only_outside(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Platform, Shop]]:
    """As deployed, but for who is let in; its merchant changes its secret just now."""
    async with running_shop(data=tmp_path_factory.mktemp("outside"), environment=PUBLIC_ONLY) as found:
        yield found


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/hooks",
        "https://127.0.0.1:{port}/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://169.254.169.254/metadata/instance",
        "https://168.63.129.16/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://localhost/",
        "https://127\u30020\u30020\u30021/",
        "https://me:s3cret@shop.example.com/",
        "https://shop.example.com:22/",
    ],
)
async def test_an_address_inside_is_refused_when_the_payment_is_asked_for(
    outside: tuple[Platform, Shop], url: str
) -> None:
    platform, shop = outside

    answered = await shop.post(notification_url=url.format(port=platform.ports.http))

    assert answered.status == 422
    assert [(each["field"], each["code"]) for each in answered.body["errors"]] == [("notification_url", "web_address")]
    assert "s3cret" not in json.dumps(answered.body)


async def test_a_server_that_cannot_be_found_costs_its_payment_nothing_and_no_secret_is_in_the_log(
    outside: tuple[Platform, Shop],
) -> None:
    platform, shop = outside
    payment_id = await shop.order("nowhere", notification_url="https://regis-pay-nowhere.example/hooks")

    payment = await shop.finished(payment_id, at=("completed",))
    (told,) = await notifications(shop, payment_id)

    assert payment["completed"]["notification"] == "undelivered"
    assert {each["failure"] for each in told["attempts"]} <= {"dns", "timeout"}
    assert "status_code" not in told["attempts"][0]
    for known in (OLD, NEW):
        Webhook(known).verify(told["attempts"][-1]["body"], told["attempts"][-1]["headers"])
    log = platform.log("host").read_text()
    assert OLD not in log
    assert NEW not in log
    assert told["attempts"][0]["headers"]["webhook-signature"] not in log
