"""The broker's rules for a message that is in a queue: peek-lock, settlement, expiry, death.

Knows no protocol and reads no clock: time, tokens and the journal come in. Every method that changes something returns
a future that is done when the change is durable. Others see the change only after that.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Protocol
from uuid import UUID

from local.azure.servicebus.entities import Entry, Envelope, MessageState, Queue, Receiver, Topic
from local.azure.servicebus.errors import EntityNotFound, MessageLockLost, MessageNotFound, NotAllowed
from local.azure.servicebus.faults import Faults
from local.azure.servicebus.forwarding import HOP_LIMIT, Forwarding
from local.azure.servicebus.intake import Intake
from local.azure.servicebus.journal import Journal, Snapshot, Unit
from local.azure.servicebus.recovery import recovered
from local.azure.servicebus.taps import Taps

type Durable = asyncio.Future[None]


class Alarm(Protocol):
    def at(self, due_ms: int, action: Callable[[], None]) -> None:
        """Run the action at that time of the broker's clock."""


class Broker:
    """All topics with all that is in them."""

    def __init__(
        self,
        topics: dict[str, Topic],
        journal: Journal,
        *,
        read: Callable[[bytes], Envelope],
        now_ms: Callable[[], int],
        alarm: Alarm,
        faults: Faults,
        new_token: Callable[[], UUID],
    ) -> None:
        self.topics = topics
        self._journal = journal
        self._now_ms = now_ms
        self._alarm = alarm
        self._faults = faults
        self._new_token = new_token
        self._queues = {queue.name.lower(): queue for queue in self._all_queues()}
        self.taps = Taps()
        self._intake = Intake(read, now_ms, self._show, faults, count(1), count(1), self.taps)
        self._forwarding = Forwarding(topics, journal, intake=self._intake)

    def _all_queues(self) -> Iterable[Queue]:
        for topic in self.topics.values():
            yield topic.scheduled
            for subscription in topic.subscriptions:
                yield subscription.queue
                yield subscription.dead

    # -- finding ---------------------------------------------------------------------------------------------------

    def topic(self, name: str) -> Topic:
        try:
            return self.topics[name.lower()]
        except KeyError:
            raise EntityNotFound(f"there is no topic {name!r}") from None

    def queue(self, name: str) -> Queue:
        """A subscription or its dead-letter queue, by its full name."""
        queue = self._queues.get(name.lower())
        if queue is None:
            raise EntityNotFound(f"there is no subscription {name!r}")
        if queue is queue.topic.scheduled:
            raise NotAllowed(f"{name!r} is a topic: receive from one of its subscriptions")
        return queue

    # -- sending ---------------------------------------------------------------------------------------------------

    def publish(self, topic: Topic, payloads: Sequence[bytes]) -> tuple[list[int], Durable]:
        """Take messages in, all or none; with the sequence numbers of those that are scheduled."""
        unit = Unit(self._journal)
        numbers = self._intake.accept(unit, topic, payloads=payloads)
        return numbers, unit.commit()

    def cancel(self, topic: Topic, sequence_numbers: Sequence[int]) -> Durable:
        unit = Unit(self._journal)
        self._intake.cancel(unit, topic, sequence_numbers=sequence_numbers)
        return self._forwarding.commit(unit, topic)

    # -- receiving -------------------------------------------------------------------------------------------------

    def subscribe(self, queue: Queue, receiver: Receiver) -> None:
        queue.receivers.append(receiver)
        self.pump(queue)

    def unsubscribe(self, queue: Queue, receiver: Receiver) -> None:
        if receiver in queue.receivers:
            queue.receivers.remove(receiver)

    def pump(self, queue: Queue) -> None:
        """Hand out what is ready to who has credit."""
        while queue.has_ready and (receiver := queue.next_receiver()) is not None:
            entry = queue.next_ready()
            if entry is None:
                return
            queue.counts["delivered"] += 1
            if receiver.deletes:
                self._hand_over(entry, receiver)
            else:
                self._lock(entry)
                receiver.deliver(entry)

    def _hand_over(self, entry: Entry, receiver: Receiver) -> None:
        """Receive-and-delete: at most once, so the removal is durable before the message goes out."""
        receiver.reserve()
        unit = Unit(self._journal)
        self._remove(unit, entry)
        unit.then(lambda: receiver.deliver(entry))
        self._forwarding.commit(unit, entry.queue.topic)

    def peek(self, queue: Queue, *, from_number: int, limit: int) -> list[Entry]:
        found = [entry for number, entry in queue.entries.items() if number >= from_number]
        return found[:limit]

    def receive_deferred(
        self, queue: Queue, sequence_numbers: Sequence[int], *, deletes: bool
    ) -> tuple[list[Entry], Durable]:
        """All or none: locked, or removed for receive-and-delete."""
        found = [entry for number in sequence_numbers if (entry := queue.entries.get(number)) is not None]
        deferred = [entry for entry in found if entry.state is MessageState.DEFERRED and entry.lock_token is None]
        if len(deferred) < len(sequence_numbers):
            raise MessageNotFound(f"{queue.name} has no deferred message with one of the numbers {sequence_numbers}")
        unit = Unit(self._journal)
        for entry in deferred:
            queue.counts["delivered"] += 1
            if deletes:
                self._remove(unit, entry)
            else:
                self._lock(entry)
        return deferred, self._forwarding.commit(unit, queue.topic)

    # -- locks and settlement --------------------------------------------------------------------------------------

    def _lock(self, entry: Entry) -> None:
        entry.lock_token = self._new_token()
        entry.locked_until_ms = self._now_ms() + entry.queue.lock_ms
        entry.queue.locked[entry.lock_token] = entry
        self._alarm.at(entry.locked_until_ms, partial(self._check_lock, entry, entry.lock_token))

    def _check_lock(self, entry: Entry, token: UUID) -> None:
        if entry.lock_token != token:
            return
        if entry.locked_until_ms > self._now_ms():
            self._alarm.at(entry.locked_until_ms, partial(self._check_lock, entry, token))
            return
        entry.queue.counts["lock_lost"] += 1
        self._give_back(entry, failed=True)

    def _held(self, queue: Queue, token: UUID) -> Entry:
        entry = queue.locked.get(token)
        if entry is not None and entry.locked_until_ms > self._now_ms():
            return entry
        if entry is not None:
            self._check_lock(entry, token)
        raise MessageLockLost(f"the lock {token} on a message of {queue.name} has expired or was never given")

    def _settled(self, queue: Queue, token: UUID) -> Entry:
        entry = self._held(queue, token)
        if queue.subscription is not None and self._faults.loses_lock(f"{queue.topic.name}/{queue.subscription.name}"):
            entry.locked_until_ms = 0
        return self._held(queue, token)

    def renew(self, queue: Queue, tokens: Sequence[UUID]) -> list[int]:
        """Until when each lock now holds."""
        entries = [self._held(queue, token) for token in tokens]
        for entry in entries:
            entry.locked_until_ms = self._now_ms() + queue.lock_ms
        return [entry.locked_until_ms for entry in entries]

    def complete(self, queue: Queue, token: UUID) -> Durable:
        entry, unit = self._settled(queue, token), Unit(self._journal)
        queue.counts["completed"] += 1
        self._remove(unit, entry)
        return self._forwarding.commit(unit, queue.topic)

    def abandon(self, queue: Queue, token: UUID) -> Durable:
        entry = self._settled(queue, token)
        queue.counts["abandoned"] += 1
        return self._give_back(entry, failed=True)

    def release(self, queue: Queue, token: UUID) -> Durable:
        """Given back untouched: the delivery does not count. A lock that is gone is no matter."""
        entry = queue.locked.get(token)
        return Unit(self._journal).commit() if entry is None else self._give_back(entry, failed=False)

    def defer(self, queue: Queue, token: UUID) -> Durable:
        entry, unit = self._settled(queue, token), Unit(self._journal)
        entry.state = MessageState.DEFERRED
        queue.unlock(entry)
        unit.put(entry)
        return unit.commit()

    def dead_letter(self, queue: Queue, token: UUID, *, reason: str | None, description: str | None) -> Durable:
        if queue.subscription is None:
            raise NotAllowed(f"{queue.name} is a dead-letter queue: its messages cannot die again")
        entry, unit = self._settled(queue, token), Unit(self._journal)
        self._bury(unit, entry, reason=reason, description=description)
        return self._forwarding.commit(unit, queue.topic)

    def _give_back(self, entry: Entry, *, failed: bool) -> Durable:
        unit, queue = Unit(self._journal), entry.queue
        queue.unlock(entry)
        if failed:
            entry.delivery_count += 1
            unit.put(entry)
        subscription = queue.subscription
        if subscription is not None and _chances_used(entry) >= subscription.max_delivery_count:
            text = f"Message could not be consumed after {_chances_used(entry)} delivery attempts."
            self._bury(unit, entry, reason="MaxDeliveryCountExceeded", description=text)
        elif not self._expire(unit, entry) and entry.state is MessageState.ACTIVE:
            queue.make_ready(entry)
        durable = self._forwarding.commit(unit, queue.topic)
        self.pump(queue)
        return durable

    # -- ends ------------------------------------------------------------------------------------------------------

    def _remove(self, unit: Unit, entry: Entry) -> None:
        entry.queue.remove(entry)
        unit.drop(entry)

    def _expire(self, unit: Unit, entry: Entry) -> bool:
        subscription = entry.queue.subscription
        if subscription is None or entry.expires_ms is None or entry.expires_ms > self._now_ms():
            return False
        if subscription.dead_letters_expired:
            text = "The message expired and was dead lettered."
            self._bury(unit, entry, reason="TTLExpiredException", description=text)
        else:
            self._remove(unit, entry)
        return True

    def _check_expiry(self, entry: Entry) -> None:
        if not entry.queue.holds(entry) or entry.lock_token is not None:
            return
        unit = Unit(self._journal)
        if self._expire(unit, entry):
            self._forwarding.commit(unit, entry.queue.topic)

    def _bury(self, unit: Unit, entry: Entry, *, reason: str | None, description: str | None) -> None:
        """The message leaves its subscription: for the topic that takes its dead, or for its dead-letter queue."""
        queue, subscription = entry.queue, entry.queue.subscription
        if subscription is None:
            raise NotAllowed(f"messages do not die in {queue.name}")
        queue.remove(entry)
        queue.counts["died"] += 1
        entry.reason, entry.description = reason, description
        target = self._forwarding.target(subscription)
        if subscription.forward_dead_letters_to is not None and entry.hops >= HOP_LIMIT:
            entry.reason = "MaxTransferHopCountExceeded"
            entry.description = f"Forwarded {entry.hops} times, then died of {reason}: {description}"
        elif target is not None:
            queue.counts["forwarded"] += 1
            self._intake.forward(unit, entry, topic=target, source=queue.name)
            return
        entry.queue, entry.state, entry.expires_ms = subscription.dead, MessageState.ACTIVE, None
        entry.sequence_number = unit.take_number(subscription.dead)
        unit.put(entry)
        unit.then(lambda: self._show(entry))

    def _show(self, entry: Entry) -> None:
        """The entry is durable: its queue has it now."""
        queue = entry.queue
        queue.entries[entry.sequence_number] = entry
        if entry.state is MessageState.SCHEDULED:
            self._alarm.at(entry.scheduled_ms or 0, partial(self._check_schedule, entry))
        elif self._forwarding.is_wanted(entry):
            self._forwarding.wait(entry)
        elif entry.state is MessageState.ACTIVE:
            queue.make_ready(entry)
            self.pump(queue)
        if entry.expires_ms is not None:
            self._alarm.at(entry.expires_ms, partial(self._check_expiry, entry))

    def _check_schedule(self, entry: Entry) -> None:
        if entry.queue.holds(entry):
            unit = Unit(self._journal)
            self._intake.release(unit, entry)
            unit.commit()

    def recover(self, snapshot: Snapshot) -> None:
        """Take over what was durable, all of it unlocked. Rows of queues that are not declared stay where they are."""
        for entry in recovered(snapshot, topics=self.topics, queues=self._queues, intake=self._intake):
            self._show(entry)


def _chances_used(entry: Entry) -> int:
    return entry.delivery_count - entry.arrived_count
