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
from shared.codec.letters import letter_to_json
from shared.domain.letters import Entry, LetterRecord, LetterStatus, Yes
from shared.domain.payment import Step
from shared.domain.rows import row_of
from shared.errors import LetterMoved
from shared.ports.letter_box import LetterBox, LetterFilter, LetterKind, letters_of
from shared.ports.overview import Overview
from tests.builders import NOON, a_letter, a_payment

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def letters(database: DatabaseProxy) -> LetterBox:
    return CosmosLetterBox(database.get_container_client(flow.DEAD_LETTERS))


@pytest_asyncio.fixture(loop_scope="package")
async def overview(database: DatabaseProxy) -> Overview:
    return CosmosOverview(database.get_container_client(flow.PAYMENTS))


def of_payment(payment_id: str, *, version: int = 1, reason: str = "retries_exhausted") -> LetterRecord:
    """A letter whose message stems from the event of this version."""
    cause = f"{payment_id}:{version}"
    return a_letter(payment_id=payment_id, event_id=cause, cause=cause, message_id=f"{cause}:create:5", reason=reason)


async def test_a_death_is_recorded_once(letters: LetterBox) -> None:
    letter = of_payment(str(uuid.uuid4()))

    assert await letters.add(letter) is True
    assert await letters.add(replace(letter, description="again")) is False

    found = await letters.get(letter.letter_id)
    assert found is not None
    assert replace(found, etag=None) == letter


async def test_a_yes_is_kept_with_its_reference_and_its_time(letters: LetterBox) -> None:
    letter = replace(of_payment(str(uuid.uuid4())), yes=Yes("pp_1", NOON))
    await letters.add(letter)

    found = await letters.get(letter.letter_id)

    assert found is not None
    assert found.yes == Yes("pp_1", NOON)


async def test_of_two_actions_on_a_letter_the_second_is_told_that_it_moved(letters: LetterBox) -> None:
    letter = of_payment(str(uuid.uuid4()))
    await letters.add(letter)
    read = await letters.get(letter.letter_id)
    assert read is not None
    closing = Entry(at=NOON, action="discarded", by="bob", note="too late")

    saved = await letters.save(replace(read, status=LetterStatus.TAKEN_UP, as_of=4))

    with pytest.raises(LetterMoved):
        await letters.save(replace(read, status=LetterStatus.CLOSED, closing=closing))
    assert (saved.status, saved.as_of, saved.closing) == (LetterStatus.TAKEN_UP, 4, None)
    closed = await letters.save(replace(saved, status=LetterStatus.CLOSED, closing=closing))
    assert await letters.get(letter.letter_id) == closed


async def test_letters_are_found_by_each_filter_and_page_by_page(letters: LetterBox) -> None:
    payment_id = str(uuid.uuid4())
    for version in range(1, 6):
        await letters.add(of_payment(payment_id, version=version, reason="our_fault" if version == 5 else "refused"))

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
    younger = LetterFilter(payment_id=payment_id, recorded_before=NOON + timedelta(seconds=1), status=LetterStatus.OPEN)
    assert len((await letters.find(younger, limit=10)).letters) == 5


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (LetterStatus.OPEN, "open"),
        (LetterStatus.TAKEN_UP, "taken_up"),
        (LetterStatus.TAKEN_UP, "replayed"),
        (LetterStatus.CLOSED, "closed"),
        (LetterStatus.CLOSED, "discarded"),
        (LetterStatus.CLOSED, "resolved"),
    ],
)
async def test_a_letter_is_found_by_its_status_under_the_word_of_any_release(
    letters: LetterBox, database: DatabaseProxy, status: LetterStatus, word: str
) -> None:
    letter = of_payment(str(uuid.uuid4()))
    container = database.get_container_client(flow.DEAD_LETTERS)
    await container.create_item({**letter_to_json(letter), "status": word})

    for wanted in LetterStatus:
        found = await letters.find(LetterFilter(payment_id=letter.payment_id, status=wanted), limit=10)
        assert [each.letter_id for each in found.letters] == ([letter.letter_id] if wanted is status else [])


async def test_all_letters_of_a_payment_are_found_however_many(letters: LetterBox) -> None:
    payment_id = str(uuid.uuid4())
    written = {of_payment(payment_id, version=version).letter_id for version in range(1, 104)}
    for version in range(1, 104):
        await letters.add(of_payment(payment_id, version=version))
    await letters.add(of_payment(str(uuid.uuid4())))

    found = await letters_of(payment_id, box=letters)

    assert {letter.letter_id for letter in found} == written
    assert len(found) == len(written)


async def test_only_letters_that_wait_for_somebody_are_counted(letters: LetterBox) -> None:
    reason = f"reason_{uuid.uuid4().hex}"
    for version in range(1, 4):
        await letters.add(of_payment(str(uuid.uuid4()), version=version, reason=reason))
    taken_up = of_payment(str(uuid.uuid4()), reason=reason)
    await letters.add(replace(taken_up, status=LetterStatus.TAKEN_UP))

    assert (await letters.open_by_kind())[LetterKind("create", reason, "normal")] == 3


async def test_a_row_is_stored_over_the_one_that_was_read_and_no_other(overview: Overview) -> None:
    story = a_payment(payment_id=str(uuid.uuid4())).created()
    first, second = (row_of(stored) for stored in story.stored)

    assert await overview.put(first) is True
    assert await overview.put(first) is False  # it is there, and was not read
    read = await overview.stored(first)
    assert read is not None
    assert await overview.put(replace(second, etag=read.etag)) is True
    assert await overview.put(replace(second, etag=read.etag)) is False


async def test_a_row_says_what_broke_and_which_money_has_to_be_given_back(overview: Overview) -> None:
    story = a_payment(payment_id=str(uuid.uuid4())).created().declined("settle", tells=True)
    row = row_of(story.captured_late().charged_twice("create", "pp_2").parked("notify_failure").stored[-1])
    await overview.put(row)

    read = await overview.stored(row)

    assert read is not None
    assert replace(read, etag=None) == row
    assert (row.broken, row.captured_late, row.charged_twice) == (("create", "notify_failure", "settle"), True, True)


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
