"""Stripe's API over HTTP: paths, headers, forms, pages of lists, time limits. Judges no answer.

Stripe cannot be asked by an idempotency key, so both questions look into its lists. Its search is not used: it may lag
behind by a minute or an hour, and a payment that it does not show may have been charged.
"""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp

from shared.adapters.stripe import words
from shared.adapters.stripe.words import Heard, Json
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import Answer, AskAnswer, Busy, Call, Declined, DisputeAnswer, NeverSeen, Unknown

VERSION = "2024-06-20"
MAX_BODY_BYTES = 2 * 1024 * 1024
"""A page of a hundred intents has about 300 KB."""
MAX_PAGES = 20
CLOCKS_DIFFER = timedelta(minutes=5)
_SECONDS = re.compile(r"[0-9]{1,9}")


class StripeProvider:
    """An account at Stripe. limit_s: for one call, below the lock of a message (60 s)."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, api_key: str | None, limit_s: float) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._limit = aiohttp.ClientTimeout(total=limit_s)
        self._headers = {"Stripe-Version": VERSION, **({"Authorization": f"Bearer {api_key}"} if api_key else {})}

    async def create(self, payment: Payment, call: Call) -> Answer:
        return await self._send("/v1/payment_intents", payment, task=Step.CREATE, call=call)

    async def settle(self, payment: Payment, call: Call) -> Answer:
        return await self._send(f"{_path(payment)}/capture", payment, task=Step.SETTLE, call=call)

    async def void(self, payment: Payment, call: Call) -> Answer:
        return await self._send(f"{_path(payment)}/cancel", payment, task=Step.VOID, call=call)

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        return await self._send("/v1/refunds", payment, task=task, call=call)

    async def ask(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        return await self.find(payment, step, call=call)

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:  # noqa: ARG002 - it has no ids
        if isinstance(step, RefundTask):
            found = await self._list("/v1/refunds", {"payment_intent": words.intent_of(payment)})
            if isinstance(found, Busy):
                return found
            own = [each for each in found if words.is_refund_of(each, step)]
            return words.of_tries([words.of_refund(each, payment=payment, task=step) for each in own])
        if step is Step.CREATE:
            period = {
                "created[gte]": str(int((payment.initiated_at - CLOCKS_DIFFER).timestamp())),
                "created[lte]": str(int((payment.expires_at + CLOCKS_DIFFER).timestamp())),
            }
            found = await self._list("/v1/payment_intents", period)
            if isinstance(found, Busy):
                return found
            own = [each for each in found if words.is_intent_of(each, payment)]
            return words.of_tries([words.of_intent(each, payment=payment, task=step) for each in own])
        heard = await self._question(_path(payment), {})
        if isinstance(heard, Busy):
            return heard
        return words.of_intent(heard.body if heard.status == 200 else {}, payment=payment, task=step)

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:  # noqa: ARG002
        """Disputes of this provider are not followed: whatever is asked for is not known."""
        return NeverSeen()

    async def _list(self, path: str, query: dict[str, str]) -> list[Json] | Busy:
        """All of a list. Busy for what is not one, and for one that does not end."""
        found: list[Json] = []
        for _ in range(MAX_PAGES):
            after = {"starting_after": str(found[-1].get("id"))} if found else {}
            heard = await self._question(path, {**query, "limit": "100", **after})
            if isinstance(heard, Busy):
                return heard
            page, has_more = heard.body.get("data"), heard.body.get("has_more")
            is_list = heard.status == 200 and heard.body.get("object") == "list" and isinstance(page, list)
            if not is_list or not all(isinstance(each, dict) for each in page or []):
                return Busy(f"{path} answered {heard.status}, and not with a list", heard.retry_after_s)
            found += page or []
            if has_more is False:
                return found
            if not page:
                break
        return Busy(f"{path} has more than {MAX_PAGES} pages")

    async def _send(self, path: str, payment: Payment, *, task: Task, call: Call) -> Answer:
        if refused := words.refusal(payment, task):
            return refused
        try:
            heard = await self._exchange("POST", path, form=words.form_of(payment, task), request_id=call.request_id)
        except aiohttp.ClientConnectorError as exc:  # no connection, so nothing was sent
            return Busy(f"the provider could not be reached: {exc.os_error}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Unknown(f"no answer to {call.request_id}: {type(exc).__name__}")
        answer = words.verdict(heard, payment=payment, task=task)
        if not words.is_of_another_state(answer):
            return answer
        match await self.find(payment, task, call=call):
            case NeverSeen() | Declined():
                return answer
            case Busy(why, retry_after_s):
                return Unknown(why, retry_after_s)
            case found:
                return found

    async def _question(self, path: str, query: dict[str, str]) -> Heard | Busy:
        try:
            return await self._exchange("GET", path, query=query)
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Busy(f"no answer when {path} was asked for: {type(exc).__name__}")

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        form: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        request_id: str = "",
    ) -> Heard:
        """Raises aiohttp.ClientError, TimeoutError."""
        key = {"Idempotency-Key": request_id} if request_id else {}
        async with self._session.request(
            method,
            self._base_url + path,
            params=query,
            data=form,
            headers={**self._headers, **key},
            timeout=self._limit,
            allow_redirects=False,
        ) as response:
            after = response.headers.get("Retry-After", "")
            wait_s = float(after) if _SECONDS.fullmatch(after) else 0.0
            return Heard(response.status, await _json_object(response), wait_s)


def _path(payment: Payment) -> str:
    return f"/v1/payment_intents/{quote(words.intent_of(payment), safe='')}"


async def _json_object(response: aiohttp.ClientResponse) -> Json:
    """{} for a body that is not a JSON object of a sane size."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            return {}
    try:
        body: Any = json.loads(content.decode())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
