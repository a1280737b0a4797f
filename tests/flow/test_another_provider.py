"""PROVIDER_API is changed while payments are open: what began with the one does not go on with the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared.adapters.stripe.client import StripeProvider
from shared.codec.cloud_events import to_cloud_event
from shared.domain.events import PaymentCreated, PaymentInitiated
from shared.domain.letters import LetterRecord, LetterStatus
from shared.ports.provider import Busy, Provider
from shared.services import Services
from tests.contract.stripe_account import AtStripe, OddAccount, at_stripe
from tests.facts import COMPLETED
from tests.flow.kit.backends import running_backends
from tests.flow.kit.world import World, a_world_on


@dataclass(slots=True)
class Company:
    """It begins with Stripe. regis: the other provider, as each worker is given it."""

    world: World
    stripe: AtStripe
    api: str = "stripe"
    regis: Provider | None = None

    def served(self, services: Services) -> Services:
        self.regis = services.provider
        stripe = replace(services, provider=self.stripe.provider, provider_api="stripe")
        return stripe if self.api == "stripe" else services

    async def changes_to(self, api: str) -> None:
        self.api = api
        await self.world.restart()

    async def open_letter(self) -> LetterRecord:
        return await self.world.only_letter(status=LetterStatus.OPEN)

    async def is_unknown_to_regis(self, payment_id: str) -> bool:
        return await self.world.backends.charge(payment_id) == {}


@asynccontextmanager
async def a_company(data: Path) -> AsyncIterator[Company]:
    async with running_backends(data) as backends, at_stripe(OddAccount(backends.clock)) as stripe:
        company: Company | None = None

        def alter(services: Services) -> Services:
            if company is None:
                return replace(services, provider=stripe.provider, provider_api="stripe")
            return company.served(services)

        async with a_world_on(backends, alter=alter) as world:
            company = Company(world, stripe)
            yield company


async def down(path: str, query: dict[str, str]) -> Busy:
    return Busy("down")


async def parked_with_money_at_stripe(company: Company) -> str:
    """Stripe has authorised it, and neither its answer nor any to a question was heard."""
    provider = company.stripe.provider
    company.stripe.provider = StripeProvider(
        provider._session, base_url=provider._base_url, api_key="sk_test_1", limit_s=5.0
    )
    company.stripe.provider._question = down  # type: ignore[method-assign]
    await company.world.restart()
    payment_id = await company.world.accept("pm_card_createTimesOut")
    await company.world.run()
    company.stripe.provider = provider
    assert company.stripe.account.only_intent()["status"] == "requires_capture"
    assert (await company.open_letter()).reason == "retries_exhausted"
    return payment_id


async def test_a_replay_under_the_other_provider_charges_nobody_and_asks_nobody(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await parked_with_money_at_stripe(company)
        await company.changes_to("regis")

        await company.world.replay_all()
        await company.world.run()

        letter = await company.open_letter()
        assert (letter.step, letter.reason, letter.severity) == ("create", "provider_changed", "high")
        assert "PROVIDER_API=stripe" in letter.description
        assert await company.is_unknown_to_regis(payment_id)

        await company.changes_to("stripe")
        await company.world.replay_all()
        await company.world.run()
        assert await company.world.events(payment_id) == COMPLETED
        assert company.stripe.account.only_intent()["amount_received"] == 1250


async def test_a_sweep_and_an_expiry_under_the_other_provider_end_nothing(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await company.world.accept("pm_card_visa")
        await company.world.next_until(lambda: company.world.is_waiting("payment-initiated/create"))
        assert await company.world.lose_message("payment-initiated/create")
        await company.changes_to("regis")
        await company.world.run()
        company.world.clock.advance_s(3 * 86_400)

        assert await company.world.sweep() == 1
        await company.world.run()

        assert (await company.open_letter()).reason == "provider_changed"
        assert await company.world.events(payment_id) == ["initiated"]
        assert await company.is_unknown_to_regis(payment_id)


async def test_who_was_told_can_end_it_and_who_was_not_is_told_first(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await parked_with_money_at_stripe(company)
        await company.changes_to("regis")

        await company.world.discard((await company.open_letter()).letter_id)
        await company.world.run()
        assert await company.world.events(payment_id) == ["initiated"]
        assert (await company.open_letter()).reason == "provider_changed"

        await company.world.discard((await company.open_letter()).letter_id)
        await company.world.run()
        assert await company.world.events(payment_id) == ["initiated", "failed"]
        assert await company.world.letters(status=LetterStatus.OPEN) == []
        assert await company.is_unknown_to_regis(payment_id)


async def test_a_refund_of_what_the_other_provider_took_is_not_sent_and_keeps_its_amount(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await company.world.accept("pm_card_visa")
        await company.world.run()
        await company.changes_to("regis")

        await company.world.refund(payment_id, 300)
        await company.world.run()
        letter = await company.open_letter()
        assert (letter.step, letter.reason) == ("refund", "our_fault"), "the other one has no such payment"
        assert await company.world.charges(payment_id) == 0

        await company.world.discard(letter.letter_id)
        await company.world.run()
        letter = await company.open_letter()
        assert (letter.step, letter.reason, letter.severity) == ("refund", "provider_changed", "high")
        await company.world.discard(letter.letter_id)
        await company.world.run()
        payment = await company.world.payment(payment_id)
        assert (payment.refundable_minor, payment.owed) == (950, ())
        assert (await company.world.types(payment_id))[-1] == "seen_to"
        assert company.stripe.account.refunds == {}


async def test_what_nobody_has_acted_on_is_made_at_the_new_one_and_stays_there(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await company.world.accept("pm_refund_times_out_once")
        await company.changes_to("regis")
        await company.world.run()
        await company.world.refund(payment_id, 300)
        await company.world.run()

        assert await company.world.events(payment_id) == [*COMPLETED, "refund_requested", "refunded"], "it was asked"
        assert company.stripe.account.intents == {}
        assert await company.world.letters() == []


async def test_the_stream_says_whose_a_payment_is_and_nobody_else_is_told(tmp_path: Path) -> None:
    async with a_company(tmp_path) as company:
        payment_id = await company.world.accept("pm_card_visa")
        await company.world.run()
        stream = await company.world.stream(payment_id)

        words = [e.event.provider_api for e in stream if isinstance(e.event, PaymentInitiated | PaymentCreated)]
        assert words == ["stripe", "stripe"]
        assert all("stripe" not in to_cloud_event(each) for each in stream)
