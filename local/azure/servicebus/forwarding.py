"""Where dead letters go: to the topic that takes them, as soon as it exists and has room.

Knows no protocol and no clock. How a message dies is `state.py`.
"""

import asyncio

from local.azure.servicebus.entities import Entry, Subscription, Topic
from local.azure.servicebus.intake import Intake
from local.azure.servicebus.journal import Journal, Unit

HOP_LIMIT = 4
"""A message is forwarded at most this often; the service's own limit."""


class Forwarding:
    """The dead letters that wait to be forwarded."""

    def __init__(self, topics: dict[str, Topic], journal: Journal, *, intake: Intake) -> None:
        self._topics = topics
        self._journal = journal
        self._intake = intake
        self._waiting: dict[str, list[Entry]] = {}
        """By the name of the topic that has to exist or to have room."""

    def target(self, subscription: Subscription) -> Topic | None:
        """Where dead letters go at this moment; None when nowhere, or when they have to wait."""
        target = self._topics.get((subscription.forward_dead_letters_to or "").lower())
        return target if target is not None and not target.is_full else None

    def is_wanted(self, entry: Entry) -> bool:
        """Whether it lies in a dead-letter queue and still has to be forwarded."""
        return self._died_in(entry) is not None

    def wait(self, entry: Entry) -> None:
        """Forward a dead letter that is wanted elsewhere, now or when that is possible."""
        subscription = self._died_in(entry)
        name = (subscription.forward_dead_letters_to or "").lower() if subscription else ""
        self._waiting.setdefault(name, []).append(entry)
        if name in self._topics:
            self._forward_waiting(self._topics[name])

    def commit(self, unit: Unit, topic: Topic) -> asyncio.Future[None]:
        """Commit something that may have made room in the topic."""
        durable = unit.commit()
        self._forward_waiting(topic)
        return durable

    def _died_in(self, entry: Entry) -> Subscription | None:
        """The subscription in which a dead letter died that still has to be forwarded."""
        for subscription in entry.queue.topic.subscriptions:
            wanted = subscription.forward_dead_letters_to is not None and entry.hops < HOP_LIMIT
            if subscription.dead is entry.queue and wanted:
                return subscription
        return None

    def _forward_waiting(self, topic: Topic) -> None:
        waiting = self._waiting.get(topic.name.lower(), [])
        while waiting and not topic.is_full:
            entry, unit = waiting.pop(0), Unit(self._journal)
            subscription = self._died_in(entry)
            if subscription is None:
                continue
            subscription.queue.counts["forwarded"] += 1
            entry.queue.remove(entry)
            self._intake.forward(unit, entry, topic=topic, source=subscription.queue.name)
            self.commit(unit, entry.queue.topic)
