"""What is looked for in Stripe's lists is found on whatever page it stands, and among whatever else is listed."""

import itertools
from typing import Any

import pytest

from shared.adapters.stripe import client
from shared.domain.payment import Payment, RefundTask, Step
from shared.ports.provider import Busy, Declined, Done, NeverSeen, OurFault, Unprovable
from tests.builders import NOON, OTHER_REFUND_ID, REFUND_ID, a_payment
from tests.contract.stripe_account import AtStripe, at_stripe, call

TASK, OTHER_TASK = RefundTask(REFUND_ID), RefundTask(OTHER_REFUND_ID)
_NUMBERS = itertools.count()


def an_intent(payment: Payment, *, at_s: float = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"pi_{next(_NUMBERS)}",
        "object": "payment_intent",
        "amount": 1250,
        "amount_received": 0,
        "currency": "eur",
        "status": "requires_capture",
        "latest_charge": "ch_1",
        "created": int(NOON.timestamp() + at_s),
        "payment_method": "pm_card_visa",
        "metadata": {"payment_id": payment.payment_id},
        **changes,
    }


def listed(stripe: AtStripe, *intents: dict[str, Any]) -> None:
    """Oldest first."""
    stripe.account.intents |= {intent["id"]: intent for intent in intents}


def others(number: int, *, at_s: float = 1) -> list[dict[str, Any]]:
    stranger = a_payment(payment_id="another").payment
    return [an_intent(stranger, at_s=at_s, status="succeeded") for _ in range(number)]


@pytest.mark.parametrize("before", [0, 99, 100, 101, 2100])
async def test_an_intent_is_found_behind_any_number_of_others(before: int) -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        own = an_intent(payment)
        listed(stripe, own, *others(before))

        assert await stripe.found(payment, Step.CREATE) == Done(own["id"])


async def test_one_that_was_made_soon_is_found_however_many_were_made_later() -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        own = an_intent(payment)
        listed(stripe, own, *others(4200, at_s=7200))

        assert await stripe.found(payment, Step.CREATE) == Done(own["id"])


@pytest.mark.parametrize("at_s", [-299, 3599.9, 3600, 3601, 86_400 + 299])
async def test_no_moment_is_left_out_between_the_parts_of_the_list(at_s: float) -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        own = an_intent(payment, at_s=at_s)
        listed(stripe, own)

        assert await stripe.found(payment, Step.CREATE) == Done(own["id"])


async def test_a_yes_counts_although_the_list_does_not_end() -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        own = an_intent(payment)
        listed(stripe, *others(100 * client.MAX_PAGES + 1), own)

        assert await stripe.found(payment, Step.CREATE) == Done(own["id"]), "it is on the first page"
        del stripe.account.intents[own["id"]]
        answer = await stripe.found(payment, Step.CREATE)
        assert isinstance(answer, Unprovable)
        assert f"beyond the first {client.MAX_PAGES}" in answer.why


async def test_an_older_one_that_stands_goes_before_a_newer_one_that_was_released() -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        stands, released = an_intent(payment), an_intent(payment, status="canceled")
        listed(stripe, stands, *others(150), released)
        assert await stripe.found(payment, Step.CREATE) == Done(stands["id"])

        del stripe.account.intents[stands["id"]]
        assert await stripe.found(payment, Step.CREATE) == Done(released["id"])


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (("requires_capture", "processing"), Done),
        (("requires_payment_method", "succeeded"), Done),
        (("canceled", "processing"), Busy),
        (("canceled", "a_new_word"), Unprovable),
        (("requires_confirmation", "requires_action"), Declined),
        (("requires_confirmation",), NeverSeen),
        ((), NeverSeen),
    ],
)
async def test_of_several_tries_a_yes_goes_first_and_what_may_become_one_next(
    statuses: tuple[str, ...], kind: type
) -> None:
    payment = a_payment().payment
    for order in itertools.permutations(statuses):
        async with at_stripe() as stripe:
            listed(stripe, *(an_intent(payment, status=status) for status in order))

            assert type(await stripe.found(payment, Step.CREATE)) is kind, order


async def test_a_page_that_is_refused_teaches_nothing_not_even_that_it_is_not_there() -> None:
    payment = a_payment().payment
    async with at_stripe() as stripe:
        listed(stripe, an_intent(payment, status="canceled"), *others(150))
        questions = stripe.provider._question
        asked = itertools.count()

        async def second_fails(path: str, query: dict[str, str]) -> Any:
            return await questions(path, query) if next(asked) == 0 else Busy("down")

        stripe.provider._question = second_fails  # type: ignore[method-assign]
        assert await stripe.found(payment, Step.CREATE) == Busy("down")


async def test_a_refund_is_found_on_a_later_page_and_another_one_is_not_taken_for_it() -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid()).refund_requested(amount_minor=3).payment
        assert isinstance(await stripe.provider.refund(paid, TASK, call=call()), Done)
        (refund,) = stripe.account.refunds.values()
        more = [{**refund, "id": f"re_{number}", "metadata": {"refund_id": "x"}} for number in range(150)]
        stripe.account.refunds |= {each["id"]: each for each in more}

        assert await stripe.found(paid, TASK) == Done(refund["id"])
        again = a_payment().created(refund["payment_intent"]).settled().completed()
        asked = again.refund_requested(OTHER_REFUND_ID, amount_minor=3).payment
        assert await stripe.found(asked, OTHER_TASK) == NeverSeen()


async def test_what_was_given_back_by_hand_is_no_refund_of_ours() -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid()).refund_requested().payment
        (intent,) = stripe.account.intents.values()
        by_hand = {"payment_intent": intent["id"]}
        assert stripe.account.perform("/v1/refunds", by_hand, key="").status == 200

        answer = await stripe.provider.refund(paid, TASK, call=call())
        assert isinstance(answer, OurFault)
        assert await stripe.found(paid, TASK) == NeverSeen()
