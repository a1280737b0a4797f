"""The read model: a row per payment, kept by a feed of its own, thrown away and rebuilt without harm."""

from pathlib import Path

from shared import flow
from shared.domain.rows import Row
from shared.verbs.project import project
from tests.flow.kit.host import read_feed
from tests.flow.kit.world import World, a_world


async def row(world: World, payment_id: str) -> Row:
    found = await world.services.overview.get(payment_id)
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
            await world.backends.container(flow.PAYMENTS).delete_item(payment_id, partition_key=payment_id)

        world.rewind("project")
        await world.run()

        assert [_without_etag(await row(world, payment_id)) for payment_id in ids] == before


async def test_a_document_that_is_no_event_stops_nobody(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.container(flow.EVENTS).create_item({"id": "x:1", "paymentId": "x", "type": "payment.odd"})
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert (await row(world, payment_id)).status == "completed"


async def test_failures_are_counted_once_however_the_feed_cuts_its_pages(tmp_path: Path) -> None:
    async with a_world(tmp_path, projects=False) as world:
        await world.accept("pm_settle_declined")
        await world.run()
        documents, _ = await read_feed(world.backends, None)

        for document in documents:
            await project([document], services=world.services)
        await project(documents, services=world.services)

        assert world.telemetry.metric("payments.failed") == 1


def _without_etag(found: Row) -> tuple[object, ...]:
    return (found.version, found.status, found.owes, found.settled, found.moved_at, found.initiated_at)
