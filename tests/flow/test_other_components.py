"""Other components subscribe to the same topics: what they see of our retries and replays, and what they never see.

Whatever they see is as the contract says.
"""

import json
from pathlib import Path
from typing import Any

from shared.adapters.servicebus.wire import delivery_of
from shared.flow import TOPIC_OF
from tests.contracted import hold_event
from tests.facts import COMPLETED
from tests.flow.kit.world import World, a_world
from tests.topologies import OPEN, OTHER_COMPONENTS, QUIET, changed_topology


async def arrived(world: World, subscription: str) -> list[dict[str, Any]]:
    """The CloudEvents that lie there, over all topics."""
    events = []
    for topic in world.bus.broker.topics.values():
        if any(one.name == subscription for one in topic.subscriptions):
            queue = world.bus.queue(f"{topic.name}/{subscription}")
            while (taken := await world.bus.take(queue)) is not None:
                event = json.loads(delivery_of(taken.message, queue=subscription).body)
                hold_event(event)
                events.append(event)
                await world.bus.complete(taken)
    return events


def with_others(folder: Path) -> Path:
    return changed_topology(folder, more_subscriptions=OTHER_COMPONENTS)


async def retried_and_replayed(world: World) -> str:
    payment_id = await world.accept("pm_settle_down")
    await world.run()
    await world.backends.tell_provider("/repair")
    await world.replay_all()
    await world.run()
    assert await world.events(payment_id) == COMPLETED
    return payment_id


async def ids_of(world: World, payment_id: str) -> list[str]:
    """The events that others are told of."""
    return [each.event_id for each in await world.stream(payment_id) if type(each.event) in TOPIC_OF]


async def test_one_with_the_documented_rule_sees_every_event_once_and_never_a_retry(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", topology=with_others(tmp_path)) as world:
        payment_id = await retried_and_replayed(world)

        seen = await arrived(world, QUIET)

        assert sorted(event["id"] for event in seen) == await ids_of(world, payment_id)


async def test_one_without_a_rule_sees_repeats_of_the_same_id_only(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", topology=with_others(tmp_path)) as world:
        payment_id = await retried_and_replayed(world)

        seen = await arrived(world, OPEN)

        assert {event["id"] for event in seen} == {*await ids_of(world, payment_id)}
        repeats = [event for event in seen if event["id"] == f"{payment_id}:2"]
        assert len(repeats) == 6, "the first, three retries, the replay, and its copy that is quiet"
        assert {(event["type"], event["time"]) for event in repeats} == {(repeats[0]["type"], repeats[0]["time"])}
        first, *retries, resumed, copy = [event["data"] for event in repeats]
        assert all(data == first for data in retries)
        assert copy == resumed
        changed = {name for name in resumed if resumed[name] != first.get(name)}
        assert changed == {"version", "waiting"}, "the payment as it now is, and not why it waits"
        assert resumed["waiting"] == ["settle"]


async def test_what_others_see_is_public_only(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", topology=with_others(tmp_path)) as world:
        await world.accept("pm_ok", notify="ok")
        await world.run()

        seen = await arrived(world, QUIET)

        assert {event["specversion"] for event in seen} == {"1.0"}
        fields = {name for event in seen for name in event["data"]}
        assert not fields & {"description", "metadata", "request_fingerprint"}
