"""Notifier over HTTP: a CloudEvent posted to the merchant's web server, signed. Knows nothing of payments.

The signature is that of Standard Webhooks: https://www.standardwebhooks.com
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
from standardwebhooks import Webhook

from shared.adapters.merchant.lines import MERCHANT, AddressRefused
from shared.domain.addresses import url_fault
from shared.ports.clock import Clock
from shared.ports.notifier import Failure, Reply
from shared.ports.provider import Busy, Call, Done, OurFault

CONTENT_TYPE = "application/cloudevents+json"
USER_AGENT = "Regis-Pay/1.0"
"""Of the notifications' form, so that a merchant may go by it: it does not change with a release."""


AT_ONCE = 8
"""Calls of one merchant from one process: a server that hangs must not take all turns from the others'."""
WAITS_S = 1.0
"""How long one more waits for its turn; then it is tried again later."""


@dataclass(frozen=True, slots=True)
class HttpNotifier:
    """A fault on the merchant's side is only a reason to try again.

    limit_s: for one call, from looking up the name to the head of the answer. secrets: by merchant, the newest first.
    anywhere: whether also http is spoken, as on a laptop; which addresses are called is the session's to say.
    """

    session: aiohttp.ClientSession
    limit_s: float
    secrets: Mapping[str, Sequence[str]] = field(repr=False)
    clock: Clock
    anywhere: bool = False
    turns: dict[str, asyncio.Semaphore] = field(default_factory=dict, repr=False)

    async def notify(self, url: str, body: str, *, merchant_id: str, call: Call) -> Reply:
        """Redirects are not followed: the merchant named this address and no other. Of the answer only the status is
        read, so nothing of it is believed, kept or shown.
        """
        if fault := url_fault(url, anywhere=self.anywhere):
            return Reply(answer=OurFault(f"notification_url: {fault}"), duration_ms=0, failure=Failure.REFUSED_URL)
        secrets = self.secrets.get(merchant_id, ())
        if not secrets:
            why = "the merchant has no secret by which it could know us: see MERCHANT_WEBHOOK_SECRETS"
            return Reply(answer=Busy(why), duration_ms=0, failure=Failure.NO_SECRET)
        began = time.monotonic()
        turn = self.turns.setdefault(merchant_id, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(WAITS_S):
                await turn.acquire()
        except TimeoutError:
            why = f"{AT_ONCE} calls of this merchant are under way and do not end"
            return Reply(answer=Busy(why), duration_ms=_since(began), failure=Failure.CROWDED)
        try:
            headers = signed(call.request_id, body, secrets=secrets, at=self.clock.now())
            began, _ = time.monotonic(), MERCHANT.set(merchant_id)
            status, failure = await self._posted(url, body, headers={**headers, **_others(call)})
        finally:
            turn.release()
        return Reply(
            answer=_answer(status, failure),
            duration_ms=_since(began),
            status_code=status,
            failure=failure,
            headers=headers,
        )

    async def _posted(self, url: str, body: str, *, headers: Mapping[str, str]) -> tuple[int | None, Failure | None]:
        """The status of the answer, or why there is none."""
        limit = aiohttp.ClientTimeout(total=self.limit_s)
        try:
            async with (
                asyncio.timeout(self.limit_s),  # also while what is left of a connection is put away
                self.session.post(
                    url, data=body.encode(), headers=headers, timeout=limit, allow_redirects=False
                ) as response,
            ):
                return response.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            return None, _failure(exc)


def _since(began: float) -> int:
    """In milliseconds."""
    return round((time.monotonic() - began) * 1000)


def signed(notification_id: str, body: str, *, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: a signature for each secret, so that a merchant may know either."""
    signatures = [Webhook(secret).sign(notification_id, at, body) for secret in secrets]
    return {
        "webhook-id": notification_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _others(call: Call) -> dict[str, str]:
    headers = {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "Idempotency-Key": call.request_id,
        "Accept-Encoding": "identity",
    }
    return {**headers, "traceparent": call.traceparent} if call.traceparent else headers


def _answer(status: int | None, failure: Failure | None) -> Done | Busy | OurFault:
    if status is None:
        if failure is Failure.REFUSED_URL:
            return OurFault("notification_url: unreadable")
        return Busy(f"the merchant did not answer: {failure}")
    return Done("") if 200 <= status < 300 else Busy(f"the merchant answered {status}")


def _failure(exc: Exception) -> Failure:
    """Of the fault only its kind: its text may hold the address, and whatever stands in it."""
    match exc:
        case TimeoutError():
            return Failure.TIMEOUT
        case aiohttp.ClientConnectorError() if isinstance(exc.os_error, AddressRefused):
            return Failure.REFUSED_ADDRESS
        case aiohttp.ClientConnectorDNSError():
            return Failure.DNS
        case aiohttp.ClientSSLError():
            return Failure.TLS
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | UnicodeError():
            return Failure.REFUSED_URL
        case aiohttp.ClientConnectionError():
            return Failure.CONNECTION
        case _:
            return Failure.MALFORMED
