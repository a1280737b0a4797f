"""Restart and kill -9: nothing that was acknowledged is lost, nothing that was completed comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError

from local.azure.servicebus.cbs import KEY_NAME, KEY_VALUE
from tests.local.process_support import LocalProcess, running
from tests.local.servicebus_support import WAIT_S, bus, connect, subscription, text, topic, topology

TOPICS = topology(topic("orders", subscription("ship", lockDuration="PT5M"), duplicateDetectionWindow="PT1H"))


@asynccontextmanager
async def broker_process(folder: Path, *arguments: str) -> AsyncIterator[LocalProcess]:
    declared = folder / "topology.json"
    declared.write_text(json.dumps(TOPICS))
    data, topics = ("--data", str(folder / "data")), ("--topology", str(declared))
    async with running("servicebus", *data, *topics, *arguments) as broker:
        assert [line[:2] for line in broker.announced] == [["admin", "servicebus"], ["ready", "servicebus"]]
        yield broker


def connection_string(broker: LocalProcess) -> str:
    key = f"SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY_VALUE}"
    return f"Endpoint=sb://127.0.0.1:{broker.port};{key};UseDevelopmentEmulator=true;"


@dataclass(slots=True)
class Acknowledged:
    """What the broker has acknowledged."""

    sent: set[str] = field(default_factory=set)
    completed: set[str] = field(default_factory=set)
    tried_to_complete: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self) -> None:
        if len(self.sent) > 150 and len(self.completed) > 40:
            self.enough.set()


async def _keep_sending(client: ServiceBusClient, name: str, *, acknowledged: Acknowledged) -> None:
    async with client.get_topic_sender("orders") as sender:
        for number in range(10_000):
            message_id = f"{name}-{number}"
            await sender.send_messages(ServiceBusMessage(message_id, message_id=message_id))
            acknowledged.sent.add(message_id)
            acknowledged.look()


async def _keep_completing(client: ServiceBusClient, acknowledged: Acknowledged) -> None:
    async with client.get_subscription_receiver("orders", "ship") as receiver:
        while True:
            for one in await receiver.receive_messages(max_message_count=5, max_wait_time=WAIT_S):
                acknowledged.tried_to_complete.add(text(one))
                await receiver.complete_message(one)
                acknowledged.completed.add(text(one))
                acknowledged.look()


async def _until_killed(work: asyncio.Future[object] | asyncio.Task[None]) -> None:
    """The broker dies under it: that is the point."""
    with suppress(ServiceBusError, asyncio.CancelledError, OSError):
        await work


async def _all_ids(connection: str) -> list[str]:
    """Everything that is there: by peeking, so that no lock is in the way."""
    async with connect(connection) as client, client.get_subscription_receiver("orders", "ship") as receiver:
        found: list[str] = []
        number = 1
        while page := await receiver.peek_messages(max_message_count=250, sequence_number=number):
            found += [text(one) for one in page]
            number = (page[-1].sequence_number or 0) + 1
        return found


async def _receive_all(connection: str, number: int) -> list[str]:
    async with connect(connection) as client, client.get_subscription_receiver("orders", "ship") as receiver:
        found: list[str] = []
        while len(found) < number:
            batch = await receiver.receive_messages(max_message_count=100, max_wait_time=5)
            assert batch, f"only {len(found)} of {number} can be received"
            for one in batch:
                await receiver.complete_message(one)
                found.append(text(one))
        return found


async def test_after_kill_9_every_acknowledged_message_is_there_and_no_completed_one(tmp_path: Path) -> None:
    acknowledged = Acknowledged()
    async with broker_process(tmp_path) as first, connect(connection_string(first)) as client:
        work = [
            asyncio.create_task(_keep_sending(client, f"s{number}", acknowledged=acknowledged)) for number in range(4)
        ]
        work.append(asyncio.create_task(_keep_completing(client, acknowledged)))
        await asyncio.wait_for(acknowledged.enough.wait(), 60)

        await first.kill()
        for task in work:
            task.cancel()
        await asyncio.gather(*(_until_killed(task) for task in work))

    async with broker_process(tmp_path) as second:
        there = await _all_ids(connection_string(second))
        received = await _receive_all(connection_string(second), len(there))

    assert set(there) >= acknowledged.sent - acknowledged.tried_to_complete, "an acknowledged message is lost"
    assert not set(there) & acknowledged.completed, "a completed message came back"
    assert len(there) == len(set(there)), "a message is there twice"
    assert sorted(received) == sorted(there)


async def test_after_a_restart_duplicates_are_still_known_and_scheduled_messages_still_come(tmp_path: Path) -> None:
    due = datetime.now(UTC) + timedelta(seconds=4)
    async with bus(TOPICS, tmp_path) as on:
        await on.send("orders", ServiceBusMessage("first", message_id="e1"))
        await on.send("orders", ServiceBusMessage("later", message_id="e2", scheduled_enqueue_time_utc=due))

    async with bus(TOPICS, tmp_path) as again:
        await again.send("orders", ServiceBusMessage("again", message_id="e1"), ServiceBusMessage("x", message_id="e2"))
        got = await again.take("orders/ship", 2)

    assert [text(one) for one in got] == ["first", "later"]
    assert got[1].enqueued_time_utc is not None
    assert got[1].enqueued_time_utc >= due - timedelta(milliseconds=2)


async def test_the_process_stops_in_order_and_says_when_its_port_is_taken(tmp_path: Path) -> None:
    async with broker_process(tmp_path) as first:
        (tmp_path / "other").mkdir()
        with pytest.raises(AssertionError, match=f"not ready: .*port {first.port} is taken"):
            async with broker_process(tmp_path / "other", "--port", str(first.port)):
                pass

        assert await first.stop() == 0
