"""What every overview promises of lists: whose rows, which of them, newest first, and where a payment's row is."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from azure.cosmos.aio import DatabaseProxy

from shared import flow
from shared.adapters.cosmos.overview import CosmosOverview
from shared.codec.rows import HIGHEST, LOWEST, position_at, position_of
from shared.domain.rows import Row, row_of, unread_row
from shared.ports.overview import Overview, RowFilter
from tests.builders import NOON, a_payment

pytestmark = pytest.mark.asyncio(loop_scope="package")

EVERY = RowFilter(low=LOWEST, high=HIGHEST)


@pytest_asyncio.fixture(loop_scope="package")
async def overview(database: DatabaseProxy) -> Overview:
    return CosmosOverview(database.get_container_client(flow.PAYMENTS))


@pytest.fixture
def merchant() -> str:
    """One of its own for each test."""
    return f"merchant-{uuid.uuid4()}"


def a_row(merchant_id: str, *, at: datetime = NOON, settled: bool = False, reference: str = "order-1") -> Row:
    story = a_payment(payment_id=str(uuid.uuid4()), merchant_id=merchant_id, occurred_at=at, reference=reference)
    return row_of((story.created().settled() if settled else story).stored[-1])


async def put(overview: Overview, *rows: Row) -> None:
    for row in rows:
        await overview.note_month(row)
        assert await overview.put(row)


def ids(rows: Sequence[Row]) -> list[str]:
    return [row.payment_id for row in rows]


async def test_a_months_rows_come_newest_first_and_of_one_time_by_their_ids(overview: Overview, merchant: str) -> None:
    older, newer = a_row(merchant, at=NOON - timedelta(microseconds=1)), a_row(merchant, at=NOON + timedelta(hours=1))
    same = sorted([a_row(merchant), a_row(merchant)], key=lambda row: row.payment_id, reverse=True)
    await put(overview, same[1], newer, older, same[0])

    found = await overview.newest_in("2026-01", merchant_id=merchant, wanted=EVERY, limit=10)
    first = await overview.newest_in("2026-01", merchant_id=merchant, wanted=EVERY, limit=2)

    assert ids(found) == ids([newer, *same, older])
    assert ids(first) == ids(found[:2])


async def test_the_rows_of_two_merchants_never_mix(overview: Overview) -> None:
    """Also where the id of one looks like a place of the other's."""
    one = f"m-{uuid.uuid4()}"
    other = f"2026-01:{one}"
    mine, others = a_row(one), a_row(other)
    await put(overview, mine, others)

    for merchant_id, row in ((one, mine), (other, others)):
        assert ids(await overview.newest_in("2026-01", merchant_id=merchant_id, wanted=EVERY, limit=9)) == ids([row])
        assert await overview.months(merchant_id, first="", last="~", limit=9) == ["2026-01"]


async def test_rows_are_found_by_each_filter_and_by_all_of_them(overview: Overview, merchant: str) -> None:
    open_one, done = a_row(merchant), a_row(merchant, settled=True)
    named = a_row(merchant, settled=True, reference="order-2")
    late = a_row(merchant, at=NOON + timedelta(days=2), settled=True, reference="order-2")
    await put(overview, open_one, done, named, late)

    async def found(**wanted: object) -> set[str]:
        asked = replace(EVERY, **wanted)  # type: ignore[arg-type] # of the fields' own types below
        return {*ids(await overview.newest_in("2026-01", merchant_id=merchant, wanted=asked, limit=9))}

    assert await found(status="settled") == {*ids([done, named, late])}
    assert await found(reference="order-2") == {*ids([named, late])}
    assert await found(reference="order") == set()
    assert await found(settled=False) == {*ids([open_one])}
    assert await found(low=position_at(NOON + timedelta(days=2))) == {*ids([late])}, "the first moment is included"
    assert await found(high=position_at(NOON + timedelta(days=2))) == {*ids([open_one, done, named])}, "the last is not"
    assert await found(status="settled", reference="order-2", high=position_of(late)) == {*ids([named])}


async def test_months_are_those_in_which_a_merchant_has_rows_newest_first(overview: Overview, merchant: str) -> None:
    times = [datetime(year, month, 1, tzinfo=UTC) for year, month in ((2024, 2), (2025, 12), (2026, 1), (2026, 1))]
    await put(overview, *(a_row(merchant, at=at) for at in times))

    async def months(first: str, last: str, limit: int = 9) -> list[str]:
        return [*await overview.months(merchant, first=first, last=last, limit=limit)]

    assert await months(LOWEST, HIGHEST) == ["2026-01", "2025-12", "2024-02"]
    assert await months("2025-01", "2025-12") == ["2025-12"]
    assert await months(LOWEST, HIGHEST, 2) == ["2026-01", "2025-12"]


async def test_a_month_is_that_of_the_clock_in_utc(overview: Overview, merchant: str) -> None:
    early = datetime.fromisoformat("2026-02-01T00:30:00+01:00")
    await put(overview, a_row(merchant, at=early))

    assert await overview.months(merchant, first="", last="~", limit=9) == ["2026-01"]


async def test_rows_of_all_merchants_are_listed_newest_first_and_nothing_else_is(
    overview: Overview, merchant: str
) -> None:
    """There are months and a note beside the rows. Others' rows lie before or after these ten years."""
    at = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(seconds=uuid.uuid4().int % 10**8)
    rows = [a_row(f"{merchant}-{number}", at=at + timedelta(milliseconds=number)) for number in range(5)]
    await put(overview, *rows)
    await overview.note_whole(NOON)
    within = replace(EVERY, low=position_at(at), high=position_at(at + timedelta(milliseconds=4)))

    found = await overview.newest(within, limit=3)
    below = await overview.newest(replace(within, high=position_of(found[-1])), limit=3)

    assert ids(found) + ids(below) == ids(rows[3::-1])
    assert len(await overview.newest(EVERY, limit=5)) == 5


async def test_a_payments_row_is_found_by_its_id_alone(overview: Overview, merchant: str) -> None:
    row = a_row(merchant)
    await put(overview, row)

    found = await overview.find(row.payment_id)

    assert found is not None
    assert replace(found, etag=None) == row
    assert await overview.find(str(uuid.uuid4())) is None
    assert await overview.find(row.month) is None, "a month of a merchant is no row"


async def test_of_a_row_and_of_one_of_nobody_the_payments_own_is_found(overview: Overview, merchant: str) -> None:
    row = a_row(merchant)
    unread = unread_row(row.payment_id, version=9, moved_at=NOON)
    await put(overview, unread)
    of_nobody = await overview.find(row.payment_id)
    await put(overview, row)

    found = await overview.find(row.payment_id)

    assert of_nobody is not None
    assert of_nobody.merchant_id is None
    assert found is not None
    assert found.merchant_id == merchant


async def test_a_row_is_removed_as_it_was_read_and_in_no_other_state(overview: Overview) -> None:
    unread = unread_row(str(uuid.uuid4()), version=1, moved_at=NOON)
    await overview.put(unread)
    read = await overview.stored(unread)
    assert read is not None
    await overview.put(replace(read, version=2))

    await overview.drop(read)
    moved = await overview.stored(unread)
    assert moved is not None
    await overview.drop(moved)
    await overview.drop(moved)

    assert moved.version == 2
    assert await overview.stored(unread) is None


async def test_up_to_when_the_rows_are_whole_is_what_was_noted_last(overview: Overview) -> None:
    for moment in (NOON, NOON + timedelta(minutes=1)):
        await overview.note_whole(moment)

    assert await overview.whole_as_of() == NOON + timedelta(minutes=1)
