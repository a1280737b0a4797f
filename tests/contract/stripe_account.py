"""The Stripe-shaped adapter before an account of the imitation, of which a test may see and change everything."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from local.provider.wire import listening
from local.stripe.state import Account, Answer
from local.stripe.wire import application
from shared.adapters.stripe.client import StripeProvider
from shared.domain.payment import Payment, Task
from shared.ports.provider import Call, Done
from tests.builders import NOON, Story, a_payment

type Answers = Callable[[str, Mapping[str, str]], Answer | None]


def no_answer(path: str, form: Mapping[str, str]) -> Answer | None:
    return None


@dataclass(frozen=True, slots=True)
class Posted:
    path: str
    form: Mapping[str, str]
    key: str


class OddAccount(Account):
    """posted: every call that came. instead: is asked first, and may answer in the account's place. What it says is
    repeated under the same key for a day, as Stripe does with whatever it answered, a 500 too.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: NOON + timedelta(seconds=1)) -> None:
        super().__init__(clock=clock)
        self.posted: list[Posted] = []
        self.instead: Answers = no_answer
        self.is_broken = False
        self._said: dict[str, tuple[datetime, Answer]] = {}

    def perform(self, path: str, form: Mapping[str, str], *, key: str) -> Answer:
        self.posted.append(Posted(path, dict(form), key))
        said_at, said = self._said.get(key, (NOON, None))
        if said and self._clock() - said_at < timedelta(days=1):
            return said
        answer = self.instead(path, form)
        if answer and key:
            self._said[key] = (self._clock(), answer)
        return answer or super().perform(path, form, key=key)

    def only_intent(self) -> dict[str, Any]:
        (intent,) = self.intents.values()
        return intent


@dataclass(slots=True)
class AtStripe:
    account: OddAccount
    provider: StripeProvider

    async def held(self, method: str = "pm_card_visa", **changes: Any) -> Story:
        """A payment whose money is reserved."""
        story = a_payment(payment_method=method, **changes)
        answer = await self.provider.create(story.payment, call())
        assert isinstance(answer, Done), answer
        return story.created(answer.reference)

    async def paid(self, method: str = "pm_card_visa", **changes: Any) -> Story:
        story = await self.held(method, **changes)
        answer = await self.provider.settle(story.payment, call())
        assert isinstance(answer, Done), answer
        return story.settled(answer.reference).completed()

    async def found(self, payment: Payment, task: Task) -> object:
        return await self.provider.find(payment, task, call=call())


def call(request_id: str | None = None) -> Call:
    """Under an id of its own, if none is named."""
    return Call(request_id=request_id or str(uuid.uuid4()), traceparent=None)


def once(suffix: str, *answers: Answer) -> Answers:
    """To the first calls of such a path. They do nothing."""
    left = list(answers)

    def instead(path: str, form: Mapping[str, str]) -> Answer | None:
        return left.pop(0) if left and path.endswith(suffix) else None

    return instead


def failing(status: int, kind: str, **fault: object) -> Answer:
    return Answer(status, {"error": {"type": kind, **fault}})


OUT_OF_ORDER = failing(500, "api_error", message="Something went wrong.")


@asynccontextmanager
async def at_stripe(account: OddAccount | None = None) -> AsyncIterator[AtStripe]:
    account = account or OddAccount()
    async with aiohttp.ClientSession() as http, listening(application(account, hold_s=0.0), 0) as port:
        provider = StripeProvider(http, base_url=f"http://127.0.0.1:{port}", api_key="sk_test_1", limit_s=5.0)
        yield AtStripe(account, provider)
