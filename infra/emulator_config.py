"""Writes the Service Bus emulator's configuration from infra/topology.json: `python infra/emulator_config.py`.

The emulator is smaller than the service. What it cannot do is brought within its limits, and each such change is
printed, so that nobody takes a run on the emulator for more than it is. Knows nothing of the app.

The limits: https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator and Config-schema.json in
https://github.com/Azure/azure-service-bus-emulator-installer.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.externals import topics_of

INFRA = Path(__file__).resolve().parent
TOPOLOGY = INFRA / "topology.json"
CONFIG = INFRA / "emulators" / "servicebus-config.json"

NAMESPACE = "sbemulatorns"
"""The only name that the emulator knows."""

MAX_ENTITIES = 50
MAX_SUBSCRIPTIONS = 50
WINDOW = ("PT5S", "PT5M")
LOCK = ("PT1M", "PT5M")
TIME_TO_LIVE = "PT1H"
MAX_DELIVERY_COUNT = 10

RULE = "addressed"
"""The emulator refuses names that begin with a dollar sign; a subscription with rules gets no match-all one there."""

PLACEHOLDER = "nobody"
"""The emulator refuses a topic without subscriptions. This one takes no message."""

type Json = dict[str, Any]


class OverLimit(ValueError):
    """The topology needs more than the emulator has, and less of it would be something else."""


def generate(topology: Json) -> tuple[Json, list[str]]:
    """The configuration, and what had to be changed. Targets of forwarding come first: they must exist.

    Raises OverLimit, and ExternalRefused for another component's subscription that cannot be.
    """
    declared = topics_of(topology)
    if len(declared) > MAX_ENTITIES:
        raise OverLimit(f"{len(declared)} topics; the emulator has room for {MAX_ENTITIES}")
    targets = {each["forwardDeadLetteredMessagesTo"] for topic in declared for each in topic["subscriptions"]}
    changes = [f"every entity: no time to live -> {TIME_TO_LIVE}, the emulator's maximum"]
    topics = [_topic(each, changes) for each in sorted(declared, key=lambda topic: topic["name"] not in targets)]
    namespace = {"Name": NAMESPACE, "Queues": [], "Topics": topics}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "Console"}}}, changes


def _topic(declared: Json, changes: list[str]) -> Json:
    name, window = declared["name"], declared["duplicateDetectionWindow"]
    subscriptions = declared["subscriptions"]
    if len(subscriptions) > MAX_SUBSCRIPTIONS:
        raise OverLimit(f"{name} has {len(subscriptions)} subscriptions; the emulator takes {MAX_SUBSCRIPTIONS}")
    properties: Json = {"DefaultMessageTimeToLive": TIME_TO_LIVE, "RequiresDuplicateDetection": window is not None}
    if window is not None:
        what = f"{name}: duplicate detection window"
        properties["DuplicateDetectionHistoryTimeWindow"] = _within(window, WINDOW, what=what, changes=changes)
    if not subscriptions:
        changes.append(f"{name}: no subscription -> {PLACEHOLDER}, which takes no message; the emulator wants one")
    return {
        "Name": name,
        "Properties": properties,
        "Subscriptions": [_subscription(name, each, changes=changes) for each in subscriptions] or [_placeholder()],
    }


def _subscription(topic: str, declared: Json, *, changes: list[str]) -> Json:
    place = f"{topic}/{declared['name']}"
    changes.append(f"{place}: rule $Default -> {RULE}, with the same filter; the emulator takes no name with a $")
    changes.append(f"{place}: dead-lettering on filter errors is left out; the emulator has no such setting")
    lock = _within(declared["lockDuration"], LOCK, what=f"{place}: lock duration", changes=changes)
    if "timeToLive" in declared:
        changes.append(f"{place}: time to live {declared['timeToLive']} -> {TIME_TO_LIVE}, the emulator's maximum")
    deliveries = min(declared["maxDeliveryCount"], MAX_DELIVERY_COUNT)
    if deliveries < declared["maxDeliveryCount"]:
        changes.append(f"{place}: {declared['maxDeliveryCount']} deliveries -> {deliveries}, the emulator's maximum")
    properties: Json = {
        "DeadLetteringOnMessageExpiration": "timeToLive" not in declared,
        "DefaultMessageTimeToLive": TIME_TO_LIVE,
        "LockDuration": lock,
        "MaxDeliveryCount": deliveries,
        "RequiresSession": False,
    }
    if declared["forwardDeadLetteredMessagesTo"]:
        properties["ForwardDeadLetteredMessagesTo"] = declared["forwardDeadLetteredMessagesTo"]
    return {"Name": declared["name"], "Properties": properties, "Rules": [_rule(declared["rule"])]}


def _placeholder() -> Json:
    properties = {"DefaultMessageTimeToLive": TIME_TO_LIVE, "LockDuration": LOCK[0], "MaxDeliveryCount": 1}
    return {"Name": PLACEHOLDER, "Properties": properties, "Rules": [_rule("1=0")]}


def _rule(expression: str) -> Json:
    return {"Name": RULE, "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": expression}}}


def _within(wanted: str, limits: tuple[str, str], *, what: str, changes: list[str]) -> str:
    """`wanted`, or the limit that it breaks."""
    least, most = limits
    if duration(wanted) > duration(most):
        changes.append(f"{what} {wanted} -> {most}, the emulator's maximum")
        return most
    if duration(wanted) < duration(least):
        changes.append(f"{what} {wanted} -> {least}, the emulator's minimum")
        return least
    return wanted


def duration(text: str) -> timedelta:
    """ISO 8601, days to seconds. Raises ValueError for anything else."""
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration such as PT1M")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def text_of(config: Json) -> str:
    """As it lies in the repository."""
    return json.dumps(config, indent=2) + "\n"


def main() -> int:
    config, changes = generate(json.loads(TOPOLOGY.read_text()))
    CONFIG.write_text(text_of(config))
    for change in changes:
        print(change)
    print(f"wrote {CONFIG.relative_to(INFRA.parent)}: {len(changes)} changes to fit the emulator")
    return 0


if __name__ == "__main__":
    sys.exit(main())
