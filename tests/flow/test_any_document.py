"""Any JSON as a document of `events`: the feed parks it or sends what a step can read, and the read model goes on."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from local.azure.servicebus.topology import load
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.adapters.servicebus.wire import delivery_of
from shared.codec.cloud_events import from_cloud_event
from shared.codec.deliveries import as_dead_letter
from shared.codec.documents import to_document
from shared.codec.rows import partition_of, row_to_json
from shared.domain.rows import Row
from shared.services import Services
from shared.verbs.project import project
from shared.verbs.publish import publish
from tests.builders import a_payment
from tests.clock import ManualClock
from tests.flow.kit.bus import DirectBus
from tests.flow.kit.telemetry import RecordedTelemetry
from tests.odd_documents import odd_documents, with_lone_surrogates

type Document = dict[str, Any]

BESIDE = to_document(a_payment(payment_id="beside").stored[0])
NAMES = ["id", "paymentId", "version", "type", "schemaVersion", "occurredAt", "data", "payment", "metadata", "_rid"]
GOOD = [to_document(stored) for stored in a_payment().created().settled().completed().stored]
GOOD += [
    to_document(stored) for stored in a_payment(notification_url=None).created().declined("settle").voided().stored
]
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["1", "x" * 300, "\ud800", GOOD[1]["id"]])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=6)


def places_in(value: object, *path: str) -> list[tuple[str, ...]]:
    """Every field of a document, by its path."""
    if not isinstance(value, dict):
        return [path]
    return [*([path] if path else []), *(each for name in value for each in places_in(value[name], *path, name))]


@st.composite
def almost_good(draw: Callable[..., Any]) -> Document:
    """An event of ours with a few fields replaced or removed."""
    document: Document = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    for path in draw(st.lists(st.sampled_from(places_in(document)), max_size=3, unique=True)):
        inner: Any = document
        for name in path[:-1]:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[path[-1]] = draw(ANYTHING)
            if draw(st.booleans()):
                del inner[path[-1]]
    return document


DOCUMENTS = almost_good() | st.dictionaries(st.sampled_from(NAMES) | TEXTS, ANYTHING)


@dataclass
class Rows:
    """An overview in memory, that takes what a store can write down."""

    rows: dict[str, Row] = field(default_factory=dict)

    async def stored(self, row: Row) -> Row | None:
        return await self.find(row.payment_id)

    def remembered(self, row: Row) -> Row | None:
        return self.rows.get(row.payment_id)

    async def find(self, payment_id: str) -> Row | None:
        return self.rows.get(payment_id)

    async def note_month(self, row: Row) -> None:
        assert row.payment_id not in self.rows

    async def put(self, row: Row) -> bool:
        json.dumps(row_to_json(row), ensure_ascii=False, allow_nan=False).encode()
        assert len(partition_of(row).encode()) <= 2048, "a longer partition key is refused"
        assert row.payment_id.isprintable()
        assert not set(row.payment_id) & set("/\\?#")
        self.rows[row.payment_id] = row
        return True


@dataclass(frozen=True)
class Limits:
    topic_patience: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class Feed:
    """What publish and project work with."""

    bus: DirectBus
    telemetry: RecordedTelemetry

    @property
    def services(self) -> Services:
        clock, bus = self.bus.clock, cast("Any", self.bus)
        topics = ServiceBusTopics(
            bus, dead_letter_topic=flow.DEAD_LETTER_TOPIC, recorder=flow.RECORD_SUBSCRIPTION, clock=clock
        )
        parts: Mapping[str, Any] = dict.fromkeys(Services.__dataclass_fields__) | {
            "publisher": topics,
            "dead_letters": topics,
            "overview": Rows(),
            "telemetry": self.telemetry.adapter,
            "clock": clock,
            "limits": Limits(),
        }
        return Services(**parts)


TELEMETRY = RecordedTelemetry()


async def fed(documents: list[Document]) -> Feed:
    """A new bus that the feed has carried these to, twice: the batch comes again."""
    feed = Feed(DirectBus(load(TOPOLOGY), ManualClock()), TELEMETRY)
    services = feed.services
    for _ in range(2):
        await publish(documents, services=services)
        await project(documents, services=services)
    return feed


@given(DOCUMENTS)
@example(odd_documents()["1.9 MB, deep and wide"])
@example(odd_documents()["300 KB of type"])
@example(with_lone_surrogates()["in the payment id"])
@example(GOOD[0])
def test_any_document_is_sent_as_a_message_that_a_step_can_read_or_is_parked_under_one_id(document: Document) -> None:
    feed = asyncio.run(fed([document, BESIDE]))

    deliveries = [delivery_of(message, queue="any") for message in feed.bus.sent]
    sent = {each.message_id: each for each in deliveries if each.properties == {}}
    parked = {each.message_id: as_dead_letter(each) for each in deliveries if each.properties}
    assert BESIDE["id"] in sent
    assert len(deliveries) == 4
    assert len(sent) + len(parked) == 2
    for notice in map(from_cloud_event, (each.body for each in sent.values())):
        assert notice.event_id == f"{notice.payment.payment_id}:{notice.payment.version}"
    for letter in parked.values():
        assert letter.message_id.isascii()
        assert max(len(letter.message_id), len(letter.subject)) <= 128
        assert len(letter.body) + len(letter.description) < 2000
        f"{letter.subject}{letter.body}{letter.description}".encode()


@given(st.lists(st.tuples(TEXTS, SCALARS), min_size=2, max_size=6, unique_by=json.dumps))
def test_two_documents_never_share_a_letter(ids: list[tuple[str, Any]]) -> None:
    documents: list[Document] = [{"id": document_id, "paymentId": payment_id} for document_id, payment_id in ids]

    feed = asyncio.run(fed(documents))

    assert len({message.message_id for message in feed.bus.sent}) == len(ids)
