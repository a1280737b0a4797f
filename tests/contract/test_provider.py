"""What every payment provider's adapter promises: each answer of the other side becomes the right value."""

import uuid
from collections.abc import Callable

import aiohttp
import pytest

from shared.adapters.provider.client import HttpProvider
from shared.domain.payment import Payment, Step
from shared.ports.provider import Answer, Busy, Call, CapturedInstead, Declined, Done, NeverSeen, OurFault, Unknown
from tests.builders import a_payment
from tests.contract.conftest import Endpoints

pytestmark = pytest.mark.asyncio(loop_scope="package")

type Make = Callable[..., HttpProvider]


@pytest.fixture
def make(endpoints: Endpoints, http: aiohttp.ClientSession) -> Make:
    def provider(*, url: str = endpoints.provider_url, limit_s: float = 5.0) -> HttpProvider:
        return HttpProvider(http, base_url=url, api_key="key", limit_s=limit_s)

    return provider


def a_new_payment(token: str = "pm_ok", *, created: str | None = None) -> Payment:
    story = a_payment(payment_id=str(uuid.uuid4()), payment_method=token)
    return story.created(created).payment if created else story.payment


def call(payment: Payment, step: Step) -> Call:
    return Call(request_id=f"{payment.payment_id}:{step.value}", traceparent=None)


async def created(provider: HttpProvider, token: str = "pm_ok") -> Payment:
    payment = a_new_payment(token)
    answer = await provider.create(payment, call(payment, Step.CREATE))
    assert isinstance(answer, Done), answer
    story = a_payment(payment_id=payment.payment_id, payment_method=token)
    return story.created(answer.reference).payment


async def test_a_payment_is_created_settled_and_found_under_both_its_names(make: Make) -> None:
    provider = make()
    payment = await created(provider)

    settled = await provider.settle(payment, call(payment, Step.SETTLE))

    assert isinstance(settled, Done)
    assert await provider.ask(payment, Step.SETTLE, call=call(payment, Step.SETTLE)) == settled
    assert await provider.find(payment, Step.SETTLE, call=call(payment, Step.SETTLE)) == settled


async def test_a_repeated_request_id_gets_the_first_answer(make: Make) -> None:
    provider = make()
    payment = await created(provider)

    answers = [await provider.settle(payment, call(payment, Step.SETTLE)) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]


async def test_what_was_captured_under_another_request_id_is_done(make: Make) -> None:
    provider = make()
    payment = await created(provider)
    first = await provider.settle(payment, call(payment, Step.SETTLE))

    other = await provider.settle(payment, Call(request_id=str(uuid.uuid4()), traceparent=None))

    assert other == first


async def test_a_created_payment_can_be_voided_and_a_captured_one_cannot(make: Make) -> None:
    provider = make()
    payment, captured = await created(provider), await created(provider)
    taken = await provider.settle(captured, call(captured, Step.SETTLE))

    voided = await provider.void(payment, call(payment, Step.VOID))
    refused = await provider.void(captured, call(captured, Step.VOID))

    assert isinstance(voided, Done)
    assert isinstance(taken, Done)
    assert refused == CapturedInstead(taken.reference), "and the reference of what was taken is not lost"


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("pm_declined", Declined),
        ("pm_invalid", OurFault),
        ("pm_fails_twice", Busy),
        ("pm_down", Busy),
        ("pm_times_out_once", Unknown),
        ("pm_unheard_of", OurFault),
    ],
)
async def test_each_way_to_fail_has_its_value(make: Make, token: str, kind: type[Answer]) -> None:
    payment = a_new_payment(token)

    answer = await make(limit_s=0.5).create(payment, call(payment, Step.CREATE))

    assert isinstance(answer, kind), answer


async def test_what_timed_out_after_it_was_done_is_told_when_asked(make: Make) -> None:
    payment = a_new_payment("pm_times_out_once")
    sent = await make(limit_s=0.5).create(payment, call(payment, Step.CREATE))

    asked = await make().ask(payment, Step.CREATE, call=call(payment, Step.CREATE))
    found = await make().find(payment, Step.CREATE, call=call(payment, Step.CREATE))

    assert isinstance(sent, Unknown)
    assert isinstance(asked, Done)
    assert found == asked


async def test_what_was_never_sent_was_never_seen(make: Make) -> None:
    payment = a_new_payment()

    assert await make().ask(payment, Step.CREATE, call=call(payment, Step.CREATE)) == NeverSeen()
    assert await make().find(payment, Step.CREATE, call=call(payment, Step.CREATE)) == NeverSeen()


async def test_a_provider_that_cannot_be_reached_was_sent_nothing(make: Make) -> None:
    payment, nowhere = a_new_payment(), make(url="http://127.0.0.1:9")

    assert isinstance(await nowhere.create(payment, call(payment, Step.CREATE)), Busy)
    assert isinstance(await nowhere.ask(payment, Step.CREATE, call=call(payment, Step.CREATE)), Busy)
