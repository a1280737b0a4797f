"""Whoever speaks for the provider without its signature is refused, changes nothing, and learns nothing."""

import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from tests.e2e.attacking import Call, Target, target

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "whsec_" + base64.b64encode(b"the provider's own s3cret, which").decode()
OTHER = "whsec_" + base64.b64encode(b"what somebody else has thought of").decode()
NEWS = "/api/provider/events"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """A platform whose provider signs with a secret that its own local provider does not have: only we speak for it."""
    settings = {"PROVIDER_WEBHOOK_SECRETS": SECRET, "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    async with target(data=tmp_path_factory.mktemp("news"), environment=settings, operator={}, merchant={}) as running:
        yield running


def event(payment_id: str, kind: str = "dispute.opened") -> bytes:
    about = {"payment_reference": payment_id, "dispute_id": "dp_forged"}
    return json.dumps({"type": kind, "timestamp": "2026-01-02T12:00:00Z", "data": about}).encode()


def signed(body: bytes, *, by: str = SECRET, age_s: float = 0) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() - age_s, UTC)
    signature = Webhook(by).sign("evt_1", at, body.decode())
    return {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


async def told(at: Target, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Send it. The status and code of the answer, after a look at what is stored and at what was logged."""
    before = await at.stored()

    answer = await at.send(Call("POST", NEWS), headers, body=body)

    assert await at.stored() == before
    log = at.log()
    assert SECRET.removeprefix("whsec_") not in log
    assert "s3cret" not in log
    return answer.status, answer.code


FORGERIES = {
    "unsigned": lambda _: {},
    "signed by another": lambda body: signed(body, by=OTHER),
    "signed for another body": lambda body: signed(body.replace(b"opened", b"won")),
    "signed long ago": lambda body: signed(body, age_s=301),
    "signed in an hour": lambda body: signed(body, age_s=-3600),
    "an old signature with a new time": lambda body: {
        **signed(body, age_s=600),
        "webhook-timestamp": str(int(time.time())),
    },
    "another id": lambda body: {**signed(body), "webhook-id": "evt_2"},
    "no time": lambda body: {**signed(body), "webhook-timestamp": ""},
    "a signature of another kind": lambda body: {**signed(body), "webhook-signature": "v1a,c2lnbmVk"},
    "an empty signature": lambda body: {**signed(body), "webhook-signature": "v1,"},
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
async def test_forged_news_is_refused(attacked: Target, forgery: object) -> None:
    body = event(attacked.payment)

    assert callable(forgery)
    assert await told(attacked, body, forgery(body)) == (403, "signature_refused")
    assert "caller.refused" in attacked.log()


async def test_a_principal_or_a_key_is_no_signature(attacked: Target) -> None:
    claims = {"x-functions-key": "any", "X-MS-CLIENT-PRINCIPAL": "e30="}

    assert await told(attacked, event(attacked.payment), claims) == (403, "signature_refused")


async def test_signed_news_of_what_the_provider_denies_is_not_recorded(attacked: Target) -> None:
    """The secret is stolen: what can be done with it is to make us ask."""
    body = event(attacked.payment)

    assert await told(attacked, body, signed(body)) == (409, "dispute_not_confirmed")
    assert await told(attacked, body, signed(body)) == (409, "dispute_not_confirmed"), "and so it is when repeated"


async def test_signed_news_of_another_payment_is_not_recorded(attacked: Target) -> None:
    for nobody in ("00000000-0000-4000-8000-000000000000", "no-payment", "../dead-letters"):
        body = event(nobody)
        assert await told(attacked, body, signed(body)) == (404, "payment_not_found")


@pytest.mark.parametrize("page", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
async def test_a_page_of_another_site_speaks_for_nobody(attacked: Target, page: dict[str, str]) -> None:
    body = event(attacked.payment)

    assert await told(attacked, body, {**signed(body), **page}) == (403, "origin_refused")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7071"])
async def test_a_laptop_is_told_nothing_under_a_foreign_name(attacked: Target, host: str) -> None:
    body = event(attacked.payment)

    assert await told(attacked, body, {**signed(body), "Host": host}) == (403, "host_refused")


async def test_a_body_that_is_none_is_refused(attacked: Target) -> None:
    large, plain = b'{"a":"' + b"a" * 70_000 + b'"}', event(attacked.payment)
    nested = b'{"type":' + b"[" * 5_000 + b"]" * 5_000 + b"}"

    assert await told(attacked, large, signed(large)) == (413, "body_too_large")
    assert await told(attacked, plain, {**signed(plain), "Content-Type": "text/plain"}) == (
        415,
        "unsupported_media_type",
    )
    assert await told(attacked, nested, signed(nested)) == (400, "body_too_deep")


async def test_news_that_nothing_here_follows_is_taken_and_changes_nothing(attacked: Target) -> None:
    before, body = await attacked.stored(), event(attacked.payment, "payout.paid")

    answer = await attacked.send(Call("POST", NEWS), signed(body), body=body)

    assert (answer.status, json.loads(answer.content)) == (200, {"status": "ignored"})
    assert await attacked.stored() == before
