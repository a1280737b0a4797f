"""A payment that fails after money was reserved: the reservation is released, with the same retries and questions."""

from pathlib import Path

import pytest

from tests.flow.kit.world import a_world

VOIDED = ["initiated", "created", "failed", "voided"]


@pytest.mark.parametrize(
    ("payment_method", "retried", "asks", "requests"),
    [
        ("pm_settle_declined", 0, 0, 3),
        ("pm_settle_declined_void_fails_twice", 2, 4, 5),
        ("pm_settle_declined_void_times_out_once", 1, 1, 3),
    ],
)
async def test_the_reservation_of_a_declined_capture_is_released(
    payment_method: str, retried: int, asks: int, requests: int, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept(payment_method)

        await world.run()

        assert await world.events(payment_id) == VOIDED
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["voided"]) == (0, True)
        assert (charge["asks"], charge["requests"]) == (asks, requests)
        assert world.telemetry.metric("step.retries", step="void") == retried
        assert await world.letters() == []


async def test_a_void_that_finds_no_end_waits_for_a_person_and_is_done_by_a_replay(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_declined_void_down")
        await world.run()
        letter = await world.only_letter()
        assert (letter.step, letter.reason) == ("void", "retries_exhausted")
        assert await world.events(payment_id) == VOIDED[:-1]

        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()

        assert await world.events(payment_id) == VOIDED
        assert (await world.backends.charge(payment_id))["voided"]


async def test_a_payment_that_failed_before_money_was_reserved_has_nothing_to_release(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_declined")

        await world.run()

        assert await world.events(payment_id) == ["initiated", "failed"]
        assert (await world.backends.charge(payment_id))["requests"] == 1
        assert [line.step for line in world.telemetry.log_lines("advance.already_done")] == ["void", "notify_failure"]  # type: ignore[attr-defined]


async def test_the_merchant_is_told_of_the_failure_once_although_a_void_follows(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_declined", notify="fails-twice")

        await world.run()

        told = {each["request_id"]: each for each in await world.backends.notifications(payment_id)}
        failed, voided = told.pop(f"{payment_id}:notify_failure"), told.pop(f"{payment_id}:4")
        assert told == {}
        assert [(each["type"], each["times_accepted"]) for each in (failed, voided)] == [
            ("regispay.payment.failed.v1", 1),
            ("regispay.payment.voided.v1", 1),
        ]
        assert await world.events(payment_id) == VOIDED
        retries = [world.telemetry.metric("step.retries", step=step) for step in ("notify_failure", "notice")]
        assert sum(retries) == failed["times_seen"] + voided["times_seen"] - 2 == 2
