"""Only what the provider has signed is its news. Signatures are made here with the official library."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.adapters.provider.webhook import HEADERS, SignedNews
from shared.ports.provider_news import DisputeNews, Garbled, NoSecret, NotSigned, OtherNews
from tests.builders import PAYMENT_ID

SECRET = "whsec_" + base64.b64encode(b"the secret of the tests, 1").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"the secret of the tests, 2").decode()
EVENT = {"type": "dispute.opened", "data": {"dispute_id": "dp_1", "payment_reference": PAYMENT_ID}}
NEWS = DisputeNews(payment_id=PAYMENT_ID, dispute_id="dp_1", status="open", told_at=None)


def signed(body: bytes, *, by: str = SECRET, at: datetime | None = None, event_id: str = "evt_1") -> dict[str, str]:
    at = at or datetime.now(UTC)
    signature = Webhook(by).sign(event_id, at, body.decode())
    return dict(zip(HEADERS, (event_id, str(int(at.timestamp())), signature), strict=True))


def body(event: Any = EVENT) -> bytes:
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    ("kind", "status"), [("dispute.opened", "open"), ("dispute.won", "won"), ("dispute.lost", "lost")]
)
def test_what_the_provider_has_signed_says_where_to_look(kind: str, status: Any) -> None:
    sent = body({**EVENT, "type": kind})

    assert SignedNews([SECRET]).read(sent, signed(sent)) == replace(NEWS, status=status)


@pytest.mark.parametrize(
    ("timestamp", "told_at"),
    [
        ("2026-01-02T13:00:00+01:00", datetime(2026, 1, 2, 12, tzinfo=UTC)),
        ("2026-01-02T12:00:00", None),
        ("0001-01-01T00:00:00+23:59", None),
        (1767355200, None),
        ("soon", None),
    ],
)
def test_when_it_became_so_is_told_or_not(timestamp: Any, told_at: datetime | None) -> None:
    sent = body({**EVENT, "timestamp": timestamp})

    assert SignedNews([SECRET]).read(sent, signed(sent)) == replace(NEWS, told_at=told_at)


def test_while_secrets_change_either_counts() -> None:
    reader = SignedNews([SECRET, NEXT_SECRET])

    assert [reader.read(body(), signed(body(), by=secret)) for secret in (SECRET, NEXT_SECRET)] == [NEWS, NEWS]


def test_of_several_signatures_one_counts() -> None:
    ours, others = signed(body()), signed(body(), by=NEXT_SECRET)
    both = {**ours, "webhook-signature": f"{others['webhook-signature']} v1a,abc {ours['webhook-signature']}"}

    assert SignedNews([SECRET]).read(body(), both) == NEWS


FRESH = signed(body())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *({name: value for name, value in FRESH.items() if name != left_out} for left_out in HEADERS),
        *({**FRESH, name: ""} for name in HEADERS),
        signed(body(), by=NEXT_SECRET),
        signed(body({**EVENT, "type": "dispute.won"})),
        {**FRESH, "webhook-id": "evt_2"},
        {**FRESH, "webhook-timestamp": str(int(FRESH["webhook-timestamp"]) + 1)},
        {**FRESH, "webhook-timestamp": "nan"},
        {**FRESH, "webhook-timestamp": "1e400"},
        {**FRESH, "webhook-timestamp": "-1"},
        {**FRESH, "webhook-signature": FRESH["webhook-signature"].removeprefix("v1,")},
        {**FRESH, "webhook-signature": FRESH["webhook-signature"].replace("v1,", "v2,")},
        {**FRESH, "webhook-signature": "v1,"},
        {**FRESH, "webhook-signature": "v1,%%%"},
        {**FRESH, "webhook-signature": "v1,\u00e9"},
        {**FRESH, "webhook-signature": "v1,a,b"},
        {**FRESH, "webhook-signature": FRESH["webhook-signature"][:-5]},
    ],
)
def test_what_it_has_not_signed_is_not_its_news(headers: dict[str, str]) -> None:
    assert isinstance(SignedNews([SECRET]).read(body(), headers), NotSigned)


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_an_old_signature_does_not_count_and_neither_does_one_of_tomorrow(off: timedelta) -> None:
    told = SignedNews([SECRET]).read(body(), signed(body(), at=datetime.now(UTC) + off))

    assert isinstance(told, NotSigned)
    assert told.why in ("Message timestamp too old.", "Message timestamp too new.")


def test_a_body_that_was_changed_on_its_way_is_not_its_news() -> None:
    assert isinstance(SignedNews([SECRET]).read(body() + b" ", FRESH), NotSigned)
    assert isinstance(SignedNews([SECRET]).read(b"\xff\xfe", FRESH), NotSigned)


def test_without_a_secret_nobody_is_the_provider() -> None:
    assert SignedNews([]).read(body(), FRESH) == NoSecret()


@pytest.mark.parametrize("event", [{"type": "payout.paid", "data": 5}, {"type": "dispute.warned"}, {"type": ""}])
def test_what_nothing_here_follows_is_told_apart(event: Any) -> None:
    sent = body(event)

    assert SignedNews([SECRET]).read(sent, signed(sent)) == OtherNews()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[" * 100_000,
        body([]),
        body(None),
        body({"data": EVENT["data"]}),
        body({**EVENT, "type": 5}),
        body({"type": "dispute.won"}),
        body({"type": "dispute.won", "data": []}),
        body({"type": "dispute.won", "data": {"dispute_id": "dp_1"}}),
        body({"type": "dispute.won", "data": {"dispute_id": "..", "payment_reference": PAYMENT_ID}}),
        body({"type": "dispute.won", "data": {"dispute_id": "dp 1", "payment_reference": PAYMENT_ID}}),
        body({"type": "dispute.won", "data": {"dispute_id": "d" * 129, "payment_reference": PAYMENT_ID}}),
        body({"type": "dispute.won", "data": {"dispute_id": "dp_1", "payment_reference": {}}}),
    ],
)
def test_what_has_another_form_is_garbled_and_not_repeated(sent: bytes) -> None:
    told = SignedNews([SECRET]).read(sent, signed(sent))

    assert isinstance(told, Garbled)
    assert "dp" not in told.why.replace("dispute_id", "")
