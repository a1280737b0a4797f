"""The Service Bus emulator's committed configuration: the topology, within what the emulator can do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.emulator_config import CONFIG, TOPOLOGY, OverLimit, duration, generate, text_of
from infra.externals import topics_of as topics_of_all

ROOT = Path(__file__).resolve().parents[2]

TOPOLOGY_HELD: dict[str, Any] = json.loads(TOPOLOGY.read_text())
COMMITTED: dict[str, Any] = json.loads(CONFIG.read_text())


def namespace_of(config: dict[str, Any]) -> dict[str, Any]:
    (namespace,) = config["UserConfig"]["Namespaces"]
    return dict(namespace)


def topics_of(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {topic["Name"]: topic for topic in namespace_of(config)["Topics"]}


def subscriptions_of(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}/{each['Name']}": each for name, topic in topics_of(config).items() for each in topic["Subscriptions"]
    }


def one_topic(**changes: object) -> dict[str, Any]:
    """A topology of one topic with one subscription, within all limits but for the changes."""
    subscription = {
        "name": "create",
        "rule": "1=1",
        "lockDuration": "PT1M",
        "maxDeliveryCount": 10,
        "forwardDeadLetteredMessagesTo": None,
    }
    inner = {name: changes.pop(name) for name in list(changes) if name in subscription}
    topic = {"name": "paid", "duplicateDetectionWindow": None, "subscriptions": [subscription | inner]}
    return {"serviceBus": {"topics": [topic | changes]}}


def test_what_is_committed_is_what_the_generator_gives() -> None:
    config, _ = generate(TOPOLOGY_HELD)

    assert text_of(config) == CONFIG.read_text(), "run: python infra/emulator_config.py"


def test_every_topic_and_subscription_of_the_topology_is_there_with_its_filter() -> None:
    declared = {
        f"{topic['name']}/{each['name']}": each["rule"]
        for topic in topics_of_all(TOPOLOGY_HELD)
        for each in topic["subscriptions"]
    }

    there = {place: each for place, each in subscriptions_of(COMMITTED).items() if each["Name"] != "nobody"}

    assert topics_of(COMMITTED).keys() == {topic["name"] for topic in TOPOLOGY_HELD["serviceBus"]["topics"]}
    assert {place: rule_of(each) for place, each in there.items()} == declared


def rule_of(subscription: dict[str, Any]) -> str:
    (rule,) = subscription["Rules"]
    assert rule["Properties"]["FilterType"] == "Sql"
    return str(rule["Properties"]["SqlFilter"]["SqlExpression"])


def test_the_namespace_has_the_only_name_the_emulator_knows_and_both_lists() -> None:
    namespace = namespace_of(COMMITTED)

    assert namespace["Name"] == "sbemulatorns"
    assert namespace["Queues"] == []
    assert len(namespace["Topics"]) <= 50


def test_every_topic_has_from_one_to_fifty_subscriptions() -> None:
    assert all(1 <= len(topic["Subscriptions"]) <= 50 for topic in topics_of(COMMITTED).values())


def test_nobody_takes_a_message_where_the_topology_has_no_subscription() -> None:
    placeholders = [each for each in subscriptions_of(COMMITTED).values() if each["Name"] == "nobody"]

    assert [rule_of(each) for each in placeholders] == ["1=0"] * sum(
        not topic["subscriptions"] for topic in topics_of_all(TOPOLOGY_HELD)
    )


def test_durations_and_counts_keep_the_limits_of_the_emulator() -> None:
    for topic in topics_of(COMMITTED).values():
        properties = topic["Properties"]
        assert duration("PT5M") <= duration(properties["DefaultMessageTimeToLive"]) <= duration("PT1H")
        if properties["RequiresDuplicateDetection"]:
            assert duration("PT5S") <= duration(properties["DuplicateDetectionHistoryTimeWindow"]) <= duration("PT5M")
    for subscription in subscriptions_of(COMMITTED).values():
        properties = subscription["Properties"]
        assert duration("PT5M") <= duration(properties["DefaultMessageTimeToLive"]) <= duration("PT1H")
        assert duration("PT1M") <= duration(properties["LockDuration"]) <= duration("PT5M")
        assert 1 <= properties["MaxDeliveryCount"] <= 10


def test_names_are_of_the_characters_the_emulator_takes() -> None:
    names = [*topics_of(COMMITTED), *(each["Name"] for each in subscriptions_of(COMMITTED).values())]
    names += [rule["Name"] for each in subscriptions_of(COMMITTED).values() for rule in each["Rules"]]

    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9]([\w./-]*[A-Za-z0-9])?", name)] == []


def test_a_target_of_forwarding_comes_before_whoever_forwards_to_it() -> None:
    order = list(topics_of(COMMITTED))
    forwards = [
        (place.split("/")[0], each["Properties"]["ForwardDeadLetteredMessagesTo"])
        for place, each in subscriptions_of(COMMITTED).items()
        if "ForwardDeadLetteredMessagesTo" in each["Properties"]
    ]

    assert forwards
    assert [pair for pair in forwards if order.index(pair[1]) > order.index(pair[0])] == []


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({"duplicateDetectionWindow": "P1D"}, "paid: duplicate detection window P1D -> PT5M, the emulator's maximum"),
        ({"duplicateDetectionWindow": "PT1S"}, "paid: duplicate detection window PT1S -> PT5S, the emulator's minimum"),
        ({"lockDuration": "PT10M"}, "paid/create: lock duration PT10M -> PT5M, the emulator's maximum"),
        ({"lockDuration": "PT30S"}, "paid/create: lock duration PT30S -> PT1M, the emulator's minimum"),
        ({"maxDeliveryCount": 2000}, "paid/create: 2000 deliveries -> 10, the emulator's maximum"),
        ({"subscriptions": []}, "paid: no subscription -> nobody, which takes no message; the emulator wants one"),
    ],
)
def test_what_is_beyond_a_limit_is_brought_within_it_and_reported(changes: dict[str, object], report: str) -> None:
    _, within = generate(one_topic())

    _, reported = generate(one_topic(**changes))

    assert set(reported) - set(within) == {report}


def test_more_topics_than_the_emulator_has_room_for_are_refused() -> None:
    topic = one_topic()["serviceBus"]["topics"][0]
    many = [topic | {"name": f"topic-{number}"} for number in range(51)]

    with pytest.raises(OverLimit, match="51 topics"):
        generate({"serviceBus": {"topics": many}})


def test_the_sample_settings_call_nothing_fresh_that_the_emulator_has_forgotten() -> None:
    """A repeat of the feed that is older than the window and younger than FRESH_S would be taken at its word."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    windows = [
        duration(topic["Properties"]["DuplicateDetectionHistoryTimeWindow"]).total_seconds()
        for topic in topics_of(COMMITTED).values()
        if topic["Properties"]["RequiresDuplicateDetection"]
    ]

    assert float(values.get("FRESH_S", "3000")) < min(windows), 'local.settings.sample.json needs "FRESH_S": "240"'


