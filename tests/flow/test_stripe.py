"""The processor before the imitation of Stripe's API: what ends by itself, and what a person can end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from local.stripe.state import Answer
from shared.adapters.stripe import client
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.money import Money
from shared.ports.provider import Busy
from tests.contract.stripe_account import OUT_OF_ORDER, AtStripe, OddAccount, at_stripe, failing, once
from tests.facts import COMPLETED
from tests.flow.kit.backends import running_backends
from tests.flow.kit.world import USUAL_AMOUNT, World, a_world_on

CREATE, CAPTURE, CANCEL, REFUNDS = "/payment_intents", "/capture", "/cancel", "/refunds"
UNEXPECTED = failing(400, "invalid_request_error", code="payment_intent_unexpected_state")


@dataclass(frozen=True, slots=True)
class Shop:
    world: World
    stripe: AtStripe

    @property
    def account(self) -> OddAccount:
        return self.stripe.account

    async def pays(self, method: str = "pm_card_visa", amount: Money = USUAL_AMOUNT) -> str:
        payment_id = await self.world.accept(method, amount=amount)
        await self.world.run()
        return payment_id

    async def open_letter(self) -> LetterRecord:
        return await self.world.only_letter(status=LetterStatus.OPEN)

    async def gives_up(self) -> None:
        """The operator discards the one open letter."""
        await self.world.discard((await self.open_letter()).letter_id)
        await self.world.run()

    async def all_is_quiet(self) -> bool:
        return not await self.world.letters(status=LetterStatus.OPEN)


@asynccontextmanager
async def a_shop(data: Path) -> AsyncIterator[Shop]:
    async with (
        running_backends(data) as backends,
        at_stripe(OddAccount(backends.clock)) as stripe,
        a_world_on(backends, alter=lambda each: replace(each, provider=stripe.provider)) as world,
    ):
        yield Shop(world, stripe)


async def test_one_500_at_a_capture_needs_nobody_and_takes_once(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        shop.account.instead = once(CAPTURE, OUT_OF_ORDER)
        payment_id = await shop.pays()

        assert await shop.world.events(payment_id) == COMPLETED
        assert shop.account.only_intent()["amount_received"] == 1250
        assert await shop.all_is_quiet()


async def test_one_500_at_a_void_needs_nobody(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        shop.account.instead = once(CANCEL, OUT_OF_ORDER)
        payment_id = await shop.pays("pm_card_captureDeclined")

        assert await shop.world.events(payment_id) == ["initiated", "created", "failed", "voided"]
        assert shop.account.only_intent()["status"] == "canceled"
        assert await shop.all_is_quiet()


async def test_a_500_at_create_is_repeated_for_a_day_and_a_person_can_end_it(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        shop.account.instead = once(CREATE, OUT_OF_ORDER)
        payment_id = await shop.pays()
        assert (await shop.open_letter()).reason == "retries_exhausted"

        await shop.gives_up()

        assert await shop.world.events(payment_id) == ["initiated", "failed"]
        assert await shop.all_is_quiet()


@pytest.mark.parametrize("code", ["payment_intent_unexpected_state", "charge_expired_for_capture"])
async def test_a_reservation_that_lapsed_ends_the_payment_by_itself(tmp_path: Path, code: str) -> None:
    async with a_shop(tmp_path) as shop:

        def lapses(path: str, form: object) -> Answer | None:
            if not path.endswith(CAPTURE):
                return None
            if code == "payment_intent_unexpected_state":
                shop.account.only_intent().update(status="canceled", cancellation_reason="automatic")
            return failing(400, "invalid_request_error", code=code)

        shop.account.instead = lapses
        payment_id = await shop.pays()

        assert await shop.world.events(payment_id) == ["initiated", "created", "failed", "voided"]
        failed = (await shop.world.payment(payment_id)).failed
        assert failed
        assert (failed.reason, failed.code, failed.failed_step) == (
            "declined",
            "canceled" if code == "payment_intent_unexpected_state" else code,
            "settle",
        )
        assert await shop.all_is_quiet()


@pytest.mark.parametrize(
    ("method", "amount", "code"),
    [
        ("pm_unheard_of", Money(1250, "EUR"), "resource_missing"),
        ("pm_card_visa", Money(49, "EUR"), "amount_too_small"),
        ("pm_card_visa", Money(100_000_000, "EUR"), "amount_too_large"),
        ("pm_card_visa", Money(1234, "KWD"), "amount_not_representable"),
        ("pm_card_visa", Money(1234, "LYD"), "currency_not_supported"),
    ],
)
async def test_what_the_merchant_chose_wrong_ends_the_payment_without_an_operator(
    tmp_path: Path, method: str, amount: Money, code: str
) -> None:
    async with a_shop(tmp_path) as shop:
        payment_id = await shop.pays(method, amount)

        failed = (await shop.world.payment(payment_id)).failed
        assert failed
        assert (failed.reason, failed.code) == ("declined", code)
        assert await shop.world.letters() == []
        assert shop.account.intents == {}


def captured_in_part(shop: Shop) -> None:
    """A person captures a part of it at Stripe, before we do."""

    def instead(path: str, form: object) -> Answer | None:
        if path.endswith(CAPTURE):
            shop.account.only_intent().update(status="succeeded", amount_received=1000)
        return None

    shop.account.instead = instead


async def test_money_that_was_taken_in_part_goes_to_a_person_who_can_end_it(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        captured_in_part(shop)
        payment_id = await shop.pays()
        letter = await shop.open_letter()
        assert (letter.step, letter.reason, letter.severity) == ("settle", "outcome_unprovable", "high")
        assert "took 1000 of 1250" in letter.description

        await shop.gives_up()
        assert (await shop.world.events(payment_id))[-1] == "failed"
        void = await shop.open_letter()
        assert (void.step, void.reason, void.severity) == ("void", "outcome_unprovable", "high"), "it is told again"

        await shop.gives_up()
        assert (await shop.world.types(payment_id))[-1] == "seen_to"
        assert await shop.all_is_quiet()


async def test_who_gave_up_for_another_reason_is_told_first_and_ends_nothing_unseen(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        question = shop.stripe.provider._question
        captured_in_part(shop)

        async def down(path: str, query: dict[str, str]) -> Busy:
            return Busy("down")

        shop.stripe.provider._question = down  # type: ignore[method-assign]
        payment_id = await shop.pays()
        assert (await shop.open_letter()).reason == "retries_exhausted"
        shop.stripe.provider._question = question  # type: ignore[method-assign]

        await shop.gives_up()
        assert await shop.world.events(payment_id) == ["initiated", "created"], "nobody has seen what the books show"
        letter = await shop.open_letter()
        assert (letter.reason, letter.severity) == ("outcome_unprovable", "high")

        await shop.gives_up()
        assert (await shop.world.events(payment_id))[-1] == "failed"


async def test_a_create_that_no_list_can_prove_is_ended_after_a_person_has_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_PAGES", 1)
    async with a_shop(tmp_path) as shop:
        shop.account.instead = once(CREATE, OUT_OF_ORDER)
        stranger = {"metadata": {"payment_id": "x"}, "created": int(shop.world.clock.now().timestamp())}
        shop.account.intents |= {f"pi_{number}": {"id": f"pi_{number}", **stranger} for number in range(101)}
        payment_id = await shop.pays()
        letter = await shop.open_letter()
        assert (letter.reason, letter.severity) == ("outcome_unprovable", "high")

        await shop.gives_up()

        assert await shop.world.events(payment_id) == ["initiated", "failed"]
        assert await shop.all_is_quiet()


async def test_a_refund_that_the_books_have_otherwise_is_seen_to_and_its_amount_stays_reserved(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        payment_id = await shop.pays()

        def other_amount(path: str, form: dict[str, str]) -> Answer | None:
            if not path.endswith(REFUNDS):
                return None
            done = shop.account._done(["refunds"], {**form, "amount": "200"})
            return Answer(500, {"error": {"type": "api_error"}}) if done.status == 200 else done

        shop.account.instead = other_amount  # type: ignore[assignment]
        await shop.world.refund(payment_id, 300)
        await shop.world.run()
        letter = await shop.open_letter()
        assert (letter.step, letter.reason, letter.severity) == ("refund", "outcome_unprovable", "high")

        await shop.gives_up()

        payment = await shop.world.payment(payment_id)
        assert (await shop.world.types(payment_id))[-1] == "seen_to"
        assert (payment.refundable_minor, payment.waiting, payment.owed) == (950, (), ())
        assert await shop.all_is_quiet()


async def test_a_refund_that_pends_is_done_when_it_is(tmp_path: Path) -> None:
    async with a_shop(tmp_path) as shop:
        payment_id = await shop.pays("pm_card_pendingRefund")
        await shop.world.refund(payment_id, 300)
        await shop.world.run()

        assert (await shop.world.events(payment_id))[-1] == "refunded"
        assert await shop.all_is_quiet()
