"""What every event store promises: streams without gaps, one winner per version, repeats that do no harm."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from azure.cosmos.aio import DatabaseProxy

from shared import flow
from shared.adapters.cosmos.events import CosmosEventStore
from shared.codec.documents import from_document
from shared.domain.stream import StoredEvent
from shared.errors import StoreRefuses, StreamMoved
from shared.ports.event_store import Appended, EventStore
from tests.builders import a_payment, initiated

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def store(database: DatabaseProxy) -> EventStore:
    return CosmosEventStore(database.get_container_client(flow.EVENTS))


def a_stream() -> tuple[StoredEvent, ...]:
    return a_payment(payment_id=str(uuid.uuid4())).created().settled().completed().stored


async def test_what_was_appended_is_loaded_in_order(store: EventStore) -> None:
    stream = a_stream()

    for stored in stream:
        assert await store.append([stored]) == Appended((stored,), is_new=True)

    assert await store.load(stream[0].payment.payment_id) == stream


async def test_several_events_are_appended_together(store: EventStore) -> None:
    stream = a_stream()

    await store.append(stream[:1])
    await store.append(stream[1:])

    assert await store.load(stream[0].payment.payment_id) == stream


async def test_an_unknown_payment_has_no_events(store: EventStore) -> None:
    assert await store.load(str(uuid.uuid4())) == ()


async def test_a_repeat_of_an_append_succeeds_and_tells_what_stands(store: EventStore) -> None:
    first = a_stream()[0]
    later = initiated(payment_id=first.payment.payment_id, occurred_at=first.event.occurred_at + timedelta(seconds=9))
    repeat = replace(first, event=later)

    await store.append([first])
    again = await store.append([repeat])

    assert again == Appended((first,), is_new=False)
    assert await store.load(first.payment.payment_id) == (first,)


async def test_a_repeat_of_several_events_succeeds_too(store: EventStore) -> None:
    stream = a_stream()
    await store.append(stream)

    assert await store.append(stream) == Appended(stream, is_new=False)


async def test_another_event_at_a_taken_version_is_refused_and_nothing_is_written(store: EventStore) -> None:
    stream = a_stream()
    await store.append(stream[:2])
    declined = a_payment(payment_id=stream[0].payment.payment_id).declined().stored[1]

    with pytest.raises(StreamMoved):
        await store.append([declined])

    assert await store.load(stream[0].payment.payment_id) == stream[:2]


async def test_of_several_events_none_is_written_when_one_version_is_taken(store: EventStore) -> None:
    stream = a_stream()
    await store.append(stream[:1])
    await store.append([stream[1]])
    other = a_payment(payment_id=stream[0].payment.payment_id).created("pp_other").settled().stored

    with pytest.raises(StreamMoved):
        await store.append(other[1:])

    assert await store.load(stream[0].payment.payment_id) == stream[:2]


async def test_of_many_that_race_for_a_version_one_wins(store: EventStore) -> None:
    payment_id = str(uuid.uuid4())
    rivals = [a_payment(payment_id=payment_id, request_fingerprint=f"{number:064}").stored[0] for number in range(8)]

    results = await asyncio.gather(*(store.append([rival]) for rival in rivals), return_exceptions=True)

    won = [result for result in results if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert all(isinstance(result, StreamMoved) for result in results if isinstance(result, BaseException))
    assert await store.load(payment_id) == won[0].events


async def test_of_two_who_start_a_step_again_at_once_one_is_first_although_they_want_the_same(
    store: EventStore,
) -> None:
    story = a_payment(payment_id=str(uuid.uuid4())).created().parked("settle")
    await store.append(story.stored)
    ann, bob = (story.resumed("settle", action=action).stored[-1:] for action in ("ann's", "bob's"))

    assert await store.append(ann) == Appended(ann, is_new=True)

    with pytest.raises(StreamMoved):
        await store.append(bob)
    assert await store.append(ann) == Appended(ann, is_new=False)


async def test_whatever_recovery_noted_is_loaded_as_it_was_appended(store: EventStore) -> None:
    story = a_payment(payment_id=str(uuid.uuid4())).created().declined("settle", tells=True).captured_late()
    story = story.parked("notify_failure").resumed("notify_failure").failure_told().charged_twice("create", "pp_2")
    stream = story.seen_to(reference="cap_1").stored

    await store.append(stream)

    assert await store.load(stream[0].payment.payment_id) == stream


async def test_one_document_can_be_read_as_it_is_stored(store: EventStore) -> None:
    stream = a_stream()
    await store.append(stream[:1])

    document = await store.load_document(stream[0].event_id)

    assert document is not None
    assert from_document(document) == stream[0]
    assert await store.load_document(stream[1].event_id) is None


async def test_a_ping_says_that_the_store_answers(store: EventStore) -> None:
    await store.ping()


async def test_a_ping_that_is_refused_is_a_fault_like_any_other(database: DatabaseProxy) -> None:
    nowhere = CosmosEventStore(database.get_container_client("nowhere"))

    with pytest.raises(StoreRefuses, match="answered 404"):
        await nowhere.ping()
