"""The bus of these worlds, held to the service over sockets and the real SDK: what all tests here rest on.

One difference is left: the SDK itself repeats a send that failed, the worlds' bus tells the adapter at once.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageLockLostError

from local.azure.servicebus.errors import MessageLockLost
from shared.codec.messages import Delivery, Message
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from tests.flow.benches import Bench, BenchOf, direct, over_sockets

CREATE, RECORD, QUIET = "payment-initiated/create", "payment-dead-letters/record", "payment-initiated/shipping"
LOST = (MessageLockLost, MessageLockLostError)

both = pytest.mark.parametrize("bench_of", [direct, over_sockets])


def a_message(message_id: str = "p:1", *, to: str | None = None) -> Message:
    properties: dict[str, str | int] = {"attempt": 1, "run": "r1"}
    return Message(
        topic="payment-initiated", message_id=message_id, body="{}", subject="s", to=to, properties=properties
    )


def a_letter(message_id: str = "p:1") -> DeadLetter:
    return DeadLetter(message_id=message_id, body="{}", subject="s", reason="refused", description="no", source=CREATE)


def properties_of(message: ServiceBusReceivedMessage) -> dict[str, object]:
    found = message.application_properties or {}
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def taken(bench: Bench, place: str) -> ServiceBusReceivedMessage:
    message = await bench.take(place)
    assert message is not None
    return message


@both
async def test_a_repeated_id_is_dropped_within_the_window_and_accepted_after_it(
    bench_of: BenchOf, tmp_path: Path
) -> None:
    async with bench_of(tmp_path) as bench:
        await bench.topics.publish([a_message()])
        await bench.complete(await taken(bench, CREATE))

        await bench.pass_s(3599)
        await bench.topics.publish([a_message()])
        within = await bench.take(CREATE, comes=False)
        await bench.pass_s(2)
        await bench.topics.publish([a_message()])

        assert within is None
        assert (await taken(bench, CREATE)).message_id == "p:1"


@both
async def test_the_topic_of_dead_letters_drops_no_repeats(bench_of: BenchOf, tmp_path: Path) -> None:
    async with bench_of(tmp_path) as bench:
        for _ in range(2):
            await bench.topics.park(a_letter())

        for _ in range(2):
            assert (await taken(bench, RECORD)).message_id == "p:1"


@both
async def test_a_scheduled_addressed_copy_comes_when_it_is_due_and_to_its_subscription_only(
    bench_of: BenchOf, tmp_path: Path
) -> None:
    async with bench_of(tmp_path) as bench:
        await bench.topics.schedule(a_message(to="create"), due_at=bench.clock.now() + timedelta(seconds=30))

        await bench.pass_s(29)
        early = await bench.take(CREATE, comes=False)
        await bench.pass_s(1)
        message = await taken(bench, CREATE)

        assert early is None
        assert (message.message_id, message.to, message.subject) == ("p:1", "create", "s")
        assert properties_of(message) == {"attempt": "1", "run": "r1"}
        assert await bench.take(QUIET, comes=False) is None


@both
async def test_a_scheduled_repeat_is_dropped_when_it_is_sent_not_when_it_is_due(
    bench_of: BenchOf, tmp_path: Path
) -> None:
    async with bench_of(tmp_path) as bench:
        due_at = bench.clock.now() + timedelta(seconds=30)
        for _ in range(2):
            await bench.topics.schedule(a_message(to="create"), due_at=due_at)

        await bench.pass_s(30)

        await bench.complete(await taken(bench, CREATE))
        assert await bench.take(CREATE, comes=False) is None


@both
async def test_a_lock_that_ends_gives_the_message_back_and_counts(bench_of: BenchOf, tmp_path: Path) -> None:
    async with bench_of(tmp_path) as bench:
        await bench.topics.publish([a_message()])
        first = await taken(bench, CREATE)

        await bench.pass_s(61)
        again = await taken(bench, CREATE)

        assert (first.delivery_count, again.delivery_count) == (0, 1)
        with pytest.raises(LOST):
            await bench.complete(first)
        await bench.complete(again)


@both
async def test_an_ordered_lock_loss_refuses_the_settlement_and_the_message_comes_again(
    bench_of: BenchOf, tmp_path: Path
) -> None:
    async with bench_of(tmp_path) as bench:
        bench.order({"kind": "duplicate_delivery", "subscription": CREATE})
        await bench.topics.publish([a_message()])

        with pytest.raises(LOST):
            await bench.complete(await taken(bench, CREATE))

        assert (await taken(bench, CREATE)).delivery_count == 1


@both
async def test_what_is_abandoned_ten_times_is_forwarded_as_a_dead_letter_with_reason_and_source(
    bench_of: BenchOf, tmp_path: Path
) -> None:
    async with bench_of(tmp_path) as bench:
        await bench.topics.publish([a_message()])

        for count in range(10):
            message = await taken(bench, CREATE)
            assert message.delivery_count == count
            await bench.abandon(message)
        dead = await taken(bench, RECORD)

        assert (dead.message_id, dead.delivery_count) == ("p:1", 10)
        assert dead.dead_letter_source == "payment-initiated/Subscriptions/create"
        told = properties_of(dead)
        assert (told["DeadLetterReason"], told["attempt"], told["run"]) == ("MaxDeliveryCountExceeded", "1", "r1")


@both
async def test_what_dies_in_the_recorder_is_drained_with_our_own_reason(bench_of: BenchOf, tmp_path: Path) -> None:
    async with bench_of(tmp_path) as bench:
        await bench.topics.park(a_letter())
        for _ in range(10):
            await bench.abandon(await taken(bench, RECORD))
        drained: list[Delivery] = []

        async def keep(message: Delivery) -> None:
            drained.append(message)

        assert await bench.topics.drain(keep, limit=5) == 1
        (dead,) = drained
        assert (dead.properties["DeadLetterReason"], dead.properties["reason"]) == (
            "MaxDeliveryCountExceeded",
            "refused",
        )


@both
async def test_a_broker_that_refuses_for_now_is_unavailable(bench_of: BenchOf, tmp_path: Path) -> None:
    async with bench_of(tmp_path) as bench:
        bench.order({"kind": "refuse_sends", "topic": "payment-initiated", "count": 20, "error": "amqp:not-allowed"})

        with pytest.raises(BusUnavailable):
            await bench.topics.publish([a_message()])
