"""The read model: a row per payment, kept by a feed of its own, thrown away and rebuilt without harm."""

from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.documents import to_document
from shared.codec.rows import partition_of
from shared.codec.values import time_to_json
from shared.domain.rows import Row
from shared.ports.overview import RowFilter
from shared.verbs.project import project
from tests.flow.kit.host import read_feed
from tests.flow.kit.world import World, a_world


async def row(world: World, payment_id: str) -> Row:
    found = await world.services.overview.find(payment_id)
    assert found is not None
    return found


async def test_the_row_says_where_the_payment_is_and_what_it_owes(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        paid = await world.accept("pm_ok")
        voided = await world.accept("pm_settle_declined")
        stuck = await world.accept("pm_settle_down")

        await world.run()

        rows = [await row(world, payment_id) for payment_id in (paid, voided, stuck)]
        assert [(each.status, each.owes, each.settled) for each in rows] == [
            ("completed", None, True),
            ("voided", None, False),
            ("created", "settle", False),
        ]
        stored = await world.stream(paid)
        assert (rows[0].amount_minor, rows[0].currency, rows[0].version) == (1250, "EUR", len(stored))


async def test_reading_the_feed_again_changes_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        before = await row(world, payment_id)

        world.rewind("project")
        await world.run()

        assert await row(world, payment_id) == before
        assert (
            world.telemetry.metric("payments.completed") == world.telemetry.metric("payment.time_to_completed_s") == 1
        )
        assert len(world.telemetry.log_lines("project.completed")) == 1


async def test_older_news_than_the_row_holds_is_no_news(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        before = await row(world, payment_id)
        documents, _ = await read_feed(world.backends, None)

        for document in reversed(documents):
            await project([document], services=world.services)

        assert await row(world, payment_id) == before


async def test_the_rows_can_be_thrown_away_and_rebuilt_from_the_feed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ids = [await world.accept(method) for method in ("pm_ok", "pm_declined", "pm_settle_down")]
        await world.run()
        before = [_without_etag(await row(world, payment_id)) for payment_id in ids]
        for payment_id in ids:
            place = partition_of(await row(world, payment_id))
            await world.backends.container(flow.PAYMENTS).delete_item(payment_id, partition_key=place)

        world.rewind("project")
        await world.run()

        assert [_without_etag(await row(world, payment_id)) for payment_id in ids] == before


async def test_a_document_that_is_no_event_stops_nobody(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.container(flow.EVENTS).create_item({"id": "x:1", "paymentId": "x", "type": "payment.odd"})
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert (await row(world, payment_id)).status == "completed"


async def a_document_of_a_later_release(world: World, payment_id: str, *, version: int) -> dict[str, Any]:
    """As if the next event of the payment were one that this release cannot read, a minute later."""
    stored = await world.stream(payment_id)
    event_id = f"{payment_id}:{version}"
    later = {"id": event_id, "version": version, "type": "payment.of_later", "occurredAt": time_to_json(world.clock.at)}
    return {**to_document(stored[-1]), **later}


async def test_an_event_that_cannot_be_read_moves_the_row_on_and_leaves_what_it_owes(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        before = await row(world, payment_id)
        world.clock.advance_s(60)

        await project([await a_document_of_a_later_release(world, payment_id, version=4)], services=world.services)

        after = await row(world, payment_id)
        assert world.faults == []
        assert (after.version, after.moved_at) == (4, world.clock.at)
        assert (after.status, after.owes, after.amount_minor) == (before.status, before.owes, before.amount_minor)


async def test_a_payment_at_rest_that_an_unreadable_event_moved_is_looked_at_by_the_sweep(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()

        await project([await a_document_of_a_later_release(world, payment_id, version=5)], services=world.services)

        after = await row(world, payment_id)
        world.clock.advance_s(10_000)
        await world.sweep()
        swept = await row(world, payment_id)
        assert (after.version, after.status, after.owes) == (5, "completed", "unknown")
        assert (swept.version, swept.status, swept.owes) == (4, "completed", None), "as the stream, which can be read"
        assert swept.swept_at == world.clock.now()


async def test_the_sweep_mends_a_row_whose_last_events_could_not_be_read_whatever_it_says_is_owed(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, projects=False) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        documents, _ = await read_feed(world.backends, None)
        odd = [await a_document_of_a_later_release(world, payment_id, version=version) for version in (3, 4)]
        await project([*documents[:2], *odd], services=world.services)
        before = await row(world, payment_id)
        assert (before.version, before.status, before.owes) == (4, "created", "settle")

        world.clock.advance_s(10_000)
        assert await world.sweep() == 0

        after = await row(world, payment_id)
        assert world.faults == []
        assert (after.version, after.status, after.owes, after.settled) == (4, "completed", None, True)


async def test_a_payment_of_which_nothing_could_be_read_yet_has_a_row_that_says_so(tmp_path: Path) -> None:
    async with a_world(tmp_path, projects=False) as world:
        payment_id = await world.accept()
        first, *_ = await world.stream(payment_id)

        await project([{**to_document(first), "schemaVersion": 2}], services=world.services)

        unread = await row(world, payment_id)
        assert (unread.version, unread.status, unread.owes) == (1, "unknown", "unknown")
        assert unread.moved_at == first.event.occurred_at


async def test_what_can_be_read_again_replaces_the_row_of_what_could_not(tmp_path: Path) -> None:
    async with a_world(tmp_path, projects=False) as world:
        payment_id = await world.accept()
        await world.run()
        documents, _ = await read_feed(world.backends, None)
        odd = await a_document_of_a_later_release(world, payment_id, version=2)

        await project([documents[0], odd], services=world.services)
        between = await row(world, payment_id)
        await project(documents, services=world.services)

        assert (between.version, between.status, between.owes) == (2, "initiated", "create")
        assert (await row(world, payment_id)).status == "completed"
        assert world.telemetry.metric("payments.completed") == 1


async def test_what_is_no_event_of_any_payment_has_no_row(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        odd: list[dict[str, Any]] = [
            {"id": "x", "paymentId": "x"},
            {"id": "y:1", "paymentId": 5},
            {"id": "z/1:1", "paymentId": "z/1"},
            {},
        ]

        await project(odd, services=world.services)

        assert await world.services.overview.newest(RowFilter(low="", high="~"), limit=10) == []


async def test_failures_are_counted_once_however_the_feed_cuts_its_pages(tmp_path: Path) -> None:
    async with a_world(tmp_path, projects=False) as world:
        await world.accept("pm_settle_declined")
        await world.run()
        documents, _ = await read_feed(world.backends, None)

        for document in documents:
            await project([document], services=world.services)
        await project(documents, services=world.services)

        assert world.telemetry.metric("payments.failed") == 1
        owed = {step: world.telemetry.metric("steps.owed", step=step) for step in ("create", "settle", "void")}
        assert owed == {"create": 1, "settle": 1, "void": 1}, "what is dead behind one of them is seen by it"


def _without_etag(found: Row) -> tuple[object, ...]:
    return (found.version, found.status, found.owes, found.settled, found.moved_at, found.initiated_at)


@pytest.mark.parametrize("happens", ["changed", "removed"])
async def test_a_row_that_others_change_or_remove_is_written_all_the_same(tmp_path: Path, happens: str) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        await world.run()
        before = await row(world, payment_id)
        rows, place = world.backends.container(flow.PAYMENTS), partition_of(before)
        if happens == "removed":
            await rows.delete_item(payment_id, partition_key=place)
        else:
            stored = await rows.read_item(payment_id, partition_key=place)
            await rows.replace_item(payment_id, {**stored, "swept_at": "2026-01-01T00:00:00Z"})

        await world.refund(payment_id)
        await world.run()

        after = await row(world, payment_id)
        assert world.faults == []
        assert (after.version, after.refunded_minor) == (before.version + 2, before.amount_minor)
        assert (after.swept_at is not None) == (happens == "changed"), "what others wrote is not lost"