def test_the_host_names_and_ports_of_the_sample_settings_are_those_that_compose_publishes() -> None:
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    compose = (ROOT / "compose.yaml").read_text()
    published = set(re.findall(r'"127\.0\.0\.1:(\d+):\1"', compose))

    cosmos = dict(part.split("=", 1) for part in values["CosmosConnection"].split(";") if part)
    bus = dict(part.split("=", 1) for part in values["ServiceBusConnection"].split(";") if part)

    assert cosmos["AccountEndpoint"] == "http://localhost:8081/"
    assert re.findall(r"^ +PROTOCOL: (\w+)", compose, re.MULTILINE) == ["http"]
    assert bus["Endpoint"] == "sb://localhost"
    assert bus["UseDevelopmentEmulator"] == "true"
    assert values["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"
    assert {"8081", "5672", "10000", "10001", "10002"} <= published


MOST_CONNECTIONS = 10
"""Of the emulator, in all; the eleventh is refused."""


def connections_of_the_app() -> int:
    """With the sample's settings: the senders, and one each for the host, for a ping and for a drain.

    That a process has no more than that is held by tests/contract/test_few_senders.py.
    """
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    topics = len(TOPOLOGY_HELD["serviceBus"]["topics"])
    return min(int(values.get("SERVICEBUS_SENDERS", topics)), topics) + 3


def test_the_app_and_the_host_leave_one_of_the_ten_connections_of_the_emulator_to_the_smoke_test() -> None:
    assert connections_of_the_app() == MOST_CONNECTIONS - 1


def test_the_page_about_the_emulator_says_how_many_connections_are_used() -> None:
    page = (ROOT / "docs" / "local.md").read_text()
    senders = connections_of_the_app() - 3

    assert f"`SERVICEBUS_SENDERS` is {senders} in the sample, for {len(topics_of(COMMITTED))} topics" in page
    assert f"the app uses up to {connections_of_the_app()}." in page
