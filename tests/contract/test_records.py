"""What every letter box and every overview promises."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from azure.cosmos.aio import DatabaseProxy

from shared import flow
from shared.adapters.cosmos.letters import CosmosLetterBox
from shared.adapters.cosmos.overview import CosmosOverview
from shared.domain.letters import LetterRecord, LetterStatus, letter_id_of
from shared.domain.payment import Step
from shared.domain.rows import row_of
from shared.errors import LetterMoved
from shared.ports.letter_box import LetterBox, LetterFilter
from shared.ports.overview import Overview
from tests import places
from tests.builders import NOON, a_payment

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def letters(database: DatabaseProxy) -> LetterBox:
    return CosmosLetterBox(database.get_container_client(flow.DEAD_LETTERS))


@pytest_asyncio.fixture(loop_scope="package")
async def overview(database: DatabaseProxy) -> Overview:
    return CosmosOverview(database.get_container_client(flow.PAYMENTS))


def a_letter(payment_id: str, *, version: int = 1, reason: str = "retries_exhausted") -> LetterRecord:
    message_id = f"{payment_id}:{version}"
    return LetterRecord(
        letter_id=letter_id_of(source=str(places.CREATE), message_id=message_id),
        status=LetterStatus.OPEN,
        step="create",
        source=str(places.CREATE),
        reason=reason,
        description="busy after 6 attempts",
        severity="normal",
        payment_id=payment_id,
        event_id=f"{payment_id}:1",
        message_id=message_id,
        subject="payment.initiated",
        body="{}",
        attempt=5,
        run="0",
        delivery_count=1,
        answered=False,
        recorded_at=NOON,
    )


async def test_a_death_is_recorded_once(letters: LetterBox) -> None:
    letter = a_letter(str(uuid.uuid4()))

    assert await letters.add(letter) is True
    assert await letters.add(replace(letter, description="again")) is False

    found = await letters.get(letter.letter_id)
    assert found is not None
    assert replace(found, etag=None) == letter


async def test_of_two_actions_on_a_letter_the_second_is_told_that_it_moved(letters: LetterBox) -> None:
    letter = a_letter(str(uuid.uuid4()))
    await letters.add(letter)
    read = await letters.get(letter.letter_id)
    assert read is not None

    saved = await letters.save(read.after("replaying", at=NOON, by="ann", note="as r1", replays=("r1",)))

    with pytest.raises(LetterMoved):
        await letters.save(read.after("discarded", at=NOON, by="bob", note="too late"))
    assert saved.replays == ("r1",)
    await letters.save(saved.after("replayed", at=NOON, by="ann", note="as r1"))


async def test_letters_are_found_by_each_filter_and_page_by_page(letters: LetterBox) -> None:
    payment_id = str(uuid.uuid4())
    for version in range(1, 6):
        await letters.add(a_letter(payment_id, version=version, reason="our_fault" if version == 5 else "refused"))

    ids, page = [], None
    while True:
        found = await letters.find(LetterFilter(payment_id=payment_id, reason="refused"), limit=2, page=page)
        ids += [letter.letter_id for letter in found.letters]
        page = found.next_page
        if page is None:
            break

    assert len(ids) == len(set(ids)) == 4
    older = LetterFilter(payment_id=payment_id, recorded_before=NOON)
    assert (await letters.find(older, limit=10)).letters == ()
    younger = LetterFilter(payment_id=payment_id, recorded_before=NOON + timedelta(seconds=1), status="open")
    assert len((await letters.find(younger, limit=10)).letters) == 5


async def test_a_row_is_stored_over_the_one_that_was_read_and_no_other(overview: Overview) -> None:
    story = a_payment(payment_id=str(uuid.uuid4())).created()
    first, second = (row_of(stored) for stored in story.stored)

    assert await overview.put(first) is True
    assert await overview.put(first) is False  # it is there, and was not read
    read = await overview.get(first.payment_id)
    assert read is not None
    assert await overview.put(replace(second, etag=read.etag)) is True
    assert await overview.put(replace(second, etag=read.etag)) is False


async def test_what_stands_still_is_found_by_the_step_it_owes(overview: Overview) -> None:
    row = row_of(a_payment(payment_id=str(uuid.uuid4())).created().stored[-1])
    await overview.put(row)

    after, before = row.moved_at + timedelta(seconds=1), row.moved_at - timedelta(seconds=1)

    assert row.payment_id in {r.payment_id for r in await overview.stuck(Step.SETTLE, moved_before=after, limit=500)}
    assert row.payment_id not in {
        r.payment_id for r in await overview.stuck(Step.SETTLE, moved_before=before, limit=500)
    }
    assert row.payment_id not in {
        r.payment_id for r in await overview.stuck(Step.CREATE, moved_before=after, limit=500)
    }


async def test_rows_are_listed_page_by_page(overview: Overview) -> None:
    rows = {str(uuid.uuid4()) for _ in range(5)}
    for payment_id in rows:
        await overview.put(row_of(a_payment(payment_id=payment_id).created().settled().stored[-1]))

    seen, page = [], None
    while True:
        found = await overview.list(settled=True, limit=2, page=page)
        seen += [row.payment_id for row in found.rows]
        page = found.next_page
        if page is None:
            break

    assert len(seen) == len(set(seen))
    assert rows <= set(seen)
