"""The `serviceBus` part of the topology file, as topics and subscriptions. Knows no message.

Beside what the shipped topology says, a test may give: `defaultMessageTimeToLive` and `maxMessages` on a topic,
`defaultMessageTimeToLive` and `deadLetteringOnMessageExpiration` on a subscription.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.azure.servicebus.entities import Queue, Subscription, Topic
from local.azure.servicebus.filters import compile_rule

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


_OF_EXTERNALS = {"topic", "name", "lockDuration", "maxDeliveryCount", "timeToLive"}


class TopologyError(ValueError):
    """The topology says something that this broker cannot be."""


def duration_ms(text: str | None) -> int | None:
    """ISO 8601 (days to seconds) in milliseconds; None stays None."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise TopologyError(f"{text!r} is not a duration such as PT1M")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)


def load(topology: Path | Mapping[str, object]) -> dict[str, Topic]:
    """Topics by their name in lower case. A file, or what a file would hold."""
    declared = json.loads(topology.read_text()) if isinstance(topology, Path) else topology
    part: Any = declared["serviceBus"]
    topics = [_topic(one) for one in part["topics"]]
    by_name = {topic.name.lower(): topic for topic in topics}
    if len(by_name) < len(topics):
        raise TopologyError("a topic is declared twice")
    open_to_others = {topic.name: topic for topic in topics if topic.name.lower() not in _internal(part["topics"])}
    for one in part.get("externalSubscriptions", []):
        _add_external(one, open_to_others)
    return by_name


def _internal(topics: Iterable[Mapping[str, object]]) -> set[str]:
    return {str(topic["name"]).lower() for topic in topics if topic.get("internal")}


def _add_external(declared: Mapping[str, object], topics: Mapping[str, Topic]) -> None:
    """One of another component, as infra/modules/servicebus.bicep makes it. Raises TopologyError."""
    place = f"{declared.get('topic')}/{declared.get('name')}"
    if unknown := sorted(set(declared) - _OF_EXTERNALS):
        raise TopologyError(f"{place}: {', '.join(unknown)} is not among {', '.join(sorted(_OF_EXTERNALS))}")
    topic = topics.get(str(declared.get("topic")))
    if topic is None:
        raise TopologyError(f"{place}: there is no topic of events of that name")
    if any(one.name.lower() == str(declared.get("name")).lower() for one in topic.subscriptions):
        raise TopologyError(f"{place}: the topic has a subscription of that name")
    as_one_of_ours = {
        **declared,
        "rule": "sys.To IS NULL",
        "defaultMessageTimeToLive": declared.get("timeToLive", "P14D"),
        "deadLetteringOnMessageExpiration": False,
    }
    topic.subscriptions.append(_subscription(topic, as_one_of_ours))


def _topic(declared: Mapping[str, object]) -> Topic:
    quota = declared.get("maxMessages")
    topic = Topic(
        name=str(declared["name"]),
        window_ms=duration_ms(_text(declared.get("duplicateDetectionWindow"))),
        default_ttl_ms=duration_ms(_text(declared.get("defaultMessageTimeToLive"))),
        max_messages=quota if isinstance(quota, int) else None,
    )
    topic.scheduled = Queue(topic.name, topic)
    subscriptions = declared.get("subscriptions", [])
    for one in subscriptions if isinstance(subscriptions, list) else []:
        topic.subscriptions.append(_subscription(topic, one))
    return topic


def _subscription(topic: Topic, declared: Mapping[str, object]) -> Subscription:
    name = str(declared["name"])
    try:
        matches = compile_rule(str(declared.get("rule", "1=1")))
    except ValueError as exc:
        raise TopologyError(f"the rule of {topic.name}/{name} is refused: {exc}") from exc
    expired = declared.get("deadLetteringOnMessageExpiration", True)
    subscription = Subscription(
        name=name,
        matches=matches,
        max_delivery_count=int(str(declared.get("maxDeliveryCount", 10))),
        forward_dead_letters_to=_text(declared.get("forwardDeadLetteredMessagesTo")),
        default_ttl_ms=duration_ms(_text(declared.get("defaultMessageTimeToLive"))),
        dead_letters_expired=bool(expired),
    )
    lock_ms = duration_ms(_text(declared.get("lockDuration"))) or 60_000
    address = f"{topic.name}/Subscriptions/{name}"
    subscription.queue = Queue(address, topic, subscription, lock_ms=lock_ms)
    subscription.dead = Queue(f"{address}/$DeadLetterQueue", topic, lock_ms=lock_ms)
    return subscription


def _text(value: object) -> str | None:
    return None if value is None else str(value)
