"""What was durable when the broker ended, as entries in its queues again. Knows no rule and no clock."""

from collections.abc import Mapping
from itertools import count

from local.azure.servicebus.entities import Body, Entry, MessageState, Queue, Topic
from local.azure.servicebus.intake import Intake
from local.azure.servicebus.journal import PutEntry, Snapshot


def recovered(
    snapshot: Snapshot, *, topics: Mapping[str, Topic], queues: Mapping[str, Queue], intake: Intake
) -> list[Entry]:
    """The entries, not yet visible; numbers and what was seen are taken over. Queues and topics by their folded name.

    Rows of queues that are not declared stay where they are.
    """
    for name, number in snapshot.next_numbers.items():
        if (queue := queues.get(name.lower())) is not None:
            queue.next_sequence_number = number
    for seen in snapshot.seen:
        if (topic := topics.get(seen.topic.lower())) is not None:
            topic.seen[seen.message_id] = seen.at_ms
    intake.body_ids = count(max(snapshot.bodies, default=0) + 1)
    intake.entry_ids = count(max((row.entry_id for row in snapshot.entries), default=0) + 1)
    return _entries(snapshot, queues=queues, intake=intake)


def _entries(snapshot: Snapshot, *, queues: Mapping[str, Queue], intake: Intake) -> list[Entry]:
    bodies: dict[int, Body] = {}
    entries: list[Entry] = []
    for row in snapshot.entries:
        if row.body_id not in bodies:
            payload = snapshot.bodies[row.body_id]
            bodies[row.body_id] = Body(row.body_id, payload, intake.read(payload))
        bodies[row.body_id].uses += 1
        if (queue := queues.get(row.queue.lower())) is not None:
            queue.topic.size += 1
            entries.append(_restored(row, queue, body=bodies[row.body_id]))
    return entries


def _restored(row: PutEntry, queue: Queue, *, body: Body) -> Entry:
    return Entry(
        row.entry_id,
        queue,
        row.sequence_number,
        body,
        enqueued_ms=row.enqueued_ms,
        state=MessageState(row.state),
        expires_ms=row.expires_ms,
        scheduled_ms=row.scheduled_ms,
        delivery_count=row.delivery_count,
        arrived_count=row.arrived_count,
        hops=row.hops,
        enqueued_sequence_number=row.enqueued_sequence_number,
        reason=row.reason,
        description=row.description,
        source=row.source,
    )
