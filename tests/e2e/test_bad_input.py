"""What the API refuses over the wire: a clear problem document each time, and nothing is stored."""

from typing import Any

import pytest

from local.supervisor import Platform
from tests.e2e.diagnostics import requests_to
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = "4242 4242 4242 4242"


async def documents_created(shop: Shop, platform: Platform) -> int:
    created: int = (await requests_to("events", shop.http, platform)).get("create", {}).get("count", 0)
    return created


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_minor": "1250"}, "amount_minor"),
        ({"amount_minor": 12.5}, "amount_minor"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 10**12}, "amount_minor"),
        ({"currency": "XTS"}, "currency"),
        ({"currency": "ABC"}, "currency"),
        ({"payment_method": CARD}, "payment_method"),
        ({"metadata": {"note": CARD}}, "metadata.note"),
        ({"reference": "x" * 65}, "reference"),
        ({"reference": "2026-01-02T03:04:05+01:00"}, "reference"),
        ({"colour": "red"}, "colour"),
        ({"notification_url": "not a url"}, "notification_url"),
    ],
)
async def test_a_request_with_a_wrong_field_is_refused_by_name(
    shop: Shop, platform: Platform, changes: dict[str, Any], field: str
) -> None:
    before = await documents_created(shop, platform)

    answered = await shop.post(**changes)

    assert answered.status == 422
    assert answered.headers["Content-Type"].startswith("application/problem+json")
    assert answered.body["code"] == "request_invalid"
    assert [error["field"] for error in answered.body["errors"]] == [field]
    assert "4242" not in str(answered.body)
    assert await documents_created(shop, platform) == before


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff\xfe", b'{"amount_minor": NaN}'])
async def test_a_body_that_is_no_json_object_is_refused(shop: Shop, platform: Platform, raw: bytes) -> None:
    before = await documents_created(shop, platform)

    answered = await shop.post(raw=raw)

    assert (answered.status, answered.body["code"]) == (400, "body_not_json")
    assert await documents_created(shop, platform) == before


async def test_a_body_beyond_all_measure_is_refused(shop: Shop) -> None:
    assert (await shop.post(description="x" * 70_000)).status == 413


@pytest.mark.parametrize("key", ["x" * 256, "with space", "ümlaut"])
async def test_a_key_that_cannot_be_one_is_refused(shop: Shop, key: str) -> None:
    answered = await shop.post(key=key)

    assert (answered.status, answered.body["code"]) == (400, "idempotency_key_invalid")


async def test_another_media_type_is_refused(shop: Shop) -> None:
    async with shop.http.post(f"{shop.url}/api/payments", data={"amount_minor": "1"}) as response:
        assert response.status == 415


@pytest.mark.parametrize("payment_id", ["0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab", "nonsense", "..%2f..%2fetc"])
async def test_an_unknown_payment_is_not_found(shop: Shop, payment_id: str) -> None:
    answered = await shop.get(f"/api/payments/{payment_id}")

    assert answered.status == 404


async def test_health_tells_the_build_and_readiness_what_is_needed(shop: Shop) -> None:
    live, ready = await shop.get("/api/health"), await shop.get("/api/health/ready")

    assert live.body == {"status": "live", "build": "development"}
    assert (ready.status, ready.body) == (200, {"checks": {"store": "ok", "bus": "ok"}})


@pytest.mark.parametrize("reference", ["R2026-01-02T03:04:05+01:00", "2026-01-02", "2026-01-02 03:04:05.120"])
async def test_what_a_merchant_wrote_is_at_the_end_as_it_was(shop: Shop, reference: str) -> None:
    """Microsoft's host rewrites what reads as a time on its way through the feed."""
    own: dict[str, Any] = {"reference": reference, "metadata": {"when": "2026-01-02T03:04:05+01:00"}}
    answered = await shop.post(**own)

    payment = await shop.finished(answered.body["payment_id"])

    assert {name: payment[name] for name in own} == own
