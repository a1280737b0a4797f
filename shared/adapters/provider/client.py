"""The provider over HTTP: paths, headers, time limits, and how much of an answer is read. Judges no answer.

Every call that moves money carries our request id as Idempotency-Key. One that was cut off after it was sent is
Unknown: money may have moved, and the next attempt asks.
"""

import json
import re
from typing import Never
from urllib.parse import quote

import aiohttp

from shared.adapters.provider import disputes
from shared.adapters.provider.words import (
    Heard,
    Json,
    in_the_books,
    money_of,
    reference_of,
    refund_reference_of,
    remembered,
    says_done_before,
    verdict,
)
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import Answer, AskAnswer, Busy, Call, Declined, DisputeAnswer, NeverSeen, Unknown

MAX_BODY_BYTES = 64 * 1024
"""A longer body is not the provider's: its answers have a few hundred bytes for each try of a payment."""

_SECONDS = re.compile(r"[0-9]{1,9}")


class HttpProvider:
    """The payment provider's API. limit_s: for one call, below the lock of a message (60 s)."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, api_key: str | None, limit_s: float) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._limit = aiohttp.ClientTimeout(total=limit_s)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    async def create(self, payment: Payment, call: Call) -> Answer:
        body = {**reference_of(payment), **money_of(payment, Step.CREATE), "payment_method": payment.payment_method}
        return await self._send("/v1/payments", body, payment=payment, step=Step.CREATE, call=call)

    async def settle(self, payment: Payment, call: Call) -> Answer:
        path = f"/v1/payments/{_provider_payment_id(payment)}/capture"
        body = {**reference_of(payment), **money_of(payment, Step.SETTLE)}
        return await self._send(path, body, payment=payment, step=Step.SETTLE, call=call)

    async def void(self, payment: Payment, call: Call) -> Answer:
        path = f"/v1/payments/{_provider_payment_id(payment)}/void"
        return await self._send(path, reference_of(payment), payment=payment, step=Step.VOID, call=call)

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        path = f"/v1/payments/{_provider_payment_id(payment)}/refunds"
        body = {**reference_of(payment), **refund_reference_of(task), **money_of(payment, task)}
        return await self._send(path, body, payment=payment, step=task, call=call)

    async def ask(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        heard = await self._question(f"/v1/requests/{call.request_id}", query={}, call=call)
        told = heard if isinstance(heard, Busy) else remembered(heard, call=call)
        if not isinstance(told, Heard):
            return told
        answer = await self._judged(told, payment=payment, step=step, call=call)
        return Busy(answer.why, answer.retry_after_s) if isinstance(answer, Unknown) else answer

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        heard = await self._question("/v1/payments", query=reference_of(payment), call=call)
        return heard if isinstance(heard, Busy) else in_the_books(heard, payment=payment, step=step)

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:
        heard = await self._question(f"/v1/disputes/{quote(dispute_id, safe='')}", query={}, call=call)
        if isinstance(heard, Busy):
            return heard
        return disputes.in_the_books(heard, payment=payment, dispute_id=dispute_id)

    async def _judged(self, heard: Heard, *, payment: Payment, step: Task, call: Call) -> Answer:
        """What an answer to a call amounts to. If another request had done it, the books tell under which reference.

        Without them it is Unknown: the provider says that money has moved.
        """
        answer = verdict(heard, payment=payment, step=step)
        if not says_done_before(answer, step):
            return answer
        match await self.find(payment, step, call=call):
            case NeverSeen() | Declined():
                return Unknown(f"the provider says {answer}, and its books do not show it yet")
            case Busy(why, retry_after_s):
                return Unknown(why, retry_after_s)
            case found:
                return found

    async def _send(self, path: str, body: Json, *, payment: Payment, step: Task, call: Call) -> Answer:
        try:
            heard = await self._exchange("POST", path, call=call, body=body)
        except aiohttp.ClientConnectorError as exc:  # no connection, so nothing was sent
            return Busy(f"the provider could not be reached: {exc.os_error}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Unknown(f"no answer to {call.request_id}: {type(exc).__name__}")
        return await self._judged(heard, payment=payment, step=step, call=call)

    async def _question(self, path: str, *, query: dict[str, str], call: Call) -> Heard | Busy:
        """Asking changes nothing, so a missing answer is only a reason to ask again later."""
        try:
            return await self._exchange("GET", path, call=call, query=query)
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Busy(f"no answer when asked about {call.request_id}: {type(exc).__name__}")

    async def _exchange(
        self, method: str, path: str, *, call: Call, body: Json | None = None, query: dict[str, str] | None = None
    ) -> Heard:
        """What has a body wants something done, and goes under our request id.

        Raises aiohttp.ClientError, TimeoutError.
        """
        request_id = {"Idempotency-Key": call.request_id} if body is not None else {}
        async with self._session.request(
            method,
            self._base_url + path,
            params=query,
            json=body,
            headers={**self._headers, **_call_headers(call), **request_id},
            timeout=self._limit,
            allow_redirects=False,
        ) as response:
            return Heard(response.status, await _json_object(response), _retry_after_s(response))


def _provider_payment_id(payment: Payment) -> str:
    if payment.created is None:
        raise ValueError(f"payment {payment.payment_id} was never created at the provider")
    return quote(payment.created.provider_payment_id, safe="")


def _call_headers(call: Call) -> dict[str, str]:
    return {"traceparent": call.traceparent} if call.traceparent else {}


async def _json_object(response: aiohttp.ClientResponse) -> Json:
    """{} for a body that is not a JSON object of a sane size, such as a gateway's error page."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            return {}
    try:
        body = json.loads(content.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _no_number(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    """Seconds of Retry-After; 0 when it is absent or gives a date: our own backoff decides then."""
    text = response.headers.get("Retry-After", "")
    return float(text) if _SECONDS.fullmatch(text) else 0.0
