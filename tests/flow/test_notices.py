"""Each final state of a payment is told to its merchant by itself, once as it can see, whatever breaks on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.messages import Message
from shared.domain.events import PaymentMerchantTold
from shared.domain.letters import LetterStatus
from shared.domain.payment import NoticeTask, Payment, Status
from shared.ports.letter_box import LetterFilter
from shared.ports.provider_news import DisputeNews
from shared.ports.topics import Publisher, Rejected
from shared.services import Services
from shared.verbs.hear import hear
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.crashes import CrashPlan
from tests.facts import COMPLETED
from tests.flow.kit.failing_ports import busy_in_append
from tests.flow.kit.world import World, a_world

LONG_S = 40_000
"""Longer than every retry in a world, and longer than a payment may stand still before it is swept."""
PLACE = str(places.NOTICE)


async def paid(world: World, *, notify: str | None = "ok") -> str:
    payment_id = await world.accept("pm_ok", notify=notify)
    await world.run()
    return payment_id


async def refunded(world: World, *, notify: str | None = "ok") -> str:
    """A payment of which a part was given back, and its merchant told as far as that went."""
    payment_id = await paid(world, notify=notify)
    await world.refund(payment_id, 500)
    await world.run(for_s=LONG_S)
    return payment_id


async def disputed(world: World, payment_id: str, *decisions: str) -> None:
    dispute = await world.backends.tell_provider("/disputes", payment_reference=payment_id, amount_minor=300)
    await _heard(world, dispute)
    for how in decisions:
        await _heard(world, await world.backends.tell_provider(f"/disputes/{dispute['dispute_id']}/{how}"))


async def _heard(world: World, dispute: dict[str, Any]) -> None:
    news = DisputeNews(
        payment_id=dispute["payment_reference"],
        dispute_id=dispute["dispute_id"],
        status=dispute["status"],
        told_at=None,
    )
    await world.operate(lambda services: hear(news, traceparent=None, services=services))


async def told(world: World, payment_id: str) -> dict[str, str]:
    """What the merchant has said yes to: each id, without the payment's, and the type under it."""
    notifications = await world.backends.notifications(payment_id)
    accepted = [each for each in notifications if each["times_accepted"]]
    return {each["request_id"].removeprefix(f"{payment_id}:"): each["type"].split(".")[2] for each in accepted}


async def facts_told(world: World, payment_id: str) -> list[str]:
    """The events of which the stream says that the merchant knows, in the order in which it got to know."""
    stream = await world.stream(payment_id)
    return [each.event.event_id for each in stream if isinstance(each.event, PaymentMerchantTold)]


def versions(payment_id: str, *numbers: int) -> list[str]:
    return [f"{payment_id}:{number}" for number in numbers]


