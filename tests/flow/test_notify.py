"""The merchant's web server: told again and again, and never a reason for a paid payment to hang."""

from pathlib import Path

from shared.domain.events import PaymentCompleted
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.facts import COMPLETED
from tests.flow.kit.failing_ports import busy_in_append
from tests.flow.kit.world import a_world, a_world_behind_a_gateway


async def test_a_merchant_that_fails_twice_is_told_in_the_end_and_once_only_as_it_can_see(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="fails-twice")

        await world.run()

        (told,) = await world.backends.notifications(payment_id)
        assert (told["request_id"], told["times_accepted"]) == (f"{payment_id}:notify", 1)
        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "delivered"
        assert world.telemetry.metric("step.retries", step="notify", reason="busy") == 2


async def test_a_payment_whose_merchant_cannot_be_reached_completes_and_leaves_a_quiet_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "undelivered"
        assert await world.charges(payment_id) == 1
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("notify", "notification_undelivered", "low")
        (line,) = world.telemetry.log_lines("recover.dead_letter_recorded")
        assert line.levelname == "WARNING"
        assert world.telemetry.metric("messages.parked", step="notify", reason="notification_undelivered") == 1
        assert world.telemetry.metric("dead_letters.recorded", severity="low") == 1


async def test_a_payment_that_cannot_be_completed_at_the_last_attempt_is_completed_later(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=busy_in_append(PaymentCompleted, times=3)) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        letter = await world.only_letter()
        assert letter.reason == "notification_undelivered"
        assert world.faults == []


async def test_a_merchant_who_was_told_while_the_store_was_away_is_recorded_as_told(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=busy_in_append(PaymentCompleted, times=6)) as world:
        payment_id = await world.accept("pm_ok", notify="ok")

        await world.run()

        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "delivered"
        assert await world.letters() == []
        assert world.faults == []


async def test_an_undelivered_notification_is_delivered_by_a_replay_once_the_merchant_is_well(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.run()
        await world.backends.tell_provider("/merchant/repair")

        (verdict,) = await world.replay_all()
        await world.run()

        assert verdict.verdict is Verdict.REPLAYED
        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "delivered"
        assert await world.events(payment_id) == [*COMPLETED, "completed"]
        (told,) = await world.backends.notifications(payment_id)
        assert (told["request_id"], told["times_accepted"]) == (f"{payment_id}:notify", 1)
        assert await world.charges(payment_id) == 1


async def test_a_merchant_that_was_told_and_did_not_say_so_is_told_again_under_the_same_id(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, notifier_timeout_s=1) as (world, gateway):
        payment_id = await world.accept("pm_ok", notify=f"{gateway.url}/merchant/ok")
        await world.next_until(lambda: world.is_waiting(str(places.NOTIFY)))
        gateway.does_it_without_answering()

        await world.run()

        (told,) = await world.backends.notifications(payment_id)
        assert (told["request_id"], told["times_seen"]) == (f"{payment_id}:notify", 2)
        assert await world.events(payment_id) == COMPLETED
        assert world.telemetry.metric("step.retries", step="notify", reason="busy") == 1


async def test_a_payment_without_an_address_completes_and_nobody_is_called(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "not_wanted"
        assert await world.backends.notifications(payment_id) == []


async def test_a_merchant_that_cannot_be_told_of_a_failure_is_told_by_a_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_declined", notify="down")
        await world.run()
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("notify_failure", "notification_undelivered", "low")

        await world.backends.tell_provider("/merchant/repair")
        await world.replay_all()
        await world.run()

        (told,) = await world.backends.notifications(payment_id)
        assert told["times_accepted"] == 1
        assert await world.events(payment_id) == ["initiated", "failed"]
