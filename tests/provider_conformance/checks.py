"""The promises of a provider's adapter, each as a check. They use the port and a bench, and know no adapter.

The name of a check is the name of its promise in docs/provider-contract.md.
"""

import inspect
import sys
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from shared.domain.money import Money
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import (
    Busy,
    Call,
    CapturedInstead,
    Declined,
    Done,
    NeverSeen,
    OurFault,
    Provider,
    Unknown,
)
from tests.builders import OTHER_REFUND_ID, REFUND_ID, Story, a_payment
from tests.provider_conformance.bench import SHORT_S, Bench, Moved

type Check = Callable[[Bench], Awaitable[None]]

STRANGERS = (
    (200, b"<html>hello</html>"),
    (200, b'{"status": "ok", "id": "1"}'),
    (402, b"<html>payment required</html>"),
    (404, b'{"detail": "not found"}'),
    (404, b""),
    (502, b"<html>bad gateway</html>"),
)
TASK, OTHER_TASK = RefundTask(REFUND_ID), RefundTask(OTHER_REFUND_ID)


def call(payment: Payment, task: Task) -> Call:
    return Call(request_id=f"{payment.payment_id}:{task.value}", traceparent=None)


def another_call() -> Call:
    return Call(request_id=str(uuid.uuid4()), traceparent=None)


def a_new(method: str, **changes: Any) -> Story:
    return a_payment(payment_id=str(uuid.uuid4()), payment_method=method, **changes)


async def created(provider: Provider, method: str, **changes: Any) -> Story:
    story = a_new(method, **changes)
    answer = await provider.create(story.payment, call(story.payment, Step.CREATE))
    assert isinstance(answer, Done), answer
    return story.created(answer.reference)


async def settled(provider: Provider, method: str, **changes: Any) -> Story:
    story = await created(provider, method, **changes)
    answer = await provider.settle(story.payment, call(story.payment, Step.SETTLE))
    assert isinstance(answer, Done), answer
    return story.settled(answer.reference)


# -- money


async def amount_and_currency_are_exact(bench: Bench) -> None:
    """What is captured is what the payment says, and once."""
    story = await settled(bench.adapter(), bench.method("ok"))

    assert await bench.moved(story.payment.payment_id) == Moved(1, 1250, "EUR")


async def each_currency_has_its_own_minor_unit(bench: Bench) -> None:
    """Without decimals, with three, and where providers like to differ: captured, given back and found in full."""
    provider = bench.adapter()
    for money, back in ((Money(500, "JPY"), 200), (Money(12340, "KWD"), 2340), (Money(5000, "ISK"), 1000)):
        story = await settled(provider, bench.method("ok"), amount=money)
        payment = story.completed().refund_requested(amount_minor=back).payment
        returned = await provider.refund(payment, TASK, call=call(payment, TASK))

        assert isinstance(returned, Done), (money, returned)
        assert await provider.find(payment, TASK, call=call(payment, TASK)) == returned
        expected = Moved(1, money.amount_minor, money.currency, refunded_minor={REFUND_ID: back})
        assert await bench.moved(payment.payment_id) == expected


async def an_amount_is_exact_or_declined(bench: Bench) -> None:
    """What a provider cannot be told exactly is declined before anything is sent; it is never rounded."""
    provider = bench.adapter()
    for money in (Money(1234, "KWD"), Money(1250, "MGA"), Money(125_000, "MGA"), Money(1234, "LYD")):
        story = a_new(bench.method("ok"), amount=money)
        answer = await provider.create(story.payment, call(story.payment, Step.CREATE))
        if not isinstance(answer, Done):
            assert isinstance(answer, Declined), (money, answer)
            assert (await bench.moved(story.payment.payment_id)).authorised == 0
            continue
        payment = story.created(answer.reference).payment
        assert isinstance(await provider.settle(payment, call(payment, Step.SETTLE)), Done), money
        assert await bench.moved(payment.payment_id) == Moved(1, money.amount_minor, money.currency)