async def test_each_final_state_is_told_once_under_the_id_of_its_event(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await refunded(world, notify="fails-twice")
        await disputed(world, payment_id, "win")
        await world.run()

        assert await told(world, payment_id) == {
            "notify": "settled",
            "6": "refunded",
            "8": "dispute_opened",
            "9": "dispute_won",
        }
        assert sorted(await facts_told(world, payment_id)) == versions(payment_id, 6, 8, 9)
        payment = await world.payment(payment_id)
        assert (payment.status, payment.owed, payment.untold) == (Status.COMPLETED, (), ())
        told_to_others = [each for each in await world.types(payment_id) if not each.endswith("merchant_told")]
        assert world.telemetry.metric("events.published") == len(told_to_others)
        assert await world.letters() == []


async def test_a_refund_that_is_declined_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_refund_declined", notify="ok")
        await world.run()

        await world.refund(payment_id)
        await world.run()

        assert await told(world, payment_id) == {"notify": "settled", "6": "refund_failed"}


async def test_a_merchant_without_an_address_is_told_nothing_and_nothing_is_sent(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await refunded(world, notify=None)

        assert (await world.payment(payment_id)).owed == ()
        assert world.bus.queue(PLACE).counts["delivered"] == 0
        assert await told(world, payment_id) == {}


async def test_a_payment_that_goes_well_costs_what_it_did_before(tmp_path: Path) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan, projects=False) as world:
        payment_id = await paid(world)

        assert await world.events(payment_id) == COMPLETED
        assert plan.calls.count("store.append") == 4
        assert [call for call in plan.calls if call.startswith("store.load")] == []
        assert world.bus.queue(PLACE).counts["delivered"] == 0


async def parked(world: World) -> tuple[str, Payment]:
    """A refund of which the merchant could not be told."""
    payment_id = await refunded(world, notify="down")
    return payment_id, await world.payment(payment_id)


async def test_what_cannot_be_told_leaves_a_quiet_letter_and_the_payment_as_it_was(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, payment = await parked(world)

        name = f"notify:{payment_id}:7"
        letter = await world.only_letter(step="notice")
        assert (letter.reason, letter.severity, letter.task) == (
            "notification_undelivered",
            "low",
            NoticeTask(f"{payment_id}:7"),
        )
        assert payment.status is Status.COMPLETED
        assert [each.event_id for each in payment.untold] == [f"{payment_id}:7"]
        assert payment.waiting == (name,)
        assert await facts_told(world, payment_id) == []


async def test_a_replay_tells_what_could_not_be_told_under_the_same_id(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, _ = await parked(world)
        letter = await world.only_letter(step="notice")
        await world.backends.tell_provider("/merchant/repair")

        verdict = await world.replay(letter.letter_id)
        await world.run()

        assert verdict.verdict is Verdict.REPLAYED
        assert (await told(world, payment_id))["7"] == "refunded"
        assert await facts_told(world, payment_id) == versions(payment_id, 7)
        assert (await world.payment(payment_id)).waiting == ()
        assert (await world.replay(letter.letter_id)).verdict is Verdict.NOTHING_TO_DO


async def test_what_an_operator_gives_up_is_told_to_nobody_any_more(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, _ = await parked(world)
        letter = await world.only_letter(step="notice")
        await world.backends.tell_provider("/merchant/repair")

        outcome = await world.discard(letter.letter_id)
        await world.run()

        assert outcome.discarded
        payment = await world.payment(payment_id)
        assert (payment.owed, payment.untold, payment.waiting) == ((), (), ())
        assert "7" not in await told(world, payment_id)
        assert (await world.only_letter(step="notice")).status is LetterStatus.CLOSED


async def test_a_yes_that_was_heard_before_an_operator_gives_up_is_recorded_after_it(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=busy_in_append(PaymentMerchantTold, times=1)) as world:
        payment_id, _ = await parked(world)
        letter = await world.only_letter(step="notice")
        await world.backends.tell_provider("/merchant/repair")
        await world.replay(letter.letter_id)

        async def is_heard() -> bool:
            return "7" in await told(world, payment_id)

        await world.next_until(is_heard)
        assert (await world.discard(letter.letter_id)).discarded
        await world.run()

        last = (await world.types(payment_id))[-3:]
        assert last == ["resumed", "seen_to", "merchant_told"]
        assert await facts_told(world, payment_id) == versions(payment_id, 7)
        payment = await world.payment(payment_id)
        assert (payment.owed, payment.waiting, payment.seen_to_steps) == ((), (), ())
        assert {each.status for each in await world.letters(step="notice")} == {LetterStatus.CLOSED}


async def test_one_that_cannot_be_told_holds_up_no_other(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, _ = await parked(world)
        await world.backends.tell_provider("/merchant/repair")

        await disputed(world, payment_id)
        await world.run()

        assert list((await told(world, payment_id)).values()) == ["dispute_opened"]
        assert [each.event_id for each in (await world.payment(payment_id)).untold] == [f"{payment_id}:7"]


async def test_a_notice_whose_message_was_lost_is_found_by_the_sweep(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)
        await world.refund(payment_id)
        while not await world.lose_message(PLACE):
            assert await world.next()
        await world.run()
        assert [each.event_id for each in (await world.payment(payment_id)).untold] == [f"{payment_id}:6"]
        world.clock.advance_s(LONG_S)

        found = await world.sweep()
        await world.run()

        assert found == 1
        assert await facts_told(world, payment_id) == versions(payment_id, 6)
        assert (await told(world, payment_id))["6"] == "refunded"
        assert world.telemetry.metric("payments.swept", step="notice") == 1


async def test_a_notice_that_is_parked_is_left_alone_by_the_sweep(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, payment = await parked(world)
        world.clock.advance_s(LONG_S)

        assert await world.sweep() == 0
        assert (await world.payment(payment_id)).version == payment.version


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_letter_without_a_body_says_by_its_stream_which_notice_it_is_about(
    resumed: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await _about_to_be_told(world, resumed=resumed)
        await world.make_unreadable(PLACE)
        await world.run()
        letter = next(each for each in await world.letters(step="notice", status=LetterStatus.OPEN))
        assert (letter.reason, letter.event_id) == ("unreadable", f"{payment_id}:6")

        await world.replay(letter.letter_id)
        await world.run()

        assert await facts_told(world, payment_id) == versions(payment_id, 6)
        assert {each.status for each in await world.letters(step="notice")} == {LetterStatus.CLOSED}


async def _about_to_be_told(world: World, *, resumed: bool) -> str:
    """A refund whose notice is ready: the first message, or one that a sweep has sent."""
    payment_id = await paid(world)
    await world.refund(payment_id)
    while not await world.is_waiting(PLACE):
        assert await world.next()
    if resumed:
        await world.lose_message(PLACE)
        await world.run()
        world.clock.advance_s(LONG_S)
        await world.sweep()
        await world.next_until(lambda: world.is_waiting(PLACE))
    return payment_id


async def test_a_merchant_who_was_told_while_the_store_was_away_is_recorded_as_told_and_not_told_again(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, alter=busy_in_append(PaymentMerchantTold, times=2)) as world:
        payment_id = await refunded(world)

        assert await facts_told(world, payment_id) == versions(payment_id, 6)
        (notice,) = [each for each in await world.backends.notifications(payment_id) if each["request_id"][-2:] == ":6"]
        assert notice["times_seen"] == 1
        assert await world.letters() == []


async def test_when_the_feed_is_read_again_nobody_is_told_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await refunded(world)
        before = await world.backends.notifications(payment_id)
        version = (await world.payment(payment_id)).version
        world.clock.advance_s(LONG_S)

        world.rewind("publish")
        await world.run()

        assert await world.backends.notifications(payment_id) == before
        assert (await world.payment(payment_id)).version == version
        assert await world.letters() == []


@dataclass
class RefusesOnce:
    """A broker that refuses one message for good."""

    publisher: Publisher
    left: list[str]

    async def ping(self) -> None:
        await self.publisher.ping()

    async def publish(self, messages: Sequence[Message], *, patience: timedelta | None = None) -> tuple[Rejected, ...]:
        refused = [each for each in messages if each.topic in self.left]
        for each in refused:
            self.left.remove(each.topic)
        rest = [each for each in messages if each not in refused]
        rejected = await self.publisher.publish(rest, patience=patience) if rest else ()
        return (*rejected, *(Rejected(each, "too large") for each in refused))


@pytest.mark.parametrize("refuses", ["payment-refunded", flow.NOTICES])
async def test_a_topic_that_refuses_for_good_leaves_a_letter_whose_replay_sends_both(
    refuses: str, tmp_path: Path
) -> None:
    def alter(services: Services) -> Services:
        return replace(services, publisher=RefusesOnce(services.publisher, left=[refuses]))

    async with a_world(tmp_path, alter=alter) as world:
        payment_id = await paid(world)
        await world.refund(payment_id)
        await world.run()
        letters: Sequence[Any] = (await world.services.letters.find(LetterFilter(), limit=10)).letters
        assert [(each.step, each.event_id) for each in letters] == [("publish", f"{payment_id}:6")]

        (verdict,) = await world.replay_all()
        await world.run()

        assert verdict.verdict is Verdict.REPLAYED
        assert await facts_told(world, payment_id) == versions(payment_id, 6)
        assert [each["times_accepted"] for each in await world.backends.notifications(payment_id)] == [1, 1]
