"""The provider tells of a dispute by itself: what is recorded is what it answers when it is asked."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared import signals
from shared.adapters.stripe.news import NoNews
from shared.services import Services
from tests.facts import COMPLETED
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.world import World, a_world, a_world_behind_a_gateway
from tests.flow.test_other_components import arrived, with_others
from tests.topologies import QUIET

SECRET = "whsec_" + base64.b64encode(b"what the provider signs with").decode()
SIGNED: dict[str, Any] = {"provider_webhook_secrets": SECRET}
RECORDED, KNOWN = (200, "recorded"), (200, "known")


async def paid(world: World, payment_method: str = "pm_ok") -> str:
    payment_id = await world.accept(payment_method)
    await world.run()
    return payment_id


async def disputed(world: World, payment_id: str, **asked: Any) -> dict[str, Any]:
    """A dispute that the provider has, and has not told of."""
    return await world.backends.tell_provider("/disputes", payment_reference=payment_id, **asked)


async def decided(world: World, dispute: dict[str, Any], how: str) -> dict[str, Any]:
    """A day later."""
    world.clock.advance_s(86_400)
    return await world.backends.tell_provider(f"/disputes/{dispute['dispute_id']}/{how}")


def news(dispute: dict[str, Any], *, of: str | None = None, told_at: str | None = None) -> dict[str, Any]:
    """As the provider tells it. told_at: when it became so, if it says so."""
    kind = {"open": "opened"}.get(dispute["status"], dispute["status"])
    about = {"dispute_id": dispute["dispute_id"], "payment_reference": of or dispute["payment_reference"]}
    return {"type": f"dispute.{kind}", **({"timestamp": told_at} if told_at else {}), "data": about}


async def tell(world: World, event: dict[str, Any]) -> tuple[int, str]:
    """Sign and send it. The status, and what came of it or the code of the refusal."""
    answered = await sent(world, event)
    return answered.status, answered.body.get("status") if answered.status == 200 else answered.body["code"]


async def sent(world: World, event: dict[str, Any]) -> Answered:
    body, now = json.dumps(event).encode(), datetime.now(UTC)
    signature = Webhook(SECRET).sign("evt_1", now, body.decode())
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return await Edge(world).send("hear_provider", body, headers=headers)


async def test_what_is_recorded_is_the_answer_and_not_the_news(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id, amount_minor=500, reason="fraudulent")
        told = news(dispute)
        told["data"] |= {"amount_minor": 1, "currency": "USD", "status": "won", "reason": "lies"}

        assert await tell(world, told) == RECORDED

        payment = await world.payment(payment_id)
        (seen,) = payment.disputes
        assert (seen.dispute_id, seen.opened.amount_minor, seen.opened.code, seen.status) == (
            dispute["dispute_id"],
            500,
            "fraudulent",
            "open",
        )
        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened"]
        assert world.telemetry.metric(signals.PROVIDER_NEWS, outcome="recorded") == 1


async def test_a_repeat_is_known_and_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        told = news(await disputed(world, payment_id))
        assert await tell(world, told) == RECORDED
        before = await world.stream(payment_id)

        assert [await tell(world, told) for _ in range(3)] == [KNOWN] * 3

        assert await world.stream(payment_id) == before


async def test_of_many_at_once_one_is_recorded(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id)
        opened, won = news(dispute), news(await decided(world, dispute, "win"))

        answers = await asyncio.gather(*(tell(world, told) for told in [opened, won] * 5))

        assert {status for status, _ in answers} == {200}
        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened", "dispute_won"]


async def test_an_opening_that_was_never_told_is_recorded_with_the_decision(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        lost = await decided(world, await disputed(world, payment_id), "lose")

        assert await tell(world, news(lost)) == RECORDED

        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened", "dispute_lost"]


async def test_a_bank_that_changes_its_mind_is_followed(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id)

        for how in ("win", "lose", "win"):
            dispute = await decided(world, dispute, how)
            assert await tell(world, news(dispute, told_at=dispute["decided_at"])) == RECORDED

        story = ["dispute_opened", "dispute_won", "dispute_lost", "dispute_won"]
        assert await world.events(payment_id) == [*COMPLETED, *story]
        assert (await world.payment(payment_id)).refundable_minor == 1250


async def test_news_that_is_overtaken_is_heard(tmp_path: Path) -> None:
    """What it says is not so any more, and never comes back: it must not be told for ever."""
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        opened = await disputed(world, payment_id)
        won = await decided(world, opened, "win")
        await decided(world, won, "lose")

        assert await tell(world, news(won, told_at=won["decided_at"])) == RECORDED
        assert await tell(world, news(opened, told_at=opened["opened_at"])) == KNOWN

        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened", "dispute_lost"]


@pytest.mark.parametrize("says_when", [True, False])
async def test_news_that_the_books_do_not_show_yet_is_asked_for_again(says_when: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        opened = await disputed(world, payment_id)
        lost = await decided(world, opened, "lose")
        told = news(lost, told_at=lost["decided_at"] if says_when else None)
        gateway.answers_when_asked(200, body=opened)

        assert await tell(world, told) == (503, "provider_behind")
        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened"], "it is true, and not all"
        assert await tell(world, told) == RECORDED

        assert await world.events(payment_id) == [*COMPLETED, "dispute_opened", "dispute_lost"]
        assert [line.levelname for line in world.telemetry.log_lines(signals.LOG_NEWS)] == ["INFO"] * 2


async def test_an_older_decision_of_the_same_kind_is_not_what_was_told(tmp_path: Path) -> None:
    """Won, lost, and won again, while the books still show the first: the last is told until they do."""
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        won = await decided(world, await disputed(world, payment_id), "win")
        lost = await decided(world, won, "lose")
        again = await decided(world, lost, "win")
        gateway.answers_when_asked(200, body=won)
        gateway.answers_when_asked(200, body=lost)

        assert await tell(world, news(again, told_at=again["decided_at"])) == (503, "provider_behind")
        assert await tell(world, news(lost, told_at=lost["decided_at"])) == RECORDED
        assert [each.status for each in (await world.payment(payment_id)).disputes] == ["lost"]
        assert await tell(world, news(again, told_at=again["decided_at"])) == RECORDED

        assert [each.status for each in (await world.payment(payment_id)).disputes] == ["won"]


async def test_whole_seconds_in_the_books_are_not_behind(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        lost = await decided(world, await disputed(world, payment_id), "lose")
        moment = datetime.fromisoformat(lost["decided_at"])
        gateway.answers_when_asked(200, body={**lost, "decided_at": moment.replace(microsecond=0).isoformat()})

        told = news(lost, told_at=moment.replace(microsecond=999_999).isoformat())

        assert await tell(world, told) == RECORDED


async def test_a_dispute_that_does_not_fit_wakes_somebody_and_is_named(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id)
        gateway.answers_when_asked(200, body={**dispute, "amount_minor": 1251})

        assert await tell(world, news(dispute)) == (409, "dispute_misfit")

        (line,) = world.telemetry.log_lines(signals.LOG_NEWS)
        assert (line.levelname, line.__dict__["misfit"]) == ("ERROR", "amount_minor")
        assert await world.events(payment_id) == COMPLETED
        assert await tell(world, news(dispute)) == RECORDED


async def test_a_dispute_about_a_second_charge_leaves_the_first_ones_money_alone(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id)
        gateway.answers_when_asked(200, body={**dispute, "capture_id": "cap_of_the_other_charge"})

        assert await tell(world, news(dispute)) == RECORDED

        payment = await world.payment(payment_id)
        assert [each.status for each in payment.disputes] == ["open"]
        assert payment.refundable_minor == 1250


async def test_a_provider_that_does_not_answer_says_when_to_tell_again(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, **SIGNED) as (world, gateway):
        payment_id = await paid(world)
        told = news(await disputed(world, payment_id))
        gateway.answers_when_asked(429, body={"code": "slow_down"}, headers={"Retry-After": "7"})

        answered = await sent(world, told)

        assert (answered.status, answered.body["code"]) == (503, "provider_silent")
        assert answered.headers["Retry-After"] == "7"
        assert world.telemetry.metric(signals.PROVIDER_NEWS, outcome="provider_silent") == 1
        assert [line.levelname for line in world.telemetry.log_lines(signals.LOG_NEWS)] == ["INFO"]


async def test_what_cannot_be_found_wakes_somebody_and_is_not_recorded(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id, other = await paid(world), await paid(world)
        dispute = await disputed(world, payment_id)

        assert await tell(world, news({**dispute, "dispute_id": "dp_none"})) == (409, "dispute_not_confirmed")
        assert await tell(world, news(dispute, of=other)) == (409, "dispute_not_confirmed")
        assert await tell(world, news(dispute, of="no-payment-of-ours")) == (404, "payment_not_found")

        assert (await world.events(payment_id), await world.events(other)) == (COMPLETED, COMPLETED)
        assert world.telemetry.metric(signals.PROVIDER_NEWS, outcome="dispute_not_confirmed") == 2
        assert world.telemetry.metric(signals.PROVIDER_NEWS, outcome="payment_not_found") == 1
        assert [line.levelname for line in world.telemetry.log_lines(signals.LOG_NEWS)] == ["ERROR"] * 3


async def test_a_busy_store_is_told_to_the_provider(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await paid(world)
        told = news(await disputed(world, payment_id))
        await world.backends.break_store(503, operation="create", container="events", count=1000)

        status, code = await tell(world, told)
        await world.backends.mend_store()

        assert (status, code) == (503, "stream_moved")
        assert await tell(world, told) == RECORDED


async def test_without_a_secret_the_provider_is_told_to_come_back(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await paid(world)

        assert await tell(world, news(await disputed(world, payment_id))) == (503, "provider_not_known")

        (line,) = world.telemetry.log_lines(signals.LOG_NEWS)
        assert (line.levelname, line.__dict__["outcome"]) == ("ERROR", "provider_not_known")


async def test_where_no_news_is_read_by_design_nobody_is_woken_by_any(tmp_path: Path) -> None:
    def reading_none(services: Services) -> Services:
        return replace(services, provider_news=NoNews())

    async with a_world(tmp_path, alter=reading_none, **SIGNED) as world:
        event = {"type": "charge.dispute.created", "data": {}}
        signed = await sent(world, event)
        unsigned = await Edge(world).send("hear_provider", json.dumps(event).encode(), headers={})

        for answered in (signed, unsigned):
            assert (answered.status, answered.body["code"]) == (503, "provider_not_known")
            assert "PROVIDER_API=stripe" in answered.body["detail"]
        assert world.telemetry.log_lines(signals.LOG_NEWS) == []


async def test_signed_news_in_another_form_is_told_to_be_so(tmp_path: Path) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        assert await tell(world, {"type": "dispute.won", "data": {}}) == (422, "news_unreadable")
        assert await tell(world, {"type": "payout.paid"}) == (200, "ignored")


async def test_a_dispute_is_told_while_the_yes_of_the_capture_is_not_known_here(tmp_path: Path) -> None:
    """The provider took the money and its answer was lost: the dispute comes before the settlement."""
    async with a_world(tmp_path, **SIGNED) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        payment = await world.payment(payment_id)
        await world.backends.tell_provider("/repair")
        await world.backends.capture(payment, request_id=f"{payment_id}:settle")

        assert await tell(world, news(await disputed(world, payment_id))) == RECORDED
        await world.replay_all()
        await world.run()

        events = await world.events(payment_id)
        assert events.index("dispute_opened") < events.index("settled")
        assert events[-1] == "completed"
        assert (await world.payment(payment_id)).refundable_minor == 0


async def test_other_components_are_told_which_dispute_it_is(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", topology=with_others(tmp_path), **SIGNED) as world:
        payment_id = await paid(world)
        dispute = await disputed(world, payment_id)
        assert await tell(world, news(await decided(world, dispute, "win"))) == RECORDED
        await world.run()

        seen = {event["type"]: event for event in await arrived(world, QUIET) if "dispute" in event["type"]}

        assert {kind: event["disputeid"] for kind, event in seen.items()} == {
            "regispay.payment.dispute_opened.v1": dispute["dispute_id"],
            "regispay.payment.dispute_won.v1": dispute["dispute_id"],
        }
        assert seen["regispay.payment.dispute_won.v1"]["data"]["disputes"][0]["status"] == "won"
        assert "refundid" not in seen["regispay.payment.dispute_won.v1"]


@pytest.mark.parametrize(
    ("claimed", "counted"),
    [({}, 0), ({"webhook-id": "e", "webhook-timestamp": "1", "webhook-signature": "v1,YQ=="}, 1)],
)
async def test_a_signature_that_fits_not_is_counted_and_a_stranger_is_not(
    claimed: dict[str, str], counted: int, tmp_path: Path
) -> None:
    async with a_world(tmp_path, **SIGNED) as world:
        answered = await Edge(world).send("hear_provider", {}, headers=claimed)

        assert (answered.status, answered.body["code"]) == (403, "signature_refused")
        assert world.telemetry.metric(signals.PROVIDER_NEWS, outcome="signature_refused") == counted
