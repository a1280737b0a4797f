"""What Stripe's answers to calls come to: done, declined, not done, not known, ours to mend. Also under odd JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from local.stripe.state import Answer
from shared.adapters.stripe.client import StripeProvider
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import Busy, CapturedInstead, Declined, Done, NeverSeen, OurFault, Unknown, Unprovable
from tests.builders import REFUND_ID, a_payment
from tests.contract.odd_server import OddServer, Said, odd_server
from tests.contract.stripe_account import OUT_OF_ORDER, at_stripe, call, failing, once

TASK = RefundTask(REFUND_ID)
CREATE, CAPTURE, CANCEL, REFUNDS = "/payment_intents", "/capture", "/cancel", "/refunds"


async def test_a_capture_and_a_void_go_without_a_key_and_a_500_stands_in_nobodys_way() -> None:
    async with at_stripe() as stripe:
        held, other = (await stripe.held()).payment, (await stripe.held(payment_id="p-2")).payment
        stripe.account.instead = once(CAPTURE, OUT_OF_ORDER)
        assert isinstance(await stripe.provider.settle(held, call("k-1")), Unknown)
        assert isinstance(await stripe.provider.settle(held, call("k-1")), Done)
        stripe.account.instead = once(CANCEL, OUT_OF_ORDER)
        assert isinstance(await stripe.provider.void(other, call("k-2")), Unknown)
        assert isinstance(await stripe.provider.void(other, call("k-2")), Done)

        assert {posted.path.rsplit("/", 1)[1]: bool(posted.key) for posted in stripe.account.posted} == {
            "payment_intents": True,
            "capture": False,
            "cancel": False,
        }


async def test_a_second_capture_takes_nothing_and_tells_of_the_first() -> None:
    async with at_stripe() as stripe:
        held = (await stripe.held()).payment
        answers = [await stripe.provider.settle(held, call()) for _ in range(3)]

        assert len({answer.reference for answer in answers if isinstance(answer, Done)}) == 1
        assert len([each for each in stripe.account.posted if each.path.endswith(CAPTURE)]) == 3
        assert stripe.account.only_intent()["amount_received"] == 1250


async def test_a_refund_has_a_key_so_that_a_repeat_pays_once() -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid()).refund_requested(amount_minor=300).payment
        first, second = [await stripe.provider.refund(paid, TASK, call=call("k-1")) for _ in range(2)]

        assert isinstance(first, Done)
        assert first == second
        assert [each["amount"] for each in stripe.account.refunds.values()] == [300]


@pytest.mark.parametrize(
    ("path", "said", "answer"),
    [
        (CREATE, failing(400, "invalid_request_error", code="amount_too_small"), Declined("amount_too_small")),
        (CREATE, failing(400, "invalid_request_error", code="amount_too_large"), Declined("amount_too_large")),
        (CREATE, failing(400, "invalid_request_error", code="cur", param="currency"), Declined("cur")),
        (CREATE, failing(400, "invalid_request_error", param="currency"), Declined("invalid_request_error")),
        (CREATE, failing(404, "invalid_request_error", code="gone", param="payment_method"), Declined("gone")),
        (CREATE, failing(400, "invalid_request_error", code="no", param="confirm"), OurFault("400 no")),
        (CREATE, failing(400, "idempotency_error"), OurFault("400 idempotency_error")),
        (CAPTURE, failing(402, "card_error", code="card_declined", decline_code="lost"), Declined("lost")),
        (CAPTURE, failing(400, "x", code="charge_expired_for_capture"), Declined("charge_expired_for_capture")),
        (CAPTURE, failing(400, "x", code="amount_too_large"), OurFault("400 amount_too_large")),
        (CANCEL, failing(400, "x", code="charge_expired_for_capture"), OurFault("400 charge_expired_for_capture")),
        (REFUNDS, failing(400, "x", code="charge_disputed"), Declined("charge_disputed")),
        (REFUNDS, failing(400, "x", code="amount_too_small"), OurFault("400 amount_too_small")),
    ],
)
async def test_what_a_refusal_comes_to(path: str, said: Answer, answer: object) -> None:
    async with at_stripe() as stripe:
        assert await _posted(stripe, path, said) == answer


@pytest.mark.parametrize("path", [CREATE, CAPTURE, CANCEL, REFUNDS])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (failing(401, "invalid_request_error"), Busy),
        (failing(403, "invalid_request_error"), Busy),
        (failing(429, "invalid_request_error", code="lock_timeout"), Busy),
        (failing(409, "idempotency_error", code="idempotency_key_in_use"), Unknown),
        (failing(500, "api_error"), Unknown),
        (failing(503, "card_error"), Unknown),
        (Answer(400, {"error": "card_error"}), Unknown),
        (Answer(402, {}), Unknown),
        (Answer(200, {}), Unknown),
    ],
)
async def test_what_may_have_been_done_is_unknown_and_what_was_not_is_busy(path: str, said: Answer, kind: type) -> None:
    async with at_stripe() as stripe:
        assert type(await _posted(stripe, path, said)) is kind


async def _posted(stripe: Any, path: str, said: Answer) -> object:
    """What the adapter makes of such an answer to a call of that path."""
    story = await (stripe.paid() if path == REFUNDS else stripe.held())
    stripe.account.instead = once(path, said)
    if path == CREATE:
        return await stripe.provider.create(a_payment(payment_id="p-2").payment, call())
    if path == REFUNDS:
        return await stripe.provider.refund(story.refund_requested().payment, TASK, call=call())
    return await (stripe.provider.settle if path == CAPTURE else stripe.provider.void)(story.payment, call())


@pytest.mark.parametrize(
    ("change", "create", "settle", "void"),
    [
        ({}, Done, NeverSeen, NeverSeen),
        ({"status": "processing"}, Busy, Busy, Busy),
        ({"status": "requires_confirmation"}, NeverSeen, Unprovable, NeverSeen),
        ({"status": "requires_payment_method"}, NeverSeen, Declined, NeverSeen),
        ({"status": "requires_payment_method", "last_payment_error": {"type": "x"}}, Declined, Declined, NeverSeen),
        ({"status": "requires_action"}, Declined, Unprovable, NeverSeen),
        ({"status": "canceled"}, Done, Declined, Done),
        ({"status": "succeeded", "amount_received": 1250}, Done, Done, CapturedInstead),
        ({"status": "succeeded", "amount_received": 1000}, Done, Unprovable, Unprovable),
        ({"status": "succeeded"}, Done, Unprovable, Unprovable),
        ({"status": "succeeded", "amount_received": None}, Done, Busy, Busy),
        ({"status": "succeeded", "amount_received": 1250, "latest_charge": None}, Done, Busy, Busy),
        ({"status": "a_new_word"}, Unprovable, Unprovable, Unprovable),
        ({"amount": 1251}, Unprovable, Unprovable, Unprovable),
        ({"currency": "usd"}, Unprovable, Unprovable, Unprovable),
        ({"amount": "1250"}, Busy, Busy, Busy),
        ({"status": 7}, Busy, Busy, Busy),
        ({"object": "charge"}, Busy, Busy, Busy),
    ],
)
async def test_what_an_intent_shows_of_each_step(
    change: dict[str, Any], create: type, settle: type, void: type
) -> None:
    async with at_stripe() as stripe:
        payment = (await stripe.held()).payment
        stripe.account.only_intent().update(change)

        found = [await stripe.found(payment, step) for step in (Step.CREATE, Step.SETTLE, Step.VOID)]
        assert [type(each) for each in found] == [create, settle, void]


async def test_an_intent_that_stripe_does_not_have_goes_to_a_person_and_is_not_asked_for_for_ever() -> None:
    """It was created at another account, or under another PROVIDER_API."""
    held = a_payment().created("pp_1").payment
    paid = a_payment().created("pp_1").settled().completed().refund_requested().payment
    async with at_stripe() as stripe:
        for payment, task in ((held, Step.SETTLE), (held, Step.VOID), (paid, TASK)):
            assert isinstance(await stripe.found(payment, task), Unprovable)


async def test_an_intent_of_another_payment_shows_nothing() -> None:
    async with at_stripe() as stripe:
        payment = (await stripe.held()).payment
        stripe.account.only_intent()["metadata"] = {"payment_id": "another"}

        assert await stripe.found(payment, Step.CREATE) == NeverSeen()
        assert isinstance(await stripe.found(payment, Step.SETTLE), Busy)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, Done),
        ({"status": "pending"}, Busy),
        ({"status": "requires_action"}, Busy),
        ({"status": "failed", "failure_reason": "lost_or_stolen_card"}, Declined),
        ({"status": "canceled"}, Declined),
        ({"status": "a_new_word"}, Unprovable),
        ({"amount": 301}, Unprovable),
        ({"currency": "usd"}, Unprovable),
        ({"amount": None}, Busy),
        ({"metadata": {"refund_id": "another"}}, NeverSeen),
        ({"metadata": {}}, NeverSeen),
    ],
)
async def test_what_a_refund_object_shows(change: dict[str, Any], kind: type) -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid()).refund_requested(amount_minor=300).payment
        await stripe.provider.refund(paid, TASK, call=call())
        (refund,) = stripe.account.refunds.values()
        refund.update(change)

        assert type(await stripe.found(paid, TASK)) is kind


async def test_a_refund_that_pends_is_not_done_and_is_waited_for() -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid("pm_card_pendingRefund")).refund_requested(amount_minor=300).payment
        sent = await stripe.provider.refund(paid, TASK, call=call())
        found = await stripe.found(paid, TASK)

        assert isinstance(sent, Unknown)
        assert isinstance(found, Busy)
        assert min(sent.retry_after_s, found.retry_after_s) >= 900, "as long as the retries let it be"


@pytest.mark.parametrize("status", [500, 503, 429, 401, 404, 302])
async def test_a_question_that_is_not_answered_teaches_nothing(status: int) -> None:
    said = Said(status, {"error": {"type": "api_error"}}, {"Retry-After": "7", "Location": "/elsewhere"})
    async with aiohttp.ClientSession() as http, odd_server() as odd:
        provider = _before(odd, http, said)
        for payment, task in _tasks():
            answer = await provider.find(payment, task, call=call())
            assert isinstance(answer, Busy), (task, answer)
            if task in (Step.CREATE, TASK):
                assert answer.retry_after_s == 7


async def test_a_call_tells_how_long_to_wait_and_follows_nobody_elsewhere() -> None:
    async with aiohttp.ClientSession() as http, odd_server() as odd, at_stripe() as stripe:
        real = stripe.provider._base_url
        busy = _before(odd, http, Said(429, {"error": {"type": "x"}}, {"Retry-After": "7"}))
        lost = _before(odd, http, Said(500, {"error": {"type": "x"}}, {"Retry-After": "9"}))
        moved = _before(odd, http, Said(307, b"", {"Location": f"{real}/v1/payment_intents"}))
        payment = a_payment(payment_method="pm_card_visa").payment

        assert await busy.create(payment, call()) == Busy("answered 429 x", 7)
        answer = await lost.create(payment, call())
        assert isinstance(answer, Unknown)
        assert answer.retry_after_s == 9
        assert isinstance(await moved.create(payment, call()), Unknown)
        assert stripe.account.posted == []


ODD: tuple[object, ...] = (
    [], {}, "x", None, 7, {"object": "list", "has_more": True, "data": []},
    {"object": "list", "has_more": False, "data": [7]},
    {"object": "list", "has_more": False, "data": [{"id": "pi_1", "metadata": ["x"]}]},
    {"object": "list", "has_more": False, "data": [{"id": [], "metadata": {}}]},
    {"object": "list", "has_more": True, "data": [{"id": "\ud800", "metadata": {}}]},
    {"object": "payment_intent", "id": "pp_1", "metadata": "m"},
    {"object": "payment_intent", "id": "pp_1", "status": [], "amount": 1250, "currency": [], "metadata": {}},
    {"object": ["payment_intent"], "id": {}, "metadata": None, "last_payment_error": "x"},
    {"error": []}, {"error": "x"}, {"error": {"type": "card_error", "code": "\u0000", "decline_code": ["x"]}},
    {"error": {"type": ["x"], "param": {}}}, {"error": {"type": "x", "param": [], "code": {}}},
)  # fmt: skip


@pytest.mark.parametrize("body", ODD, ids=lambda body: json.dumps(body)[:40])
async def test_whatever_is_answered_nothing_is_raised(body: object) -> None:
    own = {"object": "payment_intent", "metadata": {"payment_id": a_payment().payment.payment_id}}
    bodies = [body, {**own, **body} if isinstance(body, dict) else body]
    async with aiohttp.ClientSession() as http, odd_server() as odd:
        for status in (200, 400, 402, 500):
            for each in bodies:
                provider = _before(odd, http, Said(status, each))
                for payment, task in _tasks():
                    assert isinstance(await provider.find(payment, task, call=call()), Busy | NeverSeen)
                    sent = await _send_of(provider, task)(payment)
                    assert isinstance(sent, Unknown | OurFault | Declined), sent


def _before(odd: OddServer, http: aiohttp.ClientSession, said: Said) -> StripeProvider:
    base = odd.answering(said, asked=said, listed=said)
    return StripeProvider(http, base_url=base, api_key="sk_test_1", limit_s=5.0)


def _tasks() -> list[tuple[Payment, Task]]:
    fresh, held = a_payment().payment, a_payment().created().payment
    paid = a_payment().created().settled().completed().refund_requested().payment
    return [(fresh, Step.CREATE), (held, Step.SETTLE), (held, Step.VOID), (paid, TASK)]


def _send_of(provider: StripeProvider, task: Task) -> Callable[[Payment], Awaitable[object]]:
    async def send(payment: Payment) -> object:
        if isinstance(task, RefundTask):
            return await provider.refund(payment, task, call=call())
        if task is Step.CREATE:
            return await provider.create(payment, call())
        return await (provider.settle if task is Step.SETTLE else provider.void)(payment, call())

    return send
