"""The local host in front of the local Cosmos DB and Service Bus, over real sockets and the unmodified SDKs."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.cosmos.aio import ContainerProxy
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from local.azure.cosmos import server as cosmos
from local.azure.host.cosmos import Account
from local.azure.host.settings import Connection
from local.azure.servicebus import server as servicebus
from local.azure.servicebus.entities import Queue
from local.ports import FREE, Ports
from local.supervisor import TOPOLOGY
from tests.local.cosmos_support import DATABASE, client_of
from tests.local.host_support import APPS, Record, running_host, spawn
from tests.local.process_support import LocalProcess
from tests.topologies import SHORTEST_LOCK, changed_topology
from tests.waiting import until

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Platform:
    """The two services, each stopped and started at will on its folder and port."""

    folder: Path
    ports: Ports = field(default_factory=FREE.chosen)
    store: "cosmos.Running | None" = None
    bus: "servicebus.Running | None" = None

    async def start(self, *, topics: Path = TOPOLOGY) -> None:
        self.store = await cosmos.start(port=self.ports.cosmos, data=self.folder / "cosmos", topology=TOPOLOGY)
        self.bus = await servicebus.start(port=self.ports.amqp, data=self.folder / "bus", topology=topics)

    async def stop(self) -> None:
        if self.store:
            await self.store.close()
        if self.bus:
            await self.bus.close()
        self.store = self.bus = None

    @property
    def settings(self) -> dict[str, str]:
        assert self.store is not None
        assert self.bus is not None
        return {
            "CosmosConnection": self.store.connection_string,
            "ServiceBusConnection": self.bus.connection_string,
            "SUBSCRIPTION": "settle",
            "EVENTS": "events",
            "LEASES": "leases",
            "RECORD": str(self.folder / "record"),
        }

    @property
    def record(self) -> Record:
        return Record(self.folder / "record")

    async def send(self, *bodies: Mapping[str, Any], **fields: Any) -> None:
        """Messages with the ids m0, m1, ..."""
        async with (
            ServiceBusClient.from_connection_string(self.settings["ServiceBusConnection"]) as client,
            client.get_topic_sender("payment-created") as sender,
        ):
            named = [ServiceBusMessage(json.dumps(b), message_id=f"m{n}", **fields) for n, b in enumerate(bodies)]
            await sender.send_messages(named)

    @asynccontextmanager
    async def container(self, name: str) -> AsyncIterator[ContainerProxy]:
        async with client_of(self.settings["CosmosConnection"]) as client:
            yield client.get_database_client(DATABASE).get_container_client(name)

    async def write(self, *payments: str) -> list[str]:
        """One event for each payment; their document ids."""
        async with self.container("events") as events:
            for payment in payments:
                await events.create_item({"id": f"{payment}:1", "paymentId": payment})
        return [f"{payment}:1" for payment in payments]

    async def leases(self) -> list[dict[str, Any]]:
        async with self.container("leases") as leases:
            found = [item async for item in leases.read_all_items()]
        return [lease for lease in found if "LeaseToken" in lease]

    def waiting(self) -> int:
        """Messages of the subscription, locked ones included."""
        return len(self._queue().entries)

    def locked(self) -> int:
        return len(self._queue().locked)

    def _queue(self) -> Queue:
        assert self.bus is not None
        topic = self.bus.broker.topics["payment-created"]
        [subscription] = topic.subscriptions
        return subscription.queue


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    services = Platform(tmp_path)
    await services.start()
    try:
        yield services
    finally:
        await services.stop()


@pytest.fixture
async def short_locks(tmp_path: Path) -> AsyncIterator[Platform]:
    services = Platform(tmp_path)
    await services.start(topics=changed_topology(tmp_path, lock_duration=SHORTEST_LOCK))
    try:
        yield services
    finally:
        await services.stop()


@asynccontextmanager
async def sample(platform: Platform, *arguments: str) -> AsyncIterator[LocalProcess]:
    async with running_host(APPS / "sample", *arguments, settings=platform.settings) as host:
        yield host


async def test_a_message_reaches_its_function_as_the_host_in_azure_hands_it_over(platform: Platform) -> None:
    await platform.send(
        {"n": 1}, subject="s", to="settle", content_type="application/json", application_properties={"a": 1, "b": "x"}
    )

    async with sample(platform) as host:
        await platform.record.until(lambda record: record.all("done") == ["m0"])
        await until(lambda: platform.waiting() == 0)
        assert await host.stop() == 0

    [seen] = [line for line in platform.record.lines() if "message" in line]
    del seen["at"], seen["enqueued"]
    assert seen == {
        "message": {"n": 1},
        "id": "m0",
        "delivery": 1,
        "to": "settle",
        "subject": "s",
        "content_type": "application/json",
        "properties": {"a": 1, "b": "x"},
        "locked_until": None,
    }
    assert host.log == ""


async def test_a_message_whose_function_fails_comes_again_with_its_delivery_counted(platform: Platform) -> None:
    await platform.send({"fails": 2})

    async with sample(platform) as host:
        await platform.record.until(lambda record: record.all("done") == ["m0"])
        await host.stop()

    assert platform.record.all("delivery") == [1, 2, 3]
    failures = [line.split("local.azure.host.server: ")[1] for line in host.log.splitlines()]
    assert failures == ["on_message failed: ValueError: not yet"] * 2


async def test_every_message_of_a_burst_is_handled_once(platform: Platform) -> None:
    await platform.send(*({"n": n} for n in range(200)))

    async with sample(platform):
        await platform.record.until(lambda record: len(record.all("done")) >= 200)
        await until(lambda: platform.waiting() == 0)

    assert sorted(platform.record.all("done")) == sorted(f"m{n}" for n in range(200))
    assert set(platform.record.all("delivery")) == {1}


async def test_a_stop_settles_what_runs_and_loses_nothing_of_the_rest(platform: Platform) -> None:
    await platform.send(*({"takes_s": 0.5} for _ in range(8)))

    async with sample(platform) as host:
        await platform.record.until(lambda record: len(record.all("message")) == 4)  # maxConcurrentCalls
        assert await host.stop() == 0

    done = set(platform.record.all("done"))
    assert done == set(platform.record.all("id"))
    assert len(done) >= 4
    assert platform.waiting() == 8 - len(done)


async def test_a_stop_cuts_a_message_that_is_past_the_limit_and_leaves_it_locked(platform: Platform) -> None:
    await platform.send({"takes_s": 60})

    async with sample(platform, "--drain-s", "0.5") as host:
        await platform.record.until(lambda record: record.all("id") == ["m0"])
        assert await host.stop() == 0

    assert "not finished after 0.5 s, given up: on_message; messages come again" in host.log
    assert platform.record.all("done") == []
    assert platform.locked() == 1


async def test_a_stop_still_takes_what_comes_while_something_runs(platform: Platform) -> None:
    await platform.send({"takes_s": 4})

    async with sample(platform) as host:
        await platform.record.until(lambda record: record.all("id") == ["m0"])
        stopping = asyncio.create_task(host.stop())
        await platform.send({}, {"late": True})  # of which the first has an id that is known already
        assert await stopping == 0

    assert platform.record.all("message") == [{"takes_s": 4}, {"late": True}]


async def test_a_function_learns_the_trace_of_its_message_and_none_of_a_change(platform: Platform) -> None:
    await platform.send({}, application_properties={"traceparent": CALLER})
    await platform.write("a")

    async with sample(platform):
        await platform.record.until(lambda record: bool(record.all("message_trace") and record.all("changes_trace")))

    [of_message] = platform.record.all("message_trace")
    assert of_message.startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert of_message != CALLER
    assert set(platform.record.all("changes_trace")) == {""}


async def test_a_killed_host_loses_no_message_and_no_change(short_locks: Platform) -> None:
    written = await short_locks.write(*(f"p{n}" for n in range(20)))
    await short_locks.send(*({"takes_s": 0.05} for _ in range(20)))
    async with sample(short_locks) as host:
        await short_locks.record.until(lambda record: len(record.all("done")) >= 3)
        await host.kill()

    async with sample(short_locks):
        await short_locks.record.until(lambda record: len(set(record.all("done"))) == 20)
        await short_locks.record.until(lambda record: set(record.changes()) == set(written))


async def test_changes_reach_the_function_from_the_beginning_and_go_on_after_a_restart(platform: Platform) -> None:
    before = await platform.write("a", "b")
    async with sample(platform) as host:
        await platform.record.until(lambda record: set(record.changes()) == set(before))
        during = await platform.write("c")
        await platform.record.until(lambda record: set(record.changes()) == {*before, *during})
        assert await host.stop() == 0
    after = await platform.write("d")

    async with sample(platform):
        await platform.record.until(lambda record: "d:1" in record.changes())

    assert sorted(platform.record.changes()) == [*before, *during, *after]


async def test_a_stop_frees_the_leases_so_that_another_host_takes_them_at_once(platform: Platform) -> None:
    await platform.write("a")
    async with sample(platform, "--host-id", "one") as host:
        await platform.record.until(lambda record: record.changes() == ["a:1"])
        assert {lease["properties"]["host"] for lease in await platform.leases()} == {"one"}
        await host.stop()
    assert {lease["Owner"] for lease in await platform.leases()} == {None}
    await platform.write("b")

    async with sample(platform, "--host-id", "two"):
        await platform.record.until(lambda record: record.changes() == ["a:1", "b:1"])


async def test_it_takes_turns_with_microsofts_host_on_the_same_data(platform: Platform) -> None:
    """Its leases are named as there, for the same function, container and host name, and are no leases of ours."""
    await platform.write("a")
    async with sample(platform):
        await platform.record.until(lambda record: record.changes() == ["a:1"])
    async with platform.container("events") as events:
        container = (await events.read())["_rid"]
    database = base64.b64encode(base64.b64decode(container)[:4]).decode()
    looked_for = f"sample-127.0.0.1_{database}_{container}.."
    theirs: list[dict[str, Any]] = [
        {"id": f"{looked_for[:-2]}.info"},
        {
            "id": f"{looked_for}0",
            "version": 0,
            "LeaseToken": "0",
            "FeedRange": {"Range": {"min": "", "max": "FF"}},
            "Owner": "e7d9c3f1",
            "ContinuationToken": '"7"',
            "properties": {},
            "timestamp": "2999-01-01T00:00:00.0000000Z",
            "Mode": "Incremental Feed",
        },
    ]
    async with platform.container("leases") as leases:
        for lease in theirs:
            await leases.create_item(lease)

    await platform.write("b")
    async with sample(platform):
        await platform.record.until(lambda record: record.changes() == ["a:1", "b:1"])

    found = {lease["id"]: lease for lease in await platform.leases()}
    assert [name for name in found if name.startswith(looked_for)] == [theirs[1]["id"]]
    assert found[theirs[1]["id"]]["Owner"] == "e7d9c3f1"


async def test_a_refused_page_is_tried_again_and_again_and_noted_only_in_the_end(platform: Platform) -> None:
    refuse = platform.folder / "record.refuse"
    refuse.touch()
    await platform.write("a")

    async with sample(platform):
        await platform.record.until(lambda record: record.all("retry")[:3] == [0, 1, 2])
        assert {lease["ContinuationToken"] for lease in await platform.leases()} == {None}
        refuse.unlink()
        await platform.record.until(lambda record: len(record.all("retry")) >= 4)

    assert set(platform.record.changes()) == {"a:1"}


async def test_services_that_go_away_and_come_back_are_found_again(platform: Platform) -> None:
    async with sample(platform) as host:
        await platform.stop()
        said = sorted([(await host.says()).split(": ")[1] for _ in range(3)])

        await platform.start()
        await platform.write("a")
        await platform.send({})

        await platform.record.until(lambda record: record.changes() == ["a:1"] and record.all("done") == ["m0"])
    assert said == ["on_change", "on_change", "on_message"]  # one line for each of the two ranges


async def test_a_lock_is_renewed_for_a_function_that_takes_longer_than_it(short_locks: Platform) -> None:
    await short_locks.send({"takes_s": 6})

    async with sample(short_locks):
        await short_locks.record.until(lambda record: record.all("done") == ["m0"])
        await until(lambda: short_locks.waiting() == 0)

    assert short_locks.record.all("delivery") == [1]


async def test_the_ready_line_means_that_every_trigger_listens(platform: Platform) -> None:
    async with sample(platform) as host:
        leases = await platform.leases()
        async with aiohttp.ClientSession() as session, session.get(f"{host.url}/api/slow?s=0") as response:
            assert response.status == 200

    assert {lease["Owner"] is not None for lease in leases} == {True}
    assert platform.record.all("timer") == [False]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        pytest.param(
            {"SUBSCRIPTION": "nowhere"},
            "on_message: no Service Bus entity is named payment-created/nowhere",
            id="subscription",
        ),
        pytest.param({"LEASES": "nowhere"}, "on_change: there is no lease container nowhere", id="lease container"),
        pytest.param({"EVENTS": "nowhere"}, "on_change: there is no container nowhere", id="container"),
    ],
)
async def test_what_does_not_exist_is_refused_by_name(
    platform: Platform, settings: Mapping[str, str], named: str
) -> None:
    host = await spawn(APPS / "sample", settings={**platform.settings, **settings})

    assert await host.ended() == 1
    assert f"the local host cannot start: {named}" in host.log


async def test_two_hosts_share_the_messages_of_a_subscription(platform: Platform) -> None:
    async with sample(platform, "--host-id", "one"), sample(platform, "--host-id", "two") as second:
        assert "held by host one" in await second.says()
        await platform.send(*({} for _ in range(50)))

        await platform.record.until(lambda record: len(record.all("done")) >= 50)

    assert sorted(platform.record.all("done")) == sorted(f"m{n}" for n in range(50))


async def test_feeds_that_connect_at_once_share_one_client(platform: Platform) -> None:
    account = Account(Connection("CosmosConnection", connection_string=platform.settings["CosmosConnection"]))

    clients = await asyncio.gather(*(account.client() for _ in range(3)))

    assert len(set(map(id, clients))) == 1
    await account.close()
