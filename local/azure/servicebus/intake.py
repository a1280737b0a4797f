"""How messages come into topics: duplicate detection, schedule, rules, copies for subscriptions.

Knows no protocol and reads no clock: the time comes in. What happens to a message once it is in a queue is `state.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from local.azure.servicebus.entities import Body, Entry, Envelope, MessageState, Subscription, Topic
from local.azure.servicebus.errors import MessageNotFound, QuotaExceeded
from local.azure.servicebus.faults import Faults
from local.azure.servicebus.journal import Unit
from local.azure.servicebus.taps import Taps


@dataclass(slots=True)
class Intake:
    """`show` makes an entry visible in its queue once it is durable."""

    read: Callable[[bytes], Envelope]
    now_ms: Callable[[], int]
    show: Callable[[Entry], None]
    faults: Faults
    body_ids: "count[int]"
    entry_ids: "count[int]"
    taps: Taps

    def accept(self, unit: Unit, topic: Topic, *, payloads: Sequence[bytes]) -> list[int]:
        """Take messages in; the sequence number of each that is scheduled, 0 for those that are not."""
        if topic.is_full:
            raise QuotaExceeded(f"topic {topic.name} holds {topic.size} messages, its quota is {topic.max_messages}")
        envelopes = [self.read(payload) for payload in payloads]
        return [
            self._accept_one(unit, topic, body=Body(next(self.body_ids), payload, envelope))
            for payload, envelope in zip(payloads, envelopes, strict=True)
        ]

    def _accept_one(self, unit: Unit, topic: Topic, *, body: Body) -> int:
        now_ms, due_ms = self.now_ms(), body.envelope.scheduled_ms
        if due_ms is not None and due_ms <= now_ms:
            due_ms = None
        if self._is_duplicate(unit, topic, message_id=body.envelope.message_id):
            topic.counts["duplicates"] += 1
            return unit.take_number(topic.scheduled) if due_ms is not None else 0
        topic.counts["accepted"] += 1
        if due_ms is not None:
            return self._schedule(unit, topic, body=body, due_ms=due_ms)
        self.fan_out(unit, topic, body=body)
        return 0

    def _is_duplicate(self, unit: Unit, topic: Topic, *, message_id: str | None) -> bool:
        if topic.window_ms is None:
            return False
        now_ms, oldest_ms = self.now_ms(), self.now_ms() - topic.window_ms
        self._forget(unit, topic, before_ms=oldest_ms)
        if message_id is None:
            return False
        if message_id in topic.seen:
            return True
        topic.seen[message_id] = now_ms
        unit.remember(topic, message_id, at_ms=now_ms)
        return False

    def _forget(self, unit: Unit, topic: Topic, *, before_ms: int) -> None:
        old = []
        for message_id, at_ms in topic.seen.items():
            if at_ms >= before_ms:
                break
            old.append(message_id)
        for message_id in old:
            del topic.seen[message_id]
        if old:
            unit.forget(topic, before_ms=before_ms)

    def _schedule(self, unit: Unit, topic: Topic, *, body: Body, due_ms: int) -> int:
        entry = Entry(
            next(self.entry_ids),
            topic.scheduled,
            unit.take_number(topic.scheduled),
            body,
            enqueued_ms=self.now_ms(),
            state=MessageState.SCHEDULED,
            scheduled_ms=due_ms,
        )
        unit.add(entry)
        unit.then(lambda: self.show(entry))
        return entry.sequence_number

    def release(self, unit: Unit, entry: Entry) -> None:
        """A scheduled message is due: it goes to the subscriptions now."""
        topic = entry.queue.topic
        topic.scheduled.remove(entry)
        self.fan_out(unit, topic, body=entry.body)
        unit.drop(entry)

    def cancel(self, unit: Unit, topic: Topic, *, sequence_numbers: Sequence[int]) -> None:
        """All or nothing."""
        entries = [topic.scheduled.entries.get(number) for number in sequence_numbers]
        found = [entry for entry in entries if entry is not None]
        if len(found) < len(entries):
            raise MessageNotFound(
                f"topic {topic.name} has no scheduled message with one of the numbers {sequence_numbers}"
            )
        for entry in found:
            topic.scheduled.remove(entry)
            unit.drop(entry)

    def forward(self, unit: Unit, entry: Entry, *, topic: Topic, source: str) -> None:
        """A dead message goes on to another topic, as what it was and with why it died; its old entry ends."""
        entry.source = source
        if self._is_duplicate(unit, topic, message_id=entry.body.envelope.message_id):
            topic.counts["duplicates"] += 1
        else:
            topic.counts["accepted"] += 1
            self.fan_out(unit, topic, body=entry.body, dead=entry)
        unit.drop(entry)

    def fan_out(self, unit: Unit, topic: Topic, *, body: Body, dead: Entry | None = None) -> None:
        """One copy for each subscription whose rule matches."""
        application = dict(body.envelope.application)
        if dead is not None:
            application |= {name.lower(): text for name, text in dead.obituary().items()}
        self.taps.tell(topic, body)
        copies = self.faults.copies(topic.name)
        for subscription in topic.subscriptions:
            if subscription.matches(body.envelope.system, application):
                for _ in range(copies):
                    self._enqueue(unit, subscription, body=body, dead=dead)

    def _enqueue(self, unit: Unit, subscription: Subscription, *, body: Body, dead: Entry | None) -> None:
        now_ms, number = self.now_ms(), unit.take_number(subscription.queue)
        entry = Entry(
            next(self.entry_ids),
            subscription.queue,
            number,
            body,
            enqueued_ms=now_ms,
            expires_ms=_expiry(now_ms, subscription, ttl_ms=body.envelope.ttl_ms),
            enqueued_sequence_number=number,
        )
        if dead is not None:
            entry.delivery_count = entry.arrived_count = dead.delivery_count
            entry.hops = dead.hops + 1
            entry.enqueued_sequence_number = dead.enqueued_sequence_number
            entry.reason, entry.description = dead.reason, dead.description
            entry.source = dead.source
        unit.add(entry)
        unit.then(lambda: self.show(entry))


def _expiry(now_ms: int, subscription: Subscription, *, ttl_ms: int | None) -> int | None:
    defaults = (subscription.default_ttl_ms, subscription.queue.topic.default_ttl_ms)
    limits = [limit for limit in (ttl_ms, *defaults) if limit is not None]
    return now_ms + min(limits) if limits else None
