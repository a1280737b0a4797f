"""Receiving with the real SDK: every way to settle, locks, dead-letter queues, deferral, peeking."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    ServiceBusError,
)

from tests.local.servicebus_support import WAIT_S, Bus, bus, subscription, text, topic, topology
from tests.received import properties

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ("settled", "dead", "deferred", "deleted", "peeked", "released", "renewed", "idle", "plain", "wire")
TOPICS = topology(
    topic("short", subscription("all", lockDuration="PT0.5S")),
    topic("twice", subscription("all", maxDeliveryCount=2)),
    topic("brief", subscription("all", defaultMessageTimeToLive="PT0.2S")),
    *(topic(name, subscription("all", lockDuration="PT2S" if name == "renewed" else "PT1M")) for name in NAMES),
)
DEAD = ServiceBusSubQueue.DEAD_LETTER


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bus]:
    async with bus(TOPICS, tmp_path_factory.mktemp("receiving")) as opened:
        topics = ("short", "twice", "brief", *NAMES)
        await opened.open(*topics, *(f"{name}/all" for name in topics))
        yield opened


async def test_completed_messages_are_gone_and_abandoned_ones_come_again(on: Bus) -> None:
    receiver = await on.receiver("settled/all")
    await on.send("settled", ServiceBusMessage("a"), ServiceBusMessage("b"))

    await receiver.abandon_message(await on.receive("settled/all"))
    again = await on.receive("settled/all")
    await receiver.complete_message(again)
    (other,) = await on.take("settled/all", 1)

    assert (text(again), again.delivery_count) == ("a", 1)
    assert (text(other), other.delivery_count) == ("b", 0)
    state = (await on.entities())["settled"]["subscriptions"]["all"]
    assert state == {
        "active": 0,
        "locked": 0,
        "deferred": 0,
        "scheduled": 0,
        "dead_lettered": 0,
        "delivered": 3,
        "completed": 2,
        "abandoned": 1,
        "lock_lost": 0,
        "died": 0,
        "forwarded": 0,
    }


async def test_a_dead_lettered_message_waits_with_its_reason_in_the_dead_letter_queue(on: Bus) -> None:
    await on.send("dead", ServiceBusMessage("x", message_id="d1", application_properties={"kept": 1}))
    receiver = await on.receiver("dead/all")

    await receiver.dead_letter_message(await on.receive("dead/all"), reason="poison", error_description="too odd")

    letter = await on.receive("dead/all", sub_queue=DEAD)
    assert (letter.message_id, letter.dead_letter_reason, letter.dead_letter_error_description) == (
        "d1",
        "poison",
        "too odd",
    )
    assert properties(letter)["kept"] == 1
    await (await on.receiver("dead/all", sub_queue=DEAD)).complete_message(letter)
    assert (await on.entities())["dead"]["subscriptions"]["all"]["dead_lettered"] == 0


async def test_after_the_last_abandon_the_message_is_in_the_dead_letter_queue(on: Bus) -> None:
    await on.send("twice", ServiceBusMessage("x"))
    receiver = await on.receiver("twice/all")

    for _ in range(2):
        await receiver.abandon_message(await on.receive("twice/all"))

    letter = await on.receive("twice/all", sub_queue=DEAD)
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert letter.delivery_count == 2


async def test_an_expired_message_is_in_the_dead_letter_queue(on: Bus) -> None:
    await on.send("brief", ServiceBusMessage("x"))

    letter = await on.receive("brief/all", sub_queue=DEAD)

    assert letter.dead_letter_reason == "TTLExpiredException"


async def test_a_deferred_message_is_received_by_its_number_and_settled(on: Bus) -> None:
    await on.send("deferred", ServiceBusMessage("x"))
    receiver, got = await on.receiver("deferred/all"), await on.receive("deferred/all")

    await receiver.defer_message(got)
    number = got.sequence_number
    assert number is not None
    (again,) = await receiver.receive_deferred_messages(number)
    await receiver.complete_message(again)

    assert text(again) == "x"
    assert again.state.name == "DEFERRED"
    with pytest.raises(MessageNotFoundError):
        await receiver.receive_deferred_messages(number)


@pytest.mark.parametrize("settlement", ["abandon_message", "defer_message", "dead_letter_message"])
async def test_a_deferred_message_is_settled_in_every_way(on: Bus, settlement: str) -> None:
    await on.send("deferred", ServiceBusMessage("x"))
    receiver, got = await on.receiver("deferred/all"), await on.receive("deferred/all")
    await receiver.defer_message(got)
    number = got.sequence_number
    assert number is not None
    (again,) = await receiver.receive_deferred_messages(number)

    await getattr(receiver, settlement)(again)

    state = (await on.entities())["deferred"]["subscriptions"]["all"]
    assert state["locked"] == 0
    assert state["deferred" if settlement != "dead_letter_message" else "dead_lettered"] >= 1


async def test_a_lock_that_ran_out_cannot_be_settled_and_the_message_comes_again(on: Bus) -> None:
    receiver = await on.receiver("short/all")
    await on.send("short", ServiceBusMessage("x"))
    first = await on.receive("short/all")

    second = await on.receive("short/all")

    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(first)
    await receiver.complete_message(second)
    assert (text(second), second.delivery_count) == ("x", 1)


async def test_the_broker_itself_refuses_a_lock_that_is_gone(on: Bus) -> None:
    await on.send("wire", ServiceBusMessage("x"))
    receiver, got = await on.receiver("wire/all"), await on.receive("wire/all")
    queue = on.running.broker.queue("wire/Subscriptions/all")
    (token,) = queue.locked
    await on.running.broker.release(queue, token)

    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(got)
    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(got)


async def test_a_renewed_lock_holds_longer(on: Bus) -> None:
    await on.send("renewed", ServiceBusMessage("x"))
    receiver, got = await on.receiver("renewed/all"), await on.receive("renewed/all")
    before = got.locked_until_utc
    await asyncio.sleep(0.05)

    until = await receiver.renew_message_lock(got)

    assert before is not None
    assert until > before
    await receiver.complete_message(got)


async def test_receive_and_delete_leaves_nothing_to_settle(on: Bus) -> None:
    await on.send("deleted", *(ServiceBusMessage(str(number)) for number in range(3)))

    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    receiver = await on.receiver("deleted/all", receive_mode=mode)
    got: list[str] = []
    while len(got) < 3:
        got += [text(one) for one in await receiver.receive_messages(max_message_count=3, max_wait_time=WAIT_S)]

    assert got == ["0", "1", "2"]
    state = (await on.entities())["deleted"]["subscriptions"]["all"]
    assert (state["active"], state["locked"], state["delivered"]) == (0, 0, 3)


async def test_peeking_takes_nothing_and_shows_every_state(on: Bus) -> None:
    await on.send("peeked", *(ServiceBusMessage(name) for name in ("deferred", "locked", "active")))
    receiver = await on.receiver("peeked/all")
    await receiver.defer_message(await on.receive("peeked/all"))
    await on.receive("peeked/all")

    peeked = await receiver.peek_messages(max_message_count=10, sequence_number=1)

    assert [text(one) for one in peeked] == ["deferred", "locked", "active"]
    assert [one.state.name for one in peeked] == ["DEFERRED", "ACTIVE", "ACTIVE"]
    assert await receiver.peek_messages(sequence_number=99) == []
    assert (await on.entities())["peeked"]["subscriptions"]["all"]["active"] == 1


async def test_prefetched_messages_of_a_closed_receiver_are_given_back_uncounted(on: Bus) -> None:
    await on.send("released", *(ServiceBusMessage(str(number)) for number in range(4)))
    async with on.client.get_subscription_receiver("released", "all", prefetch_count=4) as greedy:
        first = await greedy.receive_messages(max_message_count=1, max_wait_time=WAIT_S)
        await greedy.complete_message(first[0])

    rest = await on.take("released/all", 3)

    assert [text(one) for one in rest] == ["1", "2", "3"]
    assert {one.delivery_count for one in rest} == {0}


async def test_a_receiver_that_waits_for_nothing_ends_with_nothing(on: Bus) -> None:
    receiver = await on.receiver("idle/all")

    assert await receiver.receive_messages(max_message_count=1, max_wait_time=0.1) == []


async def test_an_idle_receiver_gets_a_message_as_soon_as_it_is_sent(on: Bus) -> None:
    receiver = await on.receiver("idle/all")
    waiting = asyncio.create_task(receiver.receive_messages(max_message_count=1, max_wait_time=WAIT_S))
    await asyncio.sleep(0)

    await on.send("idle", ServiceBusMessage("now"))

    (got,) = await waiting
    assert text(got) == "now"
    await receiver.complete_message(got)


async def test_the_synchronous_client_works_too(on: Bus) -> None:
    def talk() -> str:
        with ServiceBusClient.from_connection_string(on.running.connection_string) as client:
            with client.get_topic_sender("plain") as sender:
                sender.send_messages(ServiceBusMessage("sync"))
            with client.get_subscription_receiver("plain", "all") as receiver:
                (got,) = receiver.receive_messages(max_message_count=1, max_wait_time=WAIT_S)
                receiver.complete_message(got)
                return text(got)

    assert await asyncio.to_thread(talk) == "sync"


async def test_a_message_of_a_closed_receiver_stays_locked(on: Bus) -> None:
    await on.send("plain", ServiceBusMessage("x"))
    async with on.client.get_subscription_receiver("plain", "all") as receiver:
        await receiver.receive_messages(max_message_count=1, max_wait_time=WAIT_S)

    assert (await on.entities())["plain"]["subscriptions"]["all"]["locked"] == 1


async def test_an_entity_that_is_not_declared_is_an_error_of_the_sdk(on: Bus) -> None:
    with pytest.raises(ServiceBusError, match="nowhere"):
        await on.sender("nowhere")
    with pytest.raises(ServiceBusError, match="nobody"):
        await on.receiver("plain/nobody")