async def refunds_are_exact_and_apart(bench: Bench) -> None:
    """Each refund gives back its own amount, beside others."""
    provider = bench.adapter()
    story = (await settled(provider, bench.method("ok"))).completed().refund_requested(amount_minor=300)
    first = await provider.refund(story.payment, TASK, call=call(story.payment, TASK))
    story = story.refund_requested(OTHER_REFUND_ID, amount_minor=200)
    not_sent = await provider.find(story.payment, OTHER_TASK, call=call(story.payment, OTHER_TASK))

    second = await provider.refund(story.payment, OTHER_TASK, call=call(story.payment, OTHER_TASK))

    assert isinstance(first, Done), first
    assert isinstance(second, Done), second
    assert first != second
    assert not_sent == NeverSeen()
    for task, answer in ((TASK, first), (OTHER_TASK, second)):
        assert await provider.find(story.payment, task, call=call(story.payment, task)) == answer
    moved = await bench.moved(story.payment.payment_id)
    assert moved.refunded_minor == {REFUND_ID: 300, OTHER_REFUND_ID: 200}


async def a_void_releases(bench: Bench) -> None:
    """A void is done, and nothing was captured."""
    provider = bench.adapter()
    story = await created(provider, bench.method("ok"))

    assert isinstance(await provider.void(story.payment, call(story.payment, Step.VOID)), Done)
    moved = await bench.moved(story.payment.payment_id)
    assert (moved.is_voided, moved.captured_minor) == (True, 0)


async def a_void_done_before_is_done(bench: Bench) -> None:
    """A void under another id, and one that is asked for, tell of the first: nobody waits for what is over.

    The authorisation is still known, and its money can no longer be had.
    """
    provider = bench.adapter()
    payment = (await created(provider, bench.method("ok"))).payment
    first = await provider.void(payment, call(payment, Step.VOID))
    assert isinstance(first, Done), first

    again = await provider.void(payment, another_call())
    found = await provider.find(payment, Step.VOID, call=call(payment, Step.VOID))

    assert again == first
    assert found == first
    made = await provider.find(payment, Step.CREATE, call=call(payment, Step.CREATE))
    assert made == Done(payment.created.provider_payment_id if payment.created else "")
    taken = await provider.settle(payment, call(payment, Step.SETTLE))
    asked = await provider.find(payment, Step.SETTLE, call=call(payment, Step.SETTLE))
    assert not isinstance(taken, Done), taken
    assert not isinstance(asked, Done), asked
    assert (await bench.moved(payment.payment_id)).captured_minor == 0


async def a_void_of_captured_money_names_the_capture(bench: Bench) -> None:
    """The reference of what was taken is not lost, neither by the call nor when it is asked about."""
    provider = bench.adapter()
    story = await settled(provider, bench.method("ok"))
    assert story.payment.settled is not None

    answer = await provider.void(story.payment, call(story.payment, Step.VOID))
    asked = await provider.ask(story.payment, Step.VOID, call=call(story.payment, Step.VOID))
    found = await provider.find(story.payment, Step.VOID, call=call(story.payment, Step.VOID))

    assert answer == asked == found == CapturedInstead(story.payment.settled.capture_id)


# -- repeats


async def a_request_id_makes_a_repeat_harmless(bench: Bench) -> None:
    """A second call with the same id gets the first answer, for each step, and nothing is done twice."""
    provider, fresh = bench.adapter(), a_new(bench.method("ok"))
    made = [await provider.create(fresh.payment, call(fresh.payment, Step.CREATE)) for _ in range(2)]
    assert isinstance(made[0], Done), made
    story = fresh.created(made[0].reference)
    payment = story.payment
    taken = [await provider.settle(payment, call(payment, Step.SETTLE)) for _ in range(2)]
    payment = story.settled().completed().refund_requested(amount_minor=300).payment
    returned = [await provider.refund(payment, TASK, call=call(payment, TASK)) for _ in range(2)]

    assert made[0] == made[1]
    assert taken[0] == taken[1]
    assert returned[0] == returned[1]
    assert await bench.moved(payment.payment_id) == Moved(1, 1250, "EUR", refunded_minor={REFUND_ID: 300})


