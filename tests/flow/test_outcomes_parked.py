"""What a person must look at: parked at once, or dead in the broker because not even that could be done."""

from pathlib import Path

import pytest

from shared.codec.messages import Message
from tests import places
from tests.crashes import Killed
from tests.facts import COMPLETED
from tests.flow.kit.failing_ports import raising_in
from tests.flow.kit.world import a_world, a_world_behind_a_gateway

# -- park


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_call_that_is_our_own_fault_is_parked_at_once(status: int, tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(status, body={"code": "no_such_thing"})
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == ["initiated"]
        assert await world.charges(payment_id) == 0
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.delivery_count, letter.attempt) == ("create", "our_fault", 1, 0)
        assert f"{status} no_such_thing" in letter.description
        assert letter.source == "payment-initiated/create"
        assert world.telemetry.metric("messages.parked", step="create", reason="our_fault") == 1
        assert world.telemetry.metric("step.retries") == 0
        assert world.bus.queue("payment-initiated/create").counts["completed"] == 1


async def test_the_log_line_of_a_step_that_is_parked_says_why(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(422, body={"code": "no_such_thing"})
        await world.accept("pm_ok")

        await world.run()

        (line,) = world.telemetry.log_lines("advance.parked")
        assert vars(line)["reason"] == "our_fault"
        assert "422 no_such_thing" in vars(line)["description"]


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        ("not JSON", {}),
        ('{"specversion":"1.0"}', {}),
        (None, {"attempt": "one"}),
        (None, {"attempt": -1}),
    ],
)
async def test_a_message_that_cannot_be_read_is_parked_and_nothing_is_sent(
    body: str | None, properties: dict[str, str | int], tmp_path: Path
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        readable = str(world.bus.sent[0])
        assert await world.lose_message(str(places.CREATE))
        message = Message(
            topic=places.CREATE.topic,
            message_id="odd",
            body=body or readable,
            subject="odd",
            properties=properties,
        )

        await world.services.publisher.publish([message])
        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.message_id) == ("create", "unreadable", "odd")
        assert letter.body == (body or readable)
        assert letter.payment_id == (None if body else payment_id)
        assert await world.backends.charge(payment_id) == {}
        assert world.telemetry.metric("messages.parked", step="create", reason="unreadable") == 1


async def test_a_step_that_the_payments_rules_refuse_is_parked(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_declined")
        await world.read_page("publish")
        body = str(world.bus.sent[0])
        astray = Message(
            topic=places.SETTLE.topic, message_id=f"{payment_id}:1", body=body, subject="payment.initiated"
        )

        await world.services.publisher.publish([astray])
        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.description) == ("settle", "refused", "not_created")
        assert await world.events(payment_id) == ["initiated", "failed"]
        assert world.telemetry.metric("messages.parked", step="settle", reason="refused") == 1


# -- crash, or the bus fails while we settle


async def test_a_message_whose_worker_dies_every_time_ends_as_a_dead_letter_of_the_broker(tmp_path: Path) -> None:
    def die() -> None:
        raise Killed("always")

    async with a_world(tmp_path, alter=raising_in("ask", die)) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        await world.bus.take(world.bus.queue(str(places.CREATE)))  # and its taker dies
        await world.restart()

        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason) == ("create", "MaxDeliveryCountExceeded")
        assert (letter.source, letter.message_id) == ("payment-initiated/create", f"{payment_id}:1")
        assert letter.payment_id == payment_id
        assert world.crashes == 10
        assert await world.events(payment_id) == ["initiated"]
        assert world.telemetry.metric("dead_letters.recorded", step="create", reason="MaxDeliveryCountExceeded") == 1


async def test_a_retry_that_the_broker_does_not_take_is_left_to_redelivery(tmp_path: Path) -> None:
    async with a_world_behind_a_gateway(tmp_path) as (world, gateway):
        gateway.answers(503)
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        world.bus.faults.order({"kind": "refuse_sends", "topic": "payment-initiated"})

        await world.run()

        assert [type(fault).__name__ for fault in world.faults] == ["BusUnavailable"]
        assert world.bus.queue("payment-initiated/create").counts["abandoned"] == 1
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []


async def test_a_broker_that_fails_all_the_time_ends_in_its_own_dead_letter_and_none_is_lost(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        await world.read_page("publish")
        world.bus.faults.order({"kind": "refuse_sends", "topic": "payment-dead-letters", "count": 10})

        await world.run()

        letter = await world.only_letter()
        assert (letter.reason, letter.delivery_count) == ("MaxDeliveryCountExceeded", 11)
        assert letter.payment_id == payment_id
        assert [type(fault).__name__ for fault in world.faults] == ["BusUnavailable"] * 10
        assert await world.charges(payment_id) == 0
