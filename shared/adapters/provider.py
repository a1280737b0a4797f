"""Provider over HTTP. The only file that knows the provider's paths, fields and status codes.

Every call carries our request id as Idempotency-Key. A call that was cut off after it was sent is Unknown: money may
have moved, and the next attempt asks.
"""

import re
from typing import Any
from urllib.parse import quote

import aiohttp

from shared.domain.payment import Payment, Step
from shared.ports.provider import Answer, AskAnswer, Busy, Call, Declined, Done, NeverSeen, OurFault, Unknown

type Json = dict[str, Any]

_REFERENCE_OF = {Step.CREATE: "provider_payment_id", Step.SETTLE: "capture_id", Step.VOID: "void_id"}
_PLAIN = re.compile(r"[\x21-\x7e]{1,128}")
_REQUEST_UNKNOWN = "request_unknown"
_DONE_BEFORE = {Step.CREATE: "already_created", Step.SETTLE: "already_captured", Step.VOID: "already_voided"}
_OURS_TO_MEND = {401, 403, 408, 425, 429}
"""4xx that say nothing against the payment: a rotated key, a limit. They pass, so they are retried."""


class HttpProvider:
    """The payment provider's API. limit_s: for one call, below the lock of a message (60 s)."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, api_key: str | None, limit_s: float) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._limit = aiohttp.ClientTimeout(total=limit_s)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    async def create(self, payment: Payment, call: Call) -> Answer:
        body = {**_about(payment), **_money(payment), "payment_method": payment.payment_method}
        answer = await self._post("/v1/payments", body, step=Step.CREATE, call=call)
        return await self._done_before(answer, payment=payment, step=Step.CREATE, call=call)

    async def settle(self, payment: Payment, call: Call) -> Answer:
        path = f"/v1/payments/{_provider_payment_id(payment)}/capture"
        answer = await self._post(path, {**_about(payment), **_money(payment)}, step=Step.SETTLE, call=call)
        return await self._done_before(answer, payment=payment, step=Step.SETTLE, call=call)

    async def void(self, payment: Payment, call: Call) -> Answer:
        path = f"/v1/payments/{_provider_payment_id(payment)}/void"
        answer = await self._post(path, _about(payment), step=Step.VOID, call=call)
        return await self._done_before(answer, payment=payment, step=Step.VOID, call=call)

    async def _done_before(self, answer: Answer, *, payment: Payment, step: Step, call: Call) -> Answer:
        """A conflict may mean that it was done under another id: then ask for its reference."""
        if not isinstance(answer, OurFault) or not answer.code.endswith(_DONE_BEFORE[step]):
            return answer
        found = await self.find(payment, step, call=call)
        return answer if isinstance(found, NeverSeen) else found

    async def ask(self, step: Step, call: Call) -> AskAnswer:
        status, answer, busy = await self._get(f"/v1/requests/{call.request_id}", query={}, call=call)
        if busy:
            return busy
        remembered, status_code = answer.get("answer"), answer.get("status_code")
        if status == 404 and answer.get("code") == _REQUEST_UNKNOWN:
            return NeverSeen()
        if status != 200 or not isinstance(remembered, dict) or type(status_code) is not int:
            return Busy(f"asking about {call.request_id} answered {status}, and not as the provider does")
        return _answer(status_code, remembered, step=step, retry_after_s=0.0)

    async def find(self, payment: Payment, step: Step, *, call: Call) -> AskAnswer:
        query = {"payment_reference": payment.payment_id}
        status, answer, busy = await self._get("/v1/payments", query=query, call=call)
        if busy:
            return busy
        payments = answer.get("payments")
        if status != 200 or not isinstance(payments, list):
            return Busy(f"asking for {payment.payment_id} answered {status}, and not as the provider does")
        for found in (entry for entry in payments if isinstance(entry, dict)):
            reference = _plain(found.get(_REFERENCE_OF[step]))
            if found.get("status") == "declined" and step is Step.CREATE:
                return Declined(_plain(found.get("code")) or "declined")
            if reference:
                return Done(reference)
        return NeverSeen()

    async def _post(self, path: str, body: Json, *, step: Step, call: Call) -> Answer:
        headers = {**self._headers, **_call_headers(call), "Idempotency-Key": call.request_id}
        try:
            async with self._session.post(
                self._base_url + path, json=body, headers=headers, timeout=self._limit, allow_redirects=False
            ) as response:
                answer = await _json(response)
                return _answer(response.status, answer, step=step, retry_after_s=_retry_after_s(response))
        except aiohttp.ClientConnectorError as exc:  # no connection, so nothing was sent
            return Busy(f"the provider could not be reached: {exc.os_error}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Unknown(f"no answer to {call.request_id}: {type(exc).__name__}")

    async def _get(self, path: str, *, query: dict[str, str], call: Call) -> tuple[int, Json, Busy | None]:
        """Asking changes nothing, so a missing answer is only a reason to ask again later."""
        headers = {**self._headers, **_call_headers(call)}
        try:
            async with self._session.get(
                self._base_url + path, params=query, headers=headers, timeout=self._limit, allow_redirects=False
            ) as response:
                answer = await _json(response)
                if response.status in (200, 404):
                    return response.status, answer, None
                return response.status, {}, Busy(f"asking answered {response.status}", _retry_after_s(response))
        except (aiohttp.ClientError, TimeoutError) as exc:
            return 0, {}, Busy(f"no answer when asked about {call.request_id}: {type(exc).__name__}")


def _answer(status: int, body: Json, *, step: Step, retry_after_s: float) -> Answer:
    if 200 <= status < 300:
        reference = _plain(body.get(_REFERENCE_OF[step]))
        return Done(reference) if reference else Unknown(f"answered {status} without {_REFERENCE_OF[step]}")
    if status == 402:
        return Declined(_plain(body.get("code")) or "declined")
    if status >= 500 or status in _OURS_TO_MEND:
        return Busy(f"answered {status}", retry_after_s)
    return OurFault(f"{status} {_plain(body.get('code'))}".strip())


def _plain(text: object) -> str:
    """A code or reference as it may be stored and sent on: visible ASCII of a sane length, else empty."""
    return text if isinstance(text, str) and _PLAIN.fullmatch(text) else ""


def _about(payment: Payment) -> Json:
    return {"payment_reference": payment.payment_id}


def _money(payment: Payment) -> Json:
    return {"amount_minor": payment.amount.amount_minor, "currency": payment.amount.currency}


def _provider_payment_id(payment: Payment) -> str:
    if payment.created is None:
        raise ValueError(f"payment {payment.payment_id} was never created at the provider")
    return quote(payment.created.provider_payment_id, safe="")


def _call_headers(call: Call) -> dict[str, str]:
    return {"traceparent": call.traceparent} if call.traceparent else {}


async def _json(response: aiohttp.ClientResponse) -> Json:
    """{} for a body that is not a JSON object, such as a gateway's error page."""
    try:
        body = await response.json(content_type=None)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    """Seconds of Retry-After; 0 when it is absent or gives a date: our own backoff decides then."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