async def a_step_done_by_another_request_is_done(bench: Bench) -> None:
    """A capture under another id tells the reference of the first: it is no fault, and nothing is unknown for ever."""
    provider = bench.adapter()
    story = await settled(provider, bench.method("ok"))
    assert story.payment.settled is not None

    answer = await provider.settle(story.payment, another_call())

    assert answer == Done(story.payment.settled.capture_id)
    assert (await bench.moved(story.payment.payment_id)).captured_minor == 1250


# -- kinds of no


async def a_decline_is_definite(bench: Bench) -> None:
    """Declined with a code, for create, settle and refund, and the same when asked."""
    provider = bench.adapter()
    payment = a_new(bench.method("declined")).payment
    answer = await provider.create(payment, call(payment, Step.CREATE))
    held = (await created(provider, bench.method("settle_declined"))).payment
    paid = (await settled(provider, bench.method("refund_declined"))).completed().refund_requested().payment

    assert isinstance(answer, Declined), answer
    assert await provider.ask(payment, Step.CREATE, call=call(payment, Step.CREATE)) == answer
    assert isinstance(await provider.find(payment, Step.CREATE, call=call(payment, Step.CREATE)), Declined)
    assert isinstance(await provider.settle(held, call(held, Step.SETTLE)), Declined)
    returned = await provider.refund(paid, TASK, call=call(paid, TASK))
    assert isinstance(returned, Declined), returned
    assert await provider.ask(paid, TASK, call=call(paid, TASK)) == returned
    assert isinstance(await provider.find(paid, TASK, call=call(paid, TASK)), Declined)
    assert (await bench.moved(payment.payment_id)).authorised == 0


async def busy_means_that_nothing_was_done(bench: Bench) -> None:
    """A provider that is down is Busy; once it works again, the same request is done."""
    provider = bench.adapter()
    payment = a_new(bench.method("down")).payment

    assert isinstance(await provider.create(payment, call(payment, Step.CREATE)), Busy)
    assert (await bench.moved(payment.payment_id)).authorised == 0
    await bench.repair()
    assert isinstance(await provider.create(payment, call(payment, Step.CREATE)), Done)


async def without_a_connection_nothing_was_sent(bench: Bench) -> None:
    """Busy, for a call and for questions."""
    provider = bench.unreachable()
    payment = a_new(bench.method("ok")).payment
    id_of = call(payment, Step.CREATE)

    assert isinstance(await provider.create(payment, id_of), Busy)
    assert isinstance(await provider.ask(payment, Step.CREATE, call=id_of), Busy)
    assert isinstance(await provider.find(payment, Step.CREATE, call=id_of), Busy)


async def what_no_repeat_can_change_is_our_fault(bench: Bench) -> None:
    """A request that is refused as wrong."""
    payment = a_new(bench.method("invalid")).payment

    assert isinstance(await bench.adapter().create(payment, call(payment, Step.CREATE)), OurFault)


async def only_the_provider_is_believed(bench: Bench) -> None:
    """What somebody else answers is Unknown after a call and Busy after a question. Of a refund too."""
    payment = a_new(bench.method("ok")).created().payment
    paid = a_new(bench.method("ok")).created().settled().completed().refund_requested().payment
    for status, body in STRANGERS:
        provider = bench.before_a_stranger(status, body)
        for step, send in ((Step.CREATE, provider.create), (Step.SETTLE, provider.settle), (Step.VOID, provider.void)):
            heard = await send(payment, call(payment, step))
            assert isinstance(heard, Unknown), (status, body, heard)
            await _learns_nothing(provider, payment, step)
        returned = await provider.refund(paid, TASK, call=call(paid, TASK))
        assert isinstance(returned, Unknown), (status, body, returned)
        await _learns_nothing(provider, paid, TASK)


async def _learns_nothing(provider: Provider, payment: Payment, task: Task) -> None:
    asked = await provider.ask(payment, task, call=call(payment, task))
    found = await provider.find(payment, task, call=call(payment, task))
    assert isinstance(asked, Busy), asked
    assert isinstance(found, Busy), found


# -- asking


