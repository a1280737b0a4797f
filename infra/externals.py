"""The subscriptions of other components that infra/topology.json declares, as subscriptions of their topics.

What is left out has the values of infra/modules/servicebus.bicep. Imports nothing of the app.
"""

import re
from typing import Any

RULE = "sys.To IS NULL"
"""What is for everybody, and nothing that is addressed to one step."""

LOCK, DELIVERIES, TIME_TO_LIVE = "PT1M", 10, "P14D"
"""What nobody reads must not fill the topic for ever: nobody could send there then, and payments would wait."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?")
_FIELDS = {"topic", "name", "lockDuration", "maxDeliveryCount", "timeToLive"}

type Json = dict[str, Any]


class ExternalRefused(ValueError):
    """The declaration of another component's subscription cannot be had; the message says why."""


def topics_of(topology: Json) -> list[Json]:
    """The topics, each with the subscriptions of other components after the steps' own. Raises ExternalRefused."""
    bus = topology["serviceBus"]
    topics: list[Json] = [{**topic, "subscriptions": list(topic["subscriptions"])} for topic in bus["topics"]]
    by_name = {topic["name"]: topic for topic in topics}
    for declared in bus.get("externalSubscriptions", []):
        _refuse_what_cannot_be(declared, by_name)
        by_name[declared["topic"]]["subscriptions"].append(_subscription(declared))
    return topics


def _refuse_what_cannot_be(declared: Json, topics: dict[str, Json]) -> None:
    place = f"{declared.get('topic')}/{declared.get('name')}"
    if unknown := sorted(set(declared) - _FIELDS):
        raise ExternalRefused(f"{place}: {', '.join(unknown)} is not among {', '.join(sorted(_FIELDS))}")
    topic = topics.get(str(declared.get("topic")))
    if topic is None:
        raise ExternalRefused(f"{place}: there is no such topic; there are {', '.join(topics)}")
    if topic.get("internal"):
        raise ExternalRefused(f"{place}: what goes there is for this app alone, and is in no contract")
    if not _NAME.fullmatch(str(declared.get("name", ""))):
        raise ExternalRefused(f"{place}: a name has up to 50 letters, digits, points and dashes")
    if any(each["name"].lower() == declared["name"].lower() for each in topic["subscriptions"]):
        raise ExternalRefused(f"{place}: the topic has a subscription of that name")


def _subscription(declared: Json) -> Json:
    return {
        "name": declared["name"],
        "rule": RULE,
        "lockDuration": declared.get("lockDuration", LOCK),
        "maxDeliveryCount": declared.get("maxDeliveryCount", DELIVERIES),
        "timeToLive": declared.get("timeToLive", TIME_TO_LIVE),
        "forwardDeadLetteredMessagesTo": None,
    }
