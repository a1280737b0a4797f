"""What a resend records, and how often one may be asked for."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.cosmos.attempts import AT_ONCE
from shared.domain.decisions import Refused
from shared.domain.notifications import RESENT_AGAIN_AFTER, RESENT_AT_MOST, RESENT_WITHIN, Attempt
from shared.ports.attempts import SHOWN_OF_EACH
from tests.flow.kit.notified import listed, resend, states
from tests.flow.kit.world import World, a_world

AGAIN_S = RESENT_AGAIN_AFTER.total_seconds()


async def _discarded(world: World) -> tuple[str, str]:
    """A refund whose notice was parked and given up by an operator; the merchant's server is well again."""
    payment_id = await world.accept("pm_ok", notify="down")
    await world.run()
    await world.refund(payment_id, 500)
    await world.run()
    letter = await world.only_letter(step="notice")
    assert (await world.discard(letter.letter_id)).discarded
    await world.run()
    await world.backends.tell_provider("/merchant/repair")
    return payment_id, str(letter.event_id)


async def test_a_resend_of_what_an_operator_has_given_up_is_recorded_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id, notification_id = await _discarded(world)
        assert states(await listed(world, payment_id))["refunded"] == "undelivered"

        first = await resend(world, payment_id, notification_id)
        world.clock.advance_s(AGAIN_S)
        again = await resend(world, payment_id, notification_id)
        await world.run()

        assert [(each.status, each.body["state"]) for each in (first, again)] == [(200, "delivered")] * 2
        assert states(await listed(world, payment_id))["refunded"] == "delivered"
        assert (await world.types(payment_id)).count("merchant_told") == 1
        assert (await world.payment(payment_id)).waiting == ()


async def test_a_yes_that_the_rules_do_not_take_is_not_claimed_to_be_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        payment_id, notification_id = await _discarded(world)
        monkeypatch.setattr("shared.steps.recording.decide", lambda *_: Refused("no"))

        answered = await resend(world, payment_id, notification_id)

        assert (answered.body["attempt"]["status_code"], answered.body["state"]) == (204, "undelivered")
        assert states(await listed(world, payment_id))["refunded"] == "undelivered"


async def _seen(world: World, payment_id: str) -> dict[str, int]:
    return {each["request_id"]: each["times_seen"] for each in await world.backends.notifications(payment_id)}


@pytest.mark.parametrize("notify", ["ok", "down"])
async def test_a_resend_too_soon_after_another_is_answered_429_and_nothing_is_sent(tmp_path: Path, notify: str) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify=notify)
        await world.run()
        assert (await resend(world, payment_id, f"{payment_id}:notify")).status == 200
        before = await _seen(world, payment_id)
        world.clock.advance_s(3)

        refused = await resend(world, payment_id, f"{payment_id}:notify")
        after = await _seen(world, payment_id)
        world.clock.advance_s(7)

        assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (429, "resent_too_often", "7")
        assert after == before
        assert (await resend(world, payment_id, f"{payment_id}:notify")).status == 200


async def test_the_tries_of_the_step_and_resends_of_another_notification_do_not_count(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        await world.refund(payment_id, 500)
        await world.run()

        answered = [await resend(world, payment_id, f"{payment_id}:{each}") for each in ("notify", "6")]

        assert [each.status for each in answered] == [200, 200]


async def _kept(world: World, payment_id: str, *, times: int, every: timedelta, about: str = "notify") -> None:
    """As many tries by `resend` are noted as there could be by now, the newest of them `every` ago."""
    (first,) = (await world.services.attempts.of(payment_id, [f"{payment_id}:{about}"]))[f"{payment_id}:{about}"]
    for number in range(1, times + 1):
        at = world.clock.now() - number * every
        await world.services.attempts.add(replace(first, attempt_id=f"{about}-{number}", at=at, by="resend"))


async def test_a_notification_is_resent_so_often_a_day_and_no_more(tmp_path: Path) -> None:
    every = timedelta(hours=1)
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        await _kept(world, payment_id, times=RESENT_AT_MOST, every=every)
        left_s = (RESENT_WITHIN - RESENT_AT_MOST * every).total_seconds()

        refused = await resend(world, payment_id, f"{payment_id}:notify")
        world.clock.advance_s(left_s - 1)
        still = await resend(world, payment_id, f"{payment_id}:notify")
        world.clock.advance_s(1)
        answered = await resend(world, payment_id, f"{payment_id}:notify")

        assert (refused.status, refused.headers["Retry-After"]) == (429, f"{left_s:.0f}")
        assert (still.status, still.headers["Retry-After"]) == (429, "1")
        assert answered.status == 200


async def test_many_tries_of_one_notification_hide_none_of_another(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        await world.refund(payment_id, 500)
        await world.run()
        settled, refunded = await listed(world, payment_id)
        world.clock.advance_s(3600)
        await _kept(world, payment_id, times=AT_ONCE + 1, every=timedelta(seconds=1), about="6")

        many, few = reversed(await listed(world, payment_id))

        assert few == settled
        assert len(many["attempts"]) == SHOWN_OF_EACH
        assert refunded["attempts"][0] not in many["attempts"]
        ats = [each["at"] for each in many["attempts"]]
        assert ats == sorted(ats)
        newest: tuple[Attempt, ...] = (await world.services.attempts.of(payment_id, [f"{payment_id}:6"]))[
            f"{payment_id}:6"
        ]
        assert newest[-1].attempt_id == "6-1"