async def a_call_without_an_answer_is_unknown_and_told_when_asked(bench: Bench) -> None:
    """For create, settle and refund: Unknown; then done when asked by id and by reference, and done once."""
    hasty, provider = bench.adapter(limit_s=SHORT_S), bench.adapter()
    story = a_new(bench.method("create_times_out"))
    await _is_unknown_and_told(story.payment, Step.CREATE, sent=hasty.create, asked=provider)
    assert (await bench.moved(story.payment.payment_id)).authorised == 1
    held = (await created(provider, bench.method("settle_times_out"))).payment
    await _is_unknown_and_told(held, Step.SETTLE, sent=hasty.settle, asked=provider)
    assert (await bench.moved(held.payment_id)).captured_minor == 1250


async def a_refund_without_an_answer_is_unknown_and_told_when_asked(bench: Bench) -> None:
    """As the other steps."""
    hasty, provider = bench.adapter(limit_s=SHORT_S), bench.adapter()
    story = await settled(provider, bench.method("refund_times_out"))
    payment = story.completed().refund_requested(amount_minor=300).payment

    async def refund(payment: Payment, call: Call) -> object:
        return await hasty.refund(payment, TASK, call=call)

    await _is_unknown_and_told(payment, TASK, sent=refund, asked=provider)
    assert (await bench.moved(payment.payment_id)).refunded_minor == {REFUND_ID: 300}


async def _is_unknown_and_told(
    payment: Payment, task: Task, *, sent: Callable[[Payment, Call], Awaitable[object]], asked: Provider
) -> None:
    heard = await sent(payment, call(payment, task))
    assert isinstance(heard, Unknown), heard
    told = await asked.ask(payment, task, call=call(payment, task))
    assert isinstance(told, Done), told
    assert await asked.find(payment, task, call=call(payment, task)) == told


async def what_was_never_sent_was_never_seen(bench: Bench) -> None:
    """By id and by reference, for a payment and for a step of one that is known."""
    provider = bench.adapter()
    fresh, held = a_new(bench.method("ok")).payment, (await created(provider, bench.method("ok"))).payment
    paid = (await settled(provider, bench.method("ok"))).completed().refund_requested().payment
    for payment, task in ((fresh, Step.CREATE), (held, Step.SETTLE), (held, Step.VOID), (paid, TASK)):
        assert await provider.ask(payment, task, call=call(payment, task)) == NeverSeen()
        assert await provider.find(payment, task, call=call(payment, task)) == NeverSeen()


async def the_books_outlive_request_ids(bench: Bench) -> None:
    """What the provider did is found by our references when it has forgotten the ids."""
    provider = bench.adapter()
    payment = (await settled(provider, bench.method("ok"))).completed().refund_requested().payment
    returned = await provider.refund(payment, TASK, call=call(payment, TASK))
    assert payment.created is not None
    assert payment.settled is not None
    await bench.forget()

    for task, answer in (
        (Step.CREATE, Done(payment.created.provider_payment_id)),
        (Step.SETTLE, Done(payment.settled.capture_id)),
        (TASK, returned),
    ):
        assert await provider.find(payment, task, call=call(payment, task)) == answer


async def an_answer_is_about_this_payment(bench: Bench) -> None:
    """Of two payments each is found under its own references."""
    provider = bench.adapter()
    stories = [await settled(provider, bench.method("ok")) for _ in range(2)]
    found = [
        await provider.find(story.payment, Step.SETTLE, call=call(story.payment, Step.SETTLE)) for story in stories
    ]

    assert found == [Done(story.payment.settled.capture_id) for story in stories if story.payment.settled]


async def a_dispute_nobody_knows_was_never_seen(bench: Bench) -> None:
    """Also from a provider that tells of none."""
    story = await settled(bench.adapter(), bench.method("ok"))

    assert await bench.adapter().dispute(story.payment, "dp_nobody_knows", call=another_call()) == NeverSeen()


CHECKS: dict[str, Check] = {
    name: check
    for name, check in inspect.getmembers(sys.modules[__name__], inspect.iscoroutinefunction)
    if list(inspect.signature(check).parameters) == ["bench"]
}
"""Each check by its name."""
