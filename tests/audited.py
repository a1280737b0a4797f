"""Another component on every topic of events: whatever an end-to-end test has published is as its schema says.

It is a subscription as anybody may have one. It is read when the platform has stopped, out of what the broker stored,
so that no test waits for it.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from proton import Message

from shared import flow
from shared.codec.cloud_events import CONTENT_TYPE
from tests.contracted import hold_event

AUDIT = "contract-audit"


def audited(topology: Path, *, at: Path) -> Path:
    """A copy of the topology with the subscription on every topic of events."""
    declared: dict[str, Any] = json.loads(topology.read_text())
    declared["serviceBus"]["externalSubscriptions"] += [
        {"topic": topic, "name": AUDIT} for topic in flow.TOPIC_OF.values()
    ]
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(json.dumps(declared))
    return at


def hold_published(store: Path) -> int:
    """Fails with the first event that is not as its schema says; returns how many there are. A message of another
    content type is a test's own.
    """
    found = 0
    for message in _published(store):
        if message.content_type != CONTENT_TYPE:
            continue
        body = message.body
        event = json.loads(bytes(body) if isinstance(body, memoryview | bytes) else body)
        assert message.id == event["id"], "the topic could not drop a repeat"
        hold_event(event)
        found += 1
    return found


def _published(store: Path) -> Iterator[Message]:
    if not store.is_file():
        return
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "select payload from body join entry using (body_id) where queue like ?", [f"%/{AUDIT}"]
        )
        for (payload,) in rows:
            message = Message()
            message.decode(payload)
            yield message
