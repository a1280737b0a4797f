"""Recording what died: tried for ever, recorded once, and drained by an operator when even that died."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared.adapters.telemetry import OpenTelemetry
from shared.domain.events import PaymentCreated
from shared.domain.letters import LetterStatus
from shared.domain.stream import StoredEvent
from shared.ports.event_store import EventStore
from shared.services import Services
from shared.verbs.recovery.drain import drain
from shared.verbs.recovery.keep import keep
from tests import places
from tests.crashes import CrashPlan, Side
from tests.flow.kit.failing_ports import busy_in_append
from tests.flow.kit.world import World, a_world


async def break_letters(world: World) -> None:
    """For 429 the SDK tries ten times, so ten faults are one failed call."""
    await world.backends.break_store(429, operation="create", container="dead-letters", retry_after_ms=1, count=10_000)


async def test_while_the_store_cannot_take_it_the_letter_is_scheduled_again_without_end(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await break_letters(world)
        payment_id = await world.accept("pm_invalid")
        await world.run(for_s=1500)
        assert world.telemetry.metric("step.retries", step="record") == 13
        assert set(world.scheduled()) == {f"{payment_id}:1"}

        await world.backends.mend_store()
        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.source) == ("create", "our_fault", "payment-initiated/create")
        assert world.scheduled() == {}
        assert world.telemetry.metric("dead_letters.recorded") == 1


@pytest.mark.parametrize(("fault", "severity", "flushes"), [(1000, "high", 1), (0, "normal", 0)])
async def test_what_the_loudest_alert_waits_for_leaves_at_once(
    fault: int, severity: str, flushes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process may be gone before the next figures leave, and its counters with it."""
    flushed: list[OpenTelemetry] = []

    def flush(telemetry: OpenTelemetry) -> None:
        flushed.append(telemetry)

    monkeypatch.setattr(OpenTelemetry, "flush", flush)
    async with a_world(tmp_path, alter=busy_in_append(PaymentCreated, times=fault)) as world:
        await world.accept("pm_ok" if fault else "pm_invalid")

        await world.run()

        assert [letter.severity for letter in await world.letters()] == [severity]
        assert len(flushed) == flushes


async def test_a_letter_that_is_delivered_twice_is_one_record_and_parks_its_step_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bus.faults.order({"kind": "deliver_twice", "topic": "payment-dead-letters"})
        payment_id = await world.accept("pm_invalid")

        await world.run()

        assert (await world.only_letter()).reason == "our_fault"
        assert [type(each.event).__name__ for each in await world.stream(payment_id)][1:] == ["PaymentParked"]
        assert len(world.telemetry.log_lines("recover.dead_letter_recorded")) == 2, "told again rather than never"


async def test_a_lock_lost_while_recording_is_one_record(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bus.faults.order({"kind": "duplicate_delivery", "subscription": str(places.RECORD)})
        await world.accept("pm_invalid")

        await world.run()

        assert (await world.only_letter()).reason == "our_fault"
        assert [type(fault).__name__ for fault in world.faults] == ["MessageLockLost"]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("call", ["letters.add", "store.append"])
async def test_a_recorder_that_dies_anywhere_is_made_up_for_by_the_next_delivery(
    call: str, side: Side, tmp_path: Path
) -> None:
    plan = CrashPlan()
    async with a_world(tmp_path, crash_plan=plan) as world:
        payment_id = await world.accept("pm_invalid")
        await world.next_until(lambda: world.is_waiting(str(places.RECORD)))
        plan.named, plan.side = call, side
        plan.calls.clear()

        await world.run()

        assert world.crashes == 1
        assert (await world.only_letter(status=LetterStatus.OPEN)).reason == "our_fault"
        assert [type(each.event).__name__ for each in await world.stream(payment_id)][1:] == ["PaymentParked"]
        assert len(world.telemetry.log_lines("recover.dead_letter_recorded")) == 1


async def unrecorded(world: World, payment_method: str, *, notify: str | None = None) -> str:
    """A payment whose dead letter died on its way to being recorded: store and broker failed at the same time."""
    payment_id = await world.accept(payment_method, notify=notify)
    await world.next_until(lambda: world.is_waiting(str(places.RECORD)))
    await break_letters(world)
    world.bus.faults.order({"kind": "refuse_sends", "topic": "payment-dead-letters", "count": 10})
    await world.run()
    await world.backends.mend_store()
    assert len(world.bus.queue(str(places.RECORD), dead=True).entries) == 1
    assert await world.letters() == []
    return payment_id


async def test_what_died_in_the_recorder_is_drained_as_what_it_was(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await unrecorded(world, "pm_invalid")

        drained = await world.operate(lambda services: drain(keep=keep, services=services))

        assert (drained.recorded, drained.more) == (1, False)
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.payment_id) == ("create", "our_fault", payment_id)
        assert "invalid_payment_method" in letter.description
        assert not world.bus.queue(str(places.RECORD), dead=True).entries


async def test_a_drained_letter_keeps_its_severity(tmp_path: Path) -> None:
    async with a_world(tmp_path, retry_notify_attempts=1) as world:
        await unrecorded(world, "pm_ok", notify="down")

        await world.operate(lambda services: drain(keep=keep, services=services))

        letter = await world.only_letter()
        assert (letter.reason, letter.severity) == ("notification_undelivered", "low")


async def test_what_died_of_too_many_deliveries_and_then_in_the_recorder_is_drained_with_its_source(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.read_page("publish")
        world.bus.faults.order({"kind": "refuse_sends", "topic": "payment-dead-letters", "count": 20})
        await break_letters(world)
        await world.run()
        await world.backends.mend_store()

        drained = await world.operate(lambda services: drain(keep=keep, services=services))

        assert drained.recorded == 1
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.payment_id) == ("create", "MaxDeliveryCountExceeded", payment_id)


async def test_draining_an_empty_queue_finds_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        drained = await world.operate(lambda services: drain(keep=keep, services=services))

        assert (drained.recorded, drained.more) == (0, False)


class StreamsByName:
    """A store that is asked for the stream of one payment, and never for all that there is."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        assert payment_id
        return await self._store.load(payment_id)


def by_name(services: Services) -> Services:
    return replace(services, store=cast("EventStore", StreamsByName(services.store)))


async def test_a_letter_that_names_no_payment_reads_nobodys_stream(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=by_name) as world:
        await world.accept("pm_ok")
        await world.read_page("publish")
        await world.make_unreadable(str(places.CREATE), message_id="nobody")

        await world.run(for_s=600)

        assert (await world.only_letter()).payment_id is None
        assert world.telemetry.metric("step.retries", step="record") == 0
