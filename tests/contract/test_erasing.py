"""What every event store promises of an erasure: the words go, all else stays, and who comes second does no harm."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from azure.cosmos.aio import ContainerProxy, DatabaseProxy

from shared import flow
from shared.adapters.cosmos.events import CosmosEventStore
from shared.codec.documents import to_document
from shared.codec.values import time_to_json
from shared.domain.erasure import Erasure, without_words
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved, Unreadable
from shared.ports.event_store import Appended, EventStore
from tests.builders import NOON, OTHER_REFUND_ID, a_payment

pytestmark = pytest.mark.asyncio(loop_scope="package")

ADA = Erasure(at=NOON + timedelta(days=40), by="ada", why="the customer wants to be forgotten")
BOB = Erasure(at=NOON + timedelta(days=41), by="bob", why="asked twice")
NOTE = {"erasedAt": time_to_json(ADA.at), "erasedBy": "ada", "erasedWhy": ADA.why}


@pytest_asyncio.fixture(loop_scope="package")
async def events(database: DatabaseProxy) -> ContainerProxy:
    return database.get_container_client(flow.EVENTS)


@pytest_asyncio.fixture(loop_scope="package")
async def store(events: ContainerProxy) -> EventStore:
    return CosmosEventStore(events)


def a_stream() -> tuple[StoredEvent, ...]:
    """Words stand in three of its events: 1, 5 and 7."""
    paid = a_payment(payment_id=str(uuid.uuid4())).created().settled().completed()
    return paid.refund_requested().refunded().refund_requested(OTHER_REFUND_ID).stored


async def documents(events: ContainerProxy, payment_id: str) -> dict[int, dict[str, Any]]:
    """As they are stored, by version."""
    pages = events.query_items("SELECT * FROM c", partition_key=payment_id)
    return {document["version"]: document async for document in pages}


def own(document: Mapping[str, Any]) -> dict[str, Any]:
    """What we have written of it, and not the store."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


async def test_the_words_go_and_a_note_of_who_erased_them_is_all_that_comes(
    store: EventStore, events: ContainerProxy
) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    untouched = {
        version: each for version, each in (await documents(events, payment_id)).items() if version not in (1, 5, 7)
    }

    await store.erase(payment_id, erasure=ADA)

    after = await documents(events, payment_id)
    for version in (1, 5, 7):
        stored = stream[version - 1]
        written = to_document(replace(stored, event=without_words(stored.event)))
        assert own(after[version]) == {**written, "metadata": {**written["metadata"], **NOTE}}
    assert (after[1]["data"]["description"], after[1]["data"]["metadata"]) == (None, {})
    assert (after[5]["data"]["reason_given"], after[7]["data"]["reason_given"]) == (None, None)
    assert {version: each for version, each in after.items() if version not in (1, 5, 7)} == untouched
    assert [each.payment for each in await store.load(payment_id)] == [each.payment for each in stream]


async def test_what_another_release_has_written_beside_it_stays(store: EventStore, events: ContainerProxy) -> None:
    (first, *_) = a_stream()
    document = to_document(first)
    later = {**document, "data": {**document["data"], "channel": "web"}, "note": {"of": ["a", "later release"]}}
    await events.create_item(later)

    await store.erase(first.payment.payment_id, erasure=ADA)

    (after,) = (await documents(events, first.payment.payment_id)).values()
    assert (after["data"]["channel"], after["note"]) == ("web", later["note"])
    assert after["data"]["description"] is None


async def test_erasing_again_changes_nothing_and_the_first_note_stands(
    store: EventStore, events: ContainerProxy
) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    await store.erase(payment_id, erasure=ADA)
    once = await documents(events, payment_id)

    await store.erase(payment_id, erasure=BOB)

    assert await documents(events, payment_id) == once, "the store's own marks too: nothing was written"


async def test_a_payment_without_words_is_not_written_to(store: EventStore, events: ContainerProxy) -> None:
    stream = a_payment(payment_id=str(uuid.uuid4()), description=None, metadata={}).created().stored
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    before = await documents(events, payment_id)

    await store.erase(payment_id, erasure=ADA)

    assert await documents(events, payment_id) == before


async def test_of_an_unknown_payment_there_is_nothing_to_erase(store: EventStore) -> None:
    payment_id = str(uuid.uuid4())

    await store.erase(payment_id, erasure=ADA)

    assert await store.load(payment_id) == ()


async def test_a_payment_of_which_one_event_cannot_be_read_is_left_as_it_is(
    store: EventStore, events: ContainerProxy
) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream[:6])
    await events.create_item({**to_document(stream[6]), "schemaVersion": 99})
    before = await documents(events, payment_id)

    with pytest.raises(Unreadable, match="schema version 99"):
        await store.erase(payment_id, erasure=ADA)

    assert await documents(events, payment_id) == before


class Overtaken:
    """A container in which somebody else is first: what they do is done between what is read and what is written."""

    def __init__(self, container: ContainerProxy, *, first: Callable[[], Awaitable[None]]) -> None:
        self._container, self._first = container, first

    def query_items(self, query: str, **options: Any) -> Any:
        return self._container.query_items(query, **options)

    async def execute_item_batch(self, operations: Any, **options: Any) -> Any:
        await self._first()
        return await self._container.execute_item_batch(operations, **options)


async def test_who_was_overtaken_is_told_and_writes_nothing(store: EventStore, events: ContainerProxy) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    overtaken: Any = Overtaken(events, first=lambda: store.erase(payment_id, erasure=BOB))

    with pytest.raises(StreamMoved, match="look again"):
        await CosmosEventStore(overtaken).erase(payment_id, erasure=ADA)

    after = await documents(events, payment_id)
    assert [after[version]["metadata"]["erasedBy"] for version in (1, 5, 7)] == ["bob"] * 3


async def test_of_many_at_once_each_finds_it_done_in_the_end(store: EventStore, events: ContainerProxy) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    rivals = [replace(ADA, by=f"operator-{number}") for number in range(8)]

    told = await asyncio.gather(*(store.erase(payment_id, erasure=each) for each in rivals), return_exceptions=True)

    assert all(each is None or isinstance(each, StreamMoved) for each in told)
    assert None in told
    after = await documents(events, payment_id)
    assert len({after[version]["metadata"]["erasedBy"] for version in (1, 5, 7)}) == 1, "all by one, or none"


async def test_a_repeat_of_the_append_is_known_after_its_words_are_gone(store: EventStore) -> None:
    stream = a_stream()
    payment_id = stream[0].payment.payment_id
    await store.append(stream)
    await store.erase(payment_id, erasure=ADA)
    standing = await store.load(payment_id)

    assert await store.append(stream[:1]) == Appended(standing[:1], is_new=False)
    assert await store.append(stream[4:5]) == Appended(standing[4:5], is_new=False)
