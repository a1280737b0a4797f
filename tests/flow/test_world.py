"""The bus of a world behaves like the local service over sockets with the real SDK. All tests here depend on that.

One difference is left. The SDK itself repeats a send that failed; the bus of a world tells the adapter at once.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageLockLostError

from local.azure.servicebus.errors import MessageLockLost
from shared.codec.deliveries import Delivery
from shared.codec.messages import Message
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from tests.flow.kit.both_buses import Bus, OpenBus, direct, over_sockets
from tests.received import properties
from tests.topologies import QUIET

CREATE, RECORD, SHIPPING = "payment-initiated/create", "payment-dead-letters/record", f"payment-initiated/{QUIET}"
LOST = (MessageLockLost, MessageLockLostError)

on_both = pytest.mark.parametrize("open_bus", [direct, pytest.param(over_sockets, marks=pytest.mark.long)])


def a_message(message_id: str = "p:1", *, to: str | None = None) -> Message:
    properties: dict[str, str | int] = {"attempt": 1, "run": "r1"}
    return Message(
        topic="payment-initiated", message_id=message_id, body="{}", subject="s", to=to, properties=properties
    )


def a_letter(message_id: str = "p:1") -> DeadLetter:
    return DeadLetter(message_id=message_id, body="{}", subject="s", reason="refused", description="no", source=CREATE)


async def taken(bus: Bus, place: str) -> ServiceBusReceivedMessage:
    message = await bus.take(place)
    assert message is not None
    return message


@on_both
async def test_a_repeated_id_is_dropped_within_the_window_and_accepted_after_it(
    open_bus: OpenBus, tmp_path: Path
) -> None:
    async with open_bus(tmp_path) as bus:
        await bus.topics.publish([a_message()])
        await bus.complete(await taken(bus, CREATE))

        await bus.advance_s(3599)
        await bus.topics.publish([a_message()])
        within = await bus.take(CREATE, comes=False)
        await bus.advance_s(2)
        await bus.topics.publish([a_message()])

        assert within is None
        assert (await taken(bus, CREATE)).message_id == "p:1"


@on_both
async def test_the_topic_of_dead_letters_drops_no_repeats(open_bus: OpenBus, tmp_path: Path) -> None:
    async with open_bus(tmp_path) as bus:
        for _ in range(2):
            await bus.topics.park(a_letter())

        for _ in range(2):
            assert (await taken(bus, RECORD)).message_id == "p:1"


@on_both
async def test_a_scheduled_addressed_copy_comes_when_it_is_due_and_to_its_subscription_only(
    open_bus: OpenBus, tmp_path: Path
) -> None:
    async with open_bus(tmp_path) as bus:
        await bus.topics.schedule(a_message(to="create"), due_at=bus.clock.now() + timedelta(seconds=30))

        await bus.advance_s(29)
        early = await bus.take(CREATE, comes=False)
        await bus.advance_s(1)
        message = await taken(bus, CREATE)

        assert early is None
        assert (message.message_id, message.to, message.subject) == ("p:1", "create", "s")
        assert properties(message) == {"attempt": 1, "run": "r1"}
        assert await bus.take(SHIPPING, comes=False) is None


@on_both
async def test_a_scheduled_repeat_is_dropped_when_it_is_sent_not_when_it_is_due(
    open_bus: OpenBus, tmp_path: Path
) -> None:
    async with open_bus(tmp_path) as bus:
        due_at = bus.clock.now() + timedelta(seconds=30)
        for _ in range(2):
            await bus.topics.schedule(a_message(to="create"), due_at=due_at)

        await bus.advance_s(30)

        await bus.complete(await taken(bus, CREATE))
        assert await bus.take(CREATE, comes=False) is None


@on_both
async def test_a_lock_that_ends_gives_the_message_back_and_counts(open_bus: OpenBus, tmp_path: Path) -> None:
    async with open_bus(tmp_path) as bus:
        await bus.topics.publish([a_message()])
        first = await taken(bus, CREATE)

        await bus.advance_s(61)
        again = await taken(bus, CREATE)

        assert (first.delivery_count, again.delivery_count) == (0, 1)
        with pytest.raises(LOST):
            await bus.complete(first)
        await bus.complete(again)


@on_both
async def test_an_ordered_lock_loss_refuses_the_settlement_and_the_message_comes_again(
    open_bus: OpenBus, tmp_path: Path
) -> None:
    async with open_bus(tmp_path) as bus:
        bus.order({"kind": "duplicate_delivery", "subscription": CREATE})
        await bus.topics.publish([a_message()])

        with pytest.raises(LOST):
            await bus.complete(await taken(bus, CREATE))

        assert (await taken(bus, CREATE)).delivery_count == 1


@on_both
async def test_what_is_abandoned_ten_times_is_forwarded_as_a_dead_letter_with_reason_and_source(
    open_bus: OpenBus, tmp_path: Path
) -> None:
    async with open_bus(tmp_path) as bus:
        await bus.topics.publish([a_message()])

        for count in range(10):
            message = await taken(bus, CREATE)
            assert message.delivery_count == count
            await bus.abandon(message)
        dead = await taken(bus, RECORD)

        assert (dead.message_id, dead.delivery_count) == ("p:1", 10)
        assert dead.dead_letter_source == "payment-initiated/Subscriptions/create"
        told = properties(dead)
        assert (told["DeadLetterReason"], told["attempt"], told["run"]) == ("MaxDeliveryCountExceeded", 1, "r1")


@on_both
async def test_what_dies_in_the_recorder_is_drained_with_our_own_reason(open_bus: OpenBus, tmp_path: Path) -> None:
    async with open_bus(tmp_path) as bus:
        await bus.topics.park(a_letter())
        for _ in range(10):
            await bus.abandon(await taken(bus, RECORD))
        drained: list[Delivery] = []

        async def keep(message: Delivery) -> None:
            drained.append(message)

        assert await bus.topics.drain(keep, limit=5) == 1
        (dead,) = drained
        assert (dead.properties["DeadLetterReason"], dead.properties["reason"]) == (
            "MaxDeliveryCountExceeded",
            "refused",
        )


@on_both
async def test_a_broker_that_refuses_for_now_is_unavailable(open_bus: OpenBus, tmp_path: Path) -> None:
    async with open_bus(tmp_path) as bus:
        bus.order({"kind": "refuse_sends", "topic": "payment-initiated", "count": 20, "error": "amqp:not-allowed"})

        with pytest.raises(BusUnavailable):
            await bus.topics.publish([a_message()])
