"""Notifications as the platform sends them, or others would. Knows no receiver."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
from standardwebhooks import Webhook

from shared.codec.cloud_events import to_cloud_event
from tests.builders import a_payment
from tests.examples.receivers import Running

NEW, OLD = "whsec_dGhlIG5ldyBzZWNyZXQgb2YgYSBtZXJjaGFudA==", "whsec_dGhlIG9sZCBzZWNyZXQgb2YgYSBtZXJjaGFudA=="
OTHER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IG91cnM="
TYPE = "application/cloudevents+json"


def an_event(payment_id: str, *, kind: str = "settled") -> str:
    """As the platform writes it."""
    story = a_payment(payment_id=payment_id).created().settled()
    stored = (story if kind == "settled" else story.completed()).stored[-1]
    return to_cloud_event(stored, event_id=f"{payment_id}:{kind}")


@dataclass(kw_only=True)
class Notification:
    """As it is sent; each field may be another than the platform would write."""

    payment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Of it the notification's id is made."""
    body: str = ""
    secrets: str = NEW
    ago: timedelta = timedelta(0)
    changes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.body = self.body or an_event(self.payment_id)

    @property
    def headers(self) -> dict[str, str]:
        at, webhook_id = datetime.now(UTC) - self.ago, f"{self.payment_id}:notify"
        signatures = [Webhook(secret).sign(webhook_id, at, self.body) for secret in self.secrets.split()]
        stamps = {"webhook-id": webhook_id, "webhook-timestamp": str(int(at.timestamp()))}
        return {"Content-Type": TYPE, **stamps, "webhook-signature": " ".join(signatures), **self.changes}


async def send(http: aiohttp.ClientSession, running: Running, sent: Notification, *, body: bytes | None = None) -> int:
    """The status of the answer; as the platform does, within a limit and without looking at more."""
    async with http.post(
        running.url,
        data=sent.body.encode() if body is None else body,
        headers=sent.headers,
        timeout=aiohttp.ClientTimeout(total=5),
    ) as response:
        return response.status


async def until(is_so: Callable[[], bool]) -> None:
    """The wait ends with the test's own limit."""
    while not is_so():
        await asyncio.sleep(0.02)
