"""Notifier over HTTP: a CloudEvent posted to the merchant's web server. Knows nothing of payments."""

import aiohttp

from shared.ports.provider import Answer, Busy, Call, Done

CONTENT_TYPE = "application/cloudevents+json"


class HttpNotifier:
    """A fault on the merchant's side is only a reason to try again. limit_s: for one call.

    Redirects are not followed: the merchant named this address and no other.
    """

    def __init__(self, session: aiohttp.ClientSession, *, limit_s: float) -> None:
        self._session = session
        self._limit = aiohttp.ClientTimeout(total=limit_s)

    async def notify(self, url: str, body: str, *, call: Call) -> Answer:
        headers = {"Content-Type": CONTENT_TYPE, "Idempotency-Key": call.request_id}
        if call.traceparent:
            headers["traceparent"] = call.traceparent
        try:
            async with self._session.post(
                url, data=body.encode(), headers=headers, timeout=self._limit, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return Done("")
                return Busy(f"the merchant answered {response.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            return Busy(f"the merchant did not answer: {type(exc).__name__}")
