"""Other components' subscriptions stand in infra/topology.json, and nothing else has to be changed for them."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import bicep_check, rules
from infra.bicep_check import CompilerMissing
from infra.emulator_config import generate
from infra.externals import ExternalRefused, topics_of
from local.azure.servicebus.topology import TopologyError, load
from shared import flow
from tests.topologies import declared

ROOT = Path(__file__).parents[2]
NONE = '"externalSubscriptions": []'
TWO: list[dict[str, Any]] = [
    {"topic": "payment-settled", "name": "daily-totals"},
    {
        "topic": "payment-voided",
        "name": "warehouse",
        "lockDuration": "PT30S",
        "maxDeliveryCount": 3,
        "timeToLive": "P1D",
    },
]
WITHOUT_A_COMPILER = [
    "tests/unit/test_agreement.py",
    "tests/unit/test_map.py",
    "tests/unit/test_docs_events.py",
    "tests/infra/test_emulator_config.py",
    "tests/infra/test_rules.py",
]
WITH_ONE = ["tests/infra/test_infra.py", "tests/infra/test_snapshots.py"]


def with_externals(*externals: dict[str, Any]) -> dict[str, Any]:
    topology = declared()
    topology["serviceBus"]["externalSubscriptions"] = list(externals)
    return topology


@pytest.mark.timeout(300)
def test_what_is_declared_in_the_topology_needs_no_other_change(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    topology = copy / "infra" / "topology.json"
    shipped = topology.read_text()
    topology.write_text(shipped.replace(NONE, NONE.replace("[]", json.dumps(TWO))))
    assert NONE in shipped

    run(copy, "infra/emulator_config.py")
    tests = [*WITHOUT_A_COMPILER, *made_anew(copy)]
    done = run(copy, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)

    assert done.returncode == 0, done.stdout[-4000:]


def made_anew(copy: Path) -> list[str]:
    """What Azure would have, written again by Microsoft's compiler where it is; then its tests hold too."""
    try:
        bicep_check.find(os.environ)
    except CompilerMissing:
        return []
    assert run(copy, "infra/snapshots.py", "--write").returncode == 0
    return WITH_ONE


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_the_local_broker_has_them_with_the_rule_for_other_components() -> None:
    topics = load(with_externals(*TWO))

    totals, warehouse = (topics[each["topic"]].subscriptions[-1] for each in TWO)

    assert (totals.name, totals.max_delivery_count, totals.default_ttl_ms) == ("daily-totals", 10, 14 * 86_400_000)
    assert (warehouse.max_delivery_count, warehouse.default_ttl_ms) == (3, 86_400_000)
    for each in (totals, warehouse):
        assert each.forward_dead_letters_to is None
        assert not each.dead_letters_expired


def test_the_emulator_has_them_within_its_limits() -> None:
    config, changes = generate(with_externals(*TWO))

    topics = {topic["Name"]: topic for topic in config["UserConfig"]["Namespaces"][0]["Topics"]}
    (warehouse,) = topics["payment-voided"]["Subscriptions"]
    assert warehouse["Rules"][0]["Properties"]["SqlFilter"] == {"SqlExpression": "sys.To IS NULL"}
    assert warehouse["Properties"]["LockDuration"] == "PT1M"
    assert not warehouse["Properties"]["DeadLetteringOnMessageExpiration"]
    assert "payment-voided/warehouse: time to live P1D -> PT1H, the emulator's maximum" in changes


def test_the_check_of_a_deployment_wants_them_there() -> None:
    topology = with_externals(*TWO)
    there = {
        topic["name"]: {each["name"]: each["rule"] for each in topic["subscriptions"]} for topic in topics_of(topology)
    }
    assert compared(topology, there).faults == []

    there["payment-settled"]["daily-totals"] = "1=1"
    del there["payment-voided"]["warehouse"]

    assert compared(topology, there).faults == [
        "payment-settled/daily-totals: {'$Default': '1=1'}; should be {'$Default': 'sys.To IS NULL'}",
        "payment-voided/warehouse: missing",
    ]


def compared(topology: dict[str, Any], there: dict[str, dict[str, str]]) -> rules.Found:
    def ask(*words: str) -> list[dict[str, Any]]:
        given = dict(itertools.pairwise(words))
        if words[:3] == ("servicebus", "topic", "list"):
            return [{"name": name} for name in there]
        subscriptions = there[given["--topic-name"]]
        if "rule" in words:
            return [{"name": "$Default", "sqlFilter": {"sqlExpression": subscriptions[given["--subscription-name"]]}}]
        return [{"name": name} for name in subscriptions]

    return rules.compared(topology, resource_group="rg", namespace="bus", ask=ask)


@pytest.mark.parametrize(
    ("external", "why"),
    [
        ({"topic": "payment-paid", "name": "a"}, "no such topic; there are payment-initiated"),
        ({"topic": "payment-dead-letters", "name": "a"}, "for this app alone"),
        ({"topic": "payment-notices", "name": "a"}, "for this app alone"),
        ({"topic": "payment-settled", "name": "notify"}, "has a subscription of that name"),
        ({"topic": "payment-settled", "name": "NOTIFY"}, "has a subscription of that name"),
        ({"topic": "payment-settled", "name": "a/b"}, "a name has up to 50"),
        ({"topic": "payment-settled", "name": "a" * 51}, "a name has up to 50"),
        ({"topic": "payment-settled"}, "a name has up to 50"),
        ({"topic": "payment-settled", "name": "a", "rule": "1=1"}, "rule is not among"),
        ({"topic": "payment-settled", "name": 123}, "a name has up to 50"),
        ("payment-settled/a", "is no subscription"),
        ({"topic": "payment-settled", "name": "a", "maxDeliveryCount": 0}, "a whole number from 1 to 2000"),
        ({"topic": "payment-settled", "name": "a", "maxDeliveryCount": True}, "a whole number from 1 to 2000"),
        ({"topic": "payment-settled", "name": "a", "lockDuration": "PT10M"}, "5 to 300 seconds"),
        ({"topic": "payment-settled", "name": "a", "timeToLive": "banana"}, "an ISO 8601 duration"),
        ({"topic": "payment-settled", "name": "a", "timeToLive": "P99999D"}, "an ISO 8601 duration"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(external: dict[str, Any], why: str) -> None:
    with pytest.raises(ExternalRefused, match=why):
        topics_of(with_externals(external))


def test_just_the_topics_that_are_in_the_contract_are_open_to_others() -> None:
    topics = declared()["serviceBus"]["topics"]

    assert {topic["name"] for topic in topics if not topic.get("internal")} == set(flow.TOPIC_OF.values())


def test_the_same_one_twice_is_refused() -> None:
    with pytest.raises(ExternalRefused, match="has a subscription of that name"):
        topics_of(with_externals(TWO[0], TWO[0]))


@pytest.mark.parametrize(
    "external",
    [
        {"topic": "payment-settled", "name": "a", "rule": "1=1"},
        {"topic": "Payment-settled", "name": "a"},
        {"topic": "payment-notices", "name": "a"},
        {"topic": "payment-paid", "name": "a"},
        {"topic": "payment-settled", "name": "notify"},
    ],
)
def test_the_local_broker_refuses_them_too(external: dict[str, Any]) -> None:
    with pytest.raises(TopologyError):
        load(with_externals(external))
