"""An amount of ours is the same money at Stripe, in whatever unit Stripe writes it, or it is not sent at all."""

from dataclasses import replace

import pytest

from shared.domain.money import Money
from shared.domain.payment import RefundTask, Step
from shared.ports.provider import Declined, Done
from tests.builders import REFUND_ID, a_payment
from tests.contract.stripe_account import at_stripe, call

TASK = RefundTask(REFUND_ID)
SAME_MONEY = [
    (Money(1250, "EUR"), 1250),
    (Money(500, "JPY"), 500),
    (Money(500, "KRW"), 500),
    (Money(5120, "KWD"), 5120),
    (Money(5120, "BHD"), 5120),
    (Money(5, "ISK"), 500),
    (Money(5, "UGX"), 500),
    (Money(500, "MGA"), 5),
    (Money(1045, "HUF"), 1045),
    (Money(80045, "TWD"), 80045),
]
"""Ours in the minor units of ISO 4217, and Stripe's; 5 is what Stripe's own page has as its example."""


@pytest.mark.parametrize(("money", "amount"), SAME_MONEY, ids=str)
async def test_it_is_sent_captured_given_back_and_read_as_the_same_money(money: Money, amount: int) -> None:
    async with at_stripe() as stripe:
        payment = (await stripe.paid(amount=money)).refund_requested(amount_minor=money.amount_minor).payment
        returned = await stripe.provider.refund(payment, TASK, call=call())

        (intent,), (refund,) = stripe.account.intents.values(), stripe.account.refunds.values()
        assert (intent["amount"], intent["amount_received"], refund["amount"]) == (amount, amount, amount)
        assert isinstance(returned, Done)
        assert await stripe.found(payment, TASK) == returned
        assert payment.settled
        assert await stripe.found(payment, Step.SETTLE) == Done(payment.settled.capture_id)


@pytest.mark.parametrize(
    ("money", "code"),
    [
        (Money(5124, "KWD"), "amount_not_representable"),
        (Money(550, "MGA"), "amount_not_representable"),
        (Money(5120, "IQD"), "currency_not_supported"),
        (Money(1250, "CLF"), "currency_not_supported"),
    ],
)
async def test_what_stripe_cannot_be_told_is_declined_and_not_sent(money: Money, code: str) -> None:
    async with at_stripe() as stripe:
        payment = a_payment(payment_method="pm_card_visa", amount=money).payment

        assert await stripe.provider.create(payment, call()) == Declined(code)
        assert stripe.account.posted == []


async def test_a_part_that_cannot_be_told_is_declined_and_a_void_says_no_amount() -> None:
    async with at_stripe() as stripe:
        paid = (await stripe.paid(amount=Money(5120, "KWD"))).refund_requested(amount_minor=5).payment
        held = (await stripe.held(payment_id="p-2")).payment

        assert await stripe.provider.refund(paid, TASK, call=call()) == Declined("amount_not_representable")
        assert stripe.account.refunds == {}
        await stripe.provider.void(replace(held, amount=Money(1, "CLF")), call())
        assert stripe.account.posted[-1].path.endswith("/cancel")


@pytest.mark.parametrize("odd", [None, "1250", 1250.0, True, 125_000])
async def test_another_amount_in_an_answer_is_not_believed(odd: object) -> None:
    async with at_stripe() as stripe:
        payment = (await stripe.paid()).payment
        (intent,) = stripe.account.intents.values()
        intent["amount_received"] = odd

        assert not isinstance(await stripe.found(payment, Step.SETTLE), Done)
