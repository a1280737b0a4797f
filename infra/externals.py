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
_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?")
_MOST_DELIVERIES = 2000
_LOCKS, _LIVES = (5, 300), (300, 90 * 86_400)
"""Seconds. What is kept for longer than a season, nobody reads."""
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


def _refuse_what_cannot_be(declared: Any, topics: dict[str, Json]) -> None:  # noqa: ANN401 - whatever stands there
    if not isinstance(declared, dict):
        raise ExternalRefused(f"{declared!r} is no subscription: it has a topic and a name")
    place = f"{declared.get('topic')}/{declared.get('name')}"
    if unknown := sorted(set(declared) - _FIELDS):
        raise ExternalRefused(f"{place}: {', '.join(unknown)} is not among {', '.join(sorted(_FIELDS))}")
    topic = topics.get(str(declared.get("topic")))
    if topic is None:
        raise ExternalRefused(f"{place}: there is no such topic; there are {', '.join(topics)}")
    if topic.get("internal"):
        raise ExternalRefused(f"{place}: what goes there is for this app alone, and is in no contract")
    if not (isinstance(declared.get("name"), str) and _NAME.fullmatch(declared["name"])):
        raise ExternalRefused(f"{place}: a name has up to 50 letters, digits, points and dashes")
    if any(each["name"].lower() == declared["name"].lower() for each in topic["subscriptions"]):
        raise ExternalRefused(f"{place}: the topic has a subscription of that name")
    _refuse_numbers_that_cannot_be(declared, place=place)


def _refuse_numbers_that_cannot_be(declared: Json, *, place: str) -> None:
    """Azure would, in the middle of a deployment."""
    deliveries = declared.get("maxDeliveryCount", DELIVERIES)
    if type(deliveries) is not int or not 1 <= deliveries <= _MOST_DELIVERIES:
        raise ExternalRefused(f"{place}: maxDeliveryCount is a whole number from 1 to {_MOST_DELIVERIES}")
    for name, usual, (least, most) in (("lockDuration", LOCK, _LOCKS), ("timeToLive", TIME_TO_LIVE, _LIVES)):
        if not least <= _seconds(declared.get(name, usual)) <= most:
            raise ExternalRefused(f"{place}: {name} is an ISO 8601 duration of {least} to {most} seconds")


def _seconds(duration: object) -> int:
    """-1 for what is none."""
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        return -1
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _subscription(declared: Json) -> Json:
    return {
        "name": declared["name"],
        "rule": RULE,
        "lockDuration": declared.get("lockDuration", LOCK),
        "maxDeliveryCount": declared.get("maxDeliveryCount", DELIVERIES),
        "timeToLive": declared.get("timeToLive", TIME_TO_LIVE),
        "forwardDeadLetteredMessagesTo": None,
    }
