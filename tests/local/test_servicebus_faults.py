"""Diagnostics and ordered faults over HTTP, seen through the real SDK."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from local.azure.servicebus.faults import FaultError, OrderedFaults
from tests.local.servicebus_support import Bus, bus, subscription, text, topic, topology

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ("dropped", "refused", "cut", "again", "copied", "cleared")
TOPICS = topology(*(topic(name, subscription("all"), duplicateDetectionWindow="PT1H") for name in NAMES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bus]:
    async with bus(TOPICS, tmp_path_factory.mktemp("faults")) as opened:
        await opened.open(*NAMES, *(f"{name}/all" for name in NAMES))
        yield opened


async def test_dropped_connections_are_opened_again_by_the_sdk(tmp_path: Path) -> None:
    async with bus(TOPICS, tmp_path, retry_total=3) as on:
        await on.open("dropped", "dropped/all")
        await on.send("dropped", ServiceBusMessage("before"))

        status = await on.order(kind="drop_connections")
        await on.send("dropped", ServiceBusMessage("after"))

        assert status == 202
        assert [text(one) for one in await on.take("dropped/all", 2)] == ["before", "after"]


async def test_the_connections_that_are_open_are_counted_and_the_most_there_were(tmp_path: Path) -> None:
    async with bus(TOPICS, tmp_path) as on:
        none = await on.connections()
        await on.open("dropped", "cut", "again/all")
        three = await on.connections()
        on.running.drop_connections()
        dropped = await on.connections()
        async with on.client.get_topic_sender("refused") as sender:
            await sender.create_message_batch()
            one = await on.connections()

        assert [none["open"], three["open"], dropped["open"], one["open"]] == [0, 3, 0, 1]
        assert [none["most"], three["most"], dropped["most"], one["most"]] == [0, 3, 3, 3]


async def test_refused_sends_store_nothing(on: Bus) -> None:
    await on.order(kind="refuse_sends", topic="refused", count=1)
    await on.order(kind="refuse_sends", topic="refused", count=1, error="amqp:resource-limit-exceeded")

    with pytest.raises(ServiceBusServerBusyError):
        await on.send("refused", ServiceBusMessage("1"))
    with pytest.raises(ServiceBusQuotaExceededError):
        await on.send("refused", ServiceBusMessage("2"))
    await on.send("refused", ServiceBusMessage("3"))

    assert [text(one) for one in await on.take("refused/all", 1)] == ["3"]
    told = (await on.entities())["refused"]
    assert (told["sends"], told["accepted"]) == (3, 1)


async def test_a_connection_cut_after_the_send_leaves_the_message_and_a_repeat_is_dropped(on: Bus) -> None:
    await on.order(kind="accept_then_cut", topic="cut", count=1)

    with pytest.raises((ServiceBusConnectionError, ServiceBusError)):
        await on.send("cut", ServiceBusMessage("x", message_id="e1"))
    await on.send("cut", ServiceBusMessage("x", message_id="e1"))

    assert [text(one) for one in await on.take("cut/all", 1)] == ["x"]
    assert (await on.entities())["cut"]["duplicates"] == 1


async def test_an_ordered_lock_loss_refuses_the_settlement_and_delivers_again(on: Bus) -> None:
    await on.send("again", ServiceBusMessage("x"))
    await on.order(kind="duplicate_delivery", subscription="again/all", count=1)
    receiver, first = await on.receiver("again/all"), await on.receive("again/all")

    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(first)

    second = await on.receive("again/all")
    assert second.delivery_count == 1
    await receiver.complete_message(second)
    assert (await on.entities())["again"]["subscriptions"]["all"]["lock_lost"] == 1


async def test_a_message_delivered_twice_comes_as_two_with_one_id(on: Bus) -> None:
    await on.order(kind="deliver_twice", topic="copied", count=1)

    await on.send("copied", ServiceBusMessage("x", message_id="e1"))
    await on.send("copied", ServiceBusMessage("y", message_id="e2"))

    assert [one.message_id for one in await on.take("copied/all", 3)] == ["e1", "e1", "e2"]


async def test_what_was_ordered_and_has_not_happened_is_listed(on: Bus) -> None:
    await on.order(kind="refuse_sends", topic="Refused", count=2)

    with pytest.raises(ServiceBusServerBusyError):
        await on.send("refused", ServiceBusMessage("1"))

    assert await on.waiting_faults() == [{"kind": "refuse_sends", "target": "refused", "count": 1}]
    await on.clear_faults()
    assert await on.waiting_faults() == []


async def test_cleared_faults_do_not_happen(on: Bus) -> None:
    await on.order(kind="refuse_sends", topic="cleared", count=5)

    assert await on.clear_faults() == 204

    await on.send("cleared", ServiceBusMessage("x"))


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "earthquake"},
        {"kind": "refuse_sends"},
        {"kind": "refuse_sends", "topic": "refused", "count": 0},
        {"kind": "duplicate_delivery", "topic": "again"},
    ],
)
async def test_a_fault_that_is_not_understood_is_refused(on: Bus, wanted: dict[str, object]) -> None:
    assert await on.order(**wanted) == 400
    with pytest.raises(FaultError):
        OrderedFaults().order(wanted)
