"""How an attempt of a step may end, and what becomes of the payment: one test, or a few, for each row of the table.

Every test looks at the final stream, at how often the provider took money, at the dead letters and at the figures.
"""

from pathlib import Path

import pytest

from tests.facts import COMPLETED
from tests.flow.kit.failing_ports import raising_in
from tests.flow.kit.world import World, a_world, a_world_behind_a_gateway

# -- done


async def test_what_is_done_is_recorded_and_nobody_is_asked(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["requests"], charge["asks"]) == (1, 2, 0)
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries") == 0
        assert world.telemetry.metric("payments.accepted") == world.telemetry.metric("payments.completed") == 1
        assert world.telemetry.metric("payment.time_to_completed_s") == 1
        assert world.faults == []


async def test_what_was_done_under_an_id_that_the_provider_has_forgotten_is_found_and_recorded(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", remember_requests_s=0)
        payment_id = await world.accept("pm_settle_times_out_once")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert (await world.backends.charge(payment_id))["requests"] == 2, "the capture was found, not sent again"
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="settle", reason="outcome_unknown") == 1


async def test_what_another_request_had_done_is_recorded_even_if_the_books_could_not_be_read_at_first(
    tmp_path: Path,
) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_ok")
        while await world.events(payment_id) != ["initiated", "created"]:
            assert await world.next()
        await world.backends.capture(await world.payment(payment_id), request_id="by-hand")
        gateway.answers_when_asked(503)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []


# -- declined


@pytest.mark.parametrize(
    ("payment_method", "events", "code", "step"),
    [
        ("pm_declined", ["initiated", "failed"], "card_declined", "create"),
        ("pm_settle_declined", ["initiated", "created", "failed", "voided"], "capture_declined", "settle"),
    ],
)
async def test_a_definite_no_fails_the_payment_with_the_providers_code(
    payment_method: str, events: list[str], code: str, step: str, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept(payment_method)

        await world.run()

        assert await world.events(payment_id) == events
        failed = (await world.payment(payment_id)).failed
        assert failed is not None
        assert (failed.reason, failed.code, failed.failed_step) == ("declined", code, step)
        assert await world.charges(payment_id) == 0
        assert await world.letters() == []
        assert world.telemetry.metric("payments.failed") == 1


async def test_a_provider_that_will_not_release_the_money_is_a_matter_for_a_person(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        payment_id = await world.accept("pm_settle_declined")
        await world.next_until(lambda: has_failed(world, payment_id))
        gateway.answers(402, body={"code": "not_releasable"})
        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("void", "our_fault", "normal")
        assert "not_releasable" in letter.description
        assert await world.events(payment_id) == ["initiated", "created", "failed"]


async def has_failed(world: World, payment_id: str) -> bool:
    return (await world.events(payment_id))[-1] == "failed"


# -- retry


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429, 401, 403])
@pytest.mark.parametrize(
    ("body", "reason", "wait_s"), [({"code": "not_now"}, "busy", 1.0), ({}, "outcome_unknown", 60.0)]
)
async def test_a_passing_fault_is_retried_by_an_addressed_copy_and_asked_about_first(
    status: int, body: dict[str, str], reason: str, wait_s: float, tmp_path: Path
) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(status, body=body)
        payment_id = await world.accept("pm_ok")

        await world.work()

        assert world.scheduled() == {f"{payment_id}:1:create:1": wait_s}, "later, if it may be under way"
        await world.run()
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert gateway.seen[:2] == [("POST", "/v1/payments"), ("GET", f"/v1/requests/{payment_id}:create")]
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="create", reason=reason) == 1
        assert world.faults == []


async def test_a_provider_that_cannot_be_reached_is_tried_until_the_attempts_are_used_up(tmp_path: Path) -> None:
    async with a_world(tmp_path, provider_base_url="http://127.0.0.1:1") as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == ["initiated"]
        assert await world.charges(payment_id) == 0
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.attempt) == ("create", "retries_exhausted", 3)
        assert letter.description.startswith("busy after 4 attempts: no answer when asked about")
        assert world.telemetry.metric("step.retries", step="create", reason="busy") == 3
        assert world.telemetry.metric("messages.parked", step="create", reason="retries_exhausted") == 1
        assert world.telemetry.metric("dead_letters.recorded", step="create", severity="normal") == 1


async def test_a_busy_store_is_a_reason_to_try_again_and_the_yes_is_not_asked_for_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        # the SDK itself repeats nine times before it gives up
        await world.backends.break_store(429, operation="create", container="events", retry_after_ms=1, count=10)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["requests"], charge["asks"]) == (1, 2, 0), "the copy carries the yes"
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="create", reason="store_busy") == 1


async def test_an_exception_that_nobody_foresaw_is_retried(tmp_path: Path) -> None:
    faults = [ZeroDivisionError("oops")]

    def fail_once() -> None:
        if faults:
            raise faults.pop()

    async with a_world(tmp_path, alter=raising_in("create", fail_once)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="create", reason="unforeseen") == 1
        (again,) = world.telemetry.log_lines("advance.again")
        assert again.description == "ZeroDivisionError: oops"  # type: ignore[attr-defined] # a field of our log lines


# -- ask


@pytest.mark.parametrize("step", ["create", "settle"])
async def test_a_call_that_was_cut_off_after_it_was_done_is_asked_about_and_never_sent_twice(
    step: str, tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await world.accept("pm_times_out_once" if step == "create" else "pm_settle_times_out_once")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["requests"], charge["asks"]) == (1, 2, 1)
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step=step, reason="outcome_unknown") == 1


async def test_a_call_that_outlasts_its_limit_is_asked_about_and_never_sent_twice(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path, provider_timeout_s=1) as (world, gateway):
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        gateway.does_it_without_answering()
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert gateway.seen.count(("POST", "/v1/payments")) == 1
        assert world.telemetry.metric("step.retries", step="create", reason="outcome_unknown") == 1


async def test_while_asking_is_not_answered_nothing_is_sent(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(503)
        gateway.answers_when_asked(500, times=3)
        payment_id = await world.accept("pm_ok")

        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason) == ("create", "retries_exhausted")
        assert gateway.seen.count(("POST", "/v1/payments")) == 1
        assert await world.events(payment_id) == ["initiated"]
