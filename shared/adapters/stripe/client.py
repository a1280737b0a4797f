"""Stripe's API over HTTP: paths, headers, forms, pages of lists, time limits. Judges no answer.

Stripe cannot be asked by an idempotency key, so both questions look into its lists. Its search is not used: it may lag
behind by a minute or an hour, and a payment that it does not show may have been charged.
"""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import aiohttp

from shared.adapters.stripe import forms, words
from shared.adapters.stripe.words import Heard, Json
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import Answer, AskAnswer, Busy, Call, DisputeAnswer, Done, NeverSeen, Unknown, Unprovable

VERSION = "2024-06-20"
MAX_BODY_BYTES = 2 * 1024 * 1024
"""A page of a hundred intents has about 300 KB."""
MAX_PAGES = 40
"""Of a hundred each. As many fit into a turn while Stripe takes less than 0.7 s for each."""
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
        if step is Step.CREATE or isinstance(step, RefundTask):
            return await self._looked_for(payment, step)
        heard = await self._question(_path(payment), {})
        if isinstance(heard, Busy):
            return heard
        if heard.is_missing:
            return Unprovable(f"there is no {_path(payment)}: it was made at another account or provider")
        return words.of_one(heard.body if heard.status == 200 else {}, payment=payment, task=step)

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:  # noqa: ARG002
        """Disputes of this provider are not followed: whatever is asked for is not known."""
        return NeverSeen()

    async def _looked_for(self, payment: Payment, task: Task) -> AskAnswer:
        """The first yes that stands counts, whatever else is listed. All of the list must be seen to say no."""
        answers: list[AskAnswer] = []
        async with aclosing(self._pages(*forms.lists_of(payment, task))) as pages:
            async for page in pages:
                if isinstance(page, Busy | Unprovable):
                    return page
                for each in page:
                    if not words.is_own(each, payment=payment, task=task):
                        continue
                    answers.append(words.of_one(each, payment=payment, task=task))
                    if isinstance(answers[-1], Done) and words.stands(each):
                        return answers[-1]
        return words.of_tries(answers)

    async def _pages(
        self, path: str, parts: Sequence[dict[str, str]]
    ) -> AsyncGenerator[list[Json] | Busy | Unprovable]:
        """Each page of a list, part by part. Busy for what is not one, Unprovable for one that does not end."""
        left = [{**part, "limit": "100"} for part in parts]
        for _ in range(MAX_PAGES):
            heard = await self._question(path, left[0])
            if isinstance(heard, Busy):
                yield heard
                return
            page = heard.page
            if heard.is_missing:
                yield Unprovable(f"{path} has no such payment_intent")
                return
            if page is None:
                yield Busy(f"{path} answered {heard.status}, and not with a list", heard.retry_after_s)
                return
            yield page
            left = [{**left[0], "starting_after": page[-1]["id"]}, *left[1:]] if heard.has_more else left[1:]
            if not left:
                return
        yield Unprovable(f"it may stand on a page of {path} beyond the first {MAX_PAGES}")

    async def _send(self, path: str, payment: Payment, *, task: Task, call: Call) -> Answer:
        if refused := forms.refusal(payment, task):
            return refused
        try:
            key = call.request_id if forms.needs_key(task) else ""
            heard = await self._exchange("POST", path, form=forms.form_of(payment, task), key=key)
        except aiohttp.ClientConnectorError as exc:  # no connection, so nothing was sent
            return Busy(f"the provider could not be reached: {exc.os_error}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            return Unknown(f"no answer to {call.request_id}: {type(exc).__name__}")
        answer = words.verdict(heard, payment=payment, task=task)
        if not words.is_of_another_state(answer):
            return answer
        match await self.find(payment, task, call=call):
            case NeverSeen():
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
        key: str = "",
    ) -> Heard:
        """Raises aiohttp.ClientError, TimeoutError."""
        keyed = {"Idempotency-Key": key} if key else {}
        async with self._session.request(
            method,
            self._base_url + path,
            params=query,
            data=form,
            headers={**self._headers, **keyed},
            timeout=self._limit,
            allow_redirects=False,
        ) as response:
            after = response.headers.get("Retry-After", "")
            wait_s = float(after) if _SECONDS.fullmatch(after) else 0.0
            return Heard(response.status, await _json_object(response), wait_s)


def _path(payment: Payment) -> str:
    return f"/v1/payment_intents/{quote(forms.intent_of(payment), safe='')}"


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
