"""A list says how old it may be, never shows half of what there is as the whole, and is the same however it came to be.

The read model may be behind, dead, new, or thrown away.
"""

from pathlib import Path
from typing import Any

from shared import flow
from shared.codec.documents import to_document
from shared.codec.values import time_to_json
from shared.verbs.project import project
from tests.flow.kit.edge import Edge
from tests.flow.kit.rows import (
    all_is_read,
    empty_rows,
    project_payment,
    projector_came_to,
    requests,
)
from tests.flow.kit.world import World, a_world

SEARCH = "search_payments"


async def asked(edge: Edge) -> tuple[int, Any, Any]:
    """Status; then the lag and how many payments there are, or the code and when to come again."""
    answered = await edge.ask(SEARCH)
    if answered.status == 200:
        return 200, answered.body["lag_s"], len(answered.body["payments"])
    return answered.status, answered.body["code"], answered.headers.get("Retry-After")


async def test_until_the_rows_are_filled_there_is_no_list(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for _ in range(3):
            await world.accept("pm_ok")
        answers = [await asked(Edge(world))]
        await projector_came_to(world, 1)
        await project_payment(world)

        answers.append(await asked(Edge(world)))
        await all_is_read(world)
        answers.append(await asked(Edge(world)))

        assert answers == [(503, "list_not_ready", "5"), (503, "list_not_ready", "5"), (200, 0, 1)]


async def test_an_operator_sees_what_there_is_while_the_rows_are_filled(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        await project_payment(world)

        filling = await Edge(world).ask("list_payments")
        await all_is_read(world)
        filled = await Edge(world).ask("list_payments")

        assert (filling.status, filling.body["as_of"], len(filling.body["payments"])) == (200, None, 1)
        assert filled.body["as_of"] == time_to_json(world.clock.now())


async def test_once_it_was_whole_a_list_that_is_behind_says_by_how_much(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await all_is_read(world)
        before = await asked(Edge(world))
        world.clock.advance_s(30)
        await world.accept("pm_ok")
        world.clock.advance_s(30)

        behind = await asked(Edge(world))
        await world.restart()
        of_a_new_process = await asked(Edge(world))
        await world.tick("measure_backlog")
        await projector_came_to(world, world.backends.writes())
        await world.accept("pm_ok")
        world.clock.advance_s(10)
        await world.tick("measure_backlog")
        measured = await asked(Edge(world))

        assert before == (200, 0, 0)
        assert behind == of_a_new_process == (200, 60, 0)
        assert measured == (200, 10, 0), "it has read what the measurement before had seen"


async def test_rows_that_are_filled_under_load_are_whole_once_they_have_what_there_was(tmp_path: Path) -> None:
    """The reader is never quite done, and the list is there all the same."""
    async with a_world(tmp_path) as world:
        answers = []
        for number in range(3):
            await world.accept("pm_ok")
            await projector_came_to(world, number)
            await world.tick("measure_backlog")
            answers.append(await asked(Edge(world)))
            world.clock.advance_s(60)

        assert [answer[:2] for answer in answers] == [(503, "list_not_ready"), (200, 60), (200, 60)]


async def test_that_the_rows_were_filled_is_noted_once_whoever_asks(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await all_is_read(world)
        await asked(Edge(world))
        first = await requests(world.backends)
        await Edge(world).ask("list_payments")
        await asked(Edge(world))

        again = await requests(world.backends)

        assert first["upsert"][0] == 1
        assert "upsert" not in again


async def test_many_who_ask_within_two_seconds_look_at_the_feed_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await all_is_read(world)
        edge = Edge(world)
        await asked(edge)
        await requests(world.backends, flow.EVENTS)
        world.clock.advance_s(1.9)

        soon = await asked(edge)
        looks = await requests(world.backends, flow.EVENTS)
        world.clock.advance_s(0.2)
        later = await asked(edge)

        assert (soon, later) == ((200, 1.9, 0), (200, 0, 0))
        assert looks == {}, "what was believed for two seconds is told as two seconds old"
        looks = await requests(world.backends, flow.EVENTS)
        assert {name: count for name, (count, _) in looks.items()} == {"feed": 1}, "the definition is not read again"


async def shown(world: World) -> list[dict[str, Any]]:
    await all_is_read(world)
    answered = await Edge(world).ask(SEARCH)
    assert answered.body["lag_s"] == 0
    payments: list[dict[str, Any]] = answered.body["payments"]
    return payments


async def many(world: World) -> None:
    """Payments with every kind of end, and one that waits."""
    for method in ("pm_ok", "pm_declined", "pm_settle_down", "pm_settle_declined", "pm_ok"):
        await world.accept(method)
        await world.run()
        world.clock.advance_s(20 * 86_400)


async def test_rows_that_are_thrown_away_and_filled_again_give_the_same_list(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await many(world)
        before = await shown(world)
        await empty_rows(world.backends)
        await projector_came_to(world, 0)

        between = await asked(Edge(world))
        world.rewind("project")
        await world.run()

        assert between == (503, "list_not_ready", "5")
        assert len(before) == 5
        assert await shown(world) == before


async def test_a_projector_that_comes_late_gives_the_list_that_it_would_have_given(tmp_path: Path) -> None:
    async with a_world(tmp_path, projects=False) as world:
        await many(world)
        world.project_from_now_on()
        await world.run()

        late = await shown(world)

        for payment in late:
            whole = (await Edge(world).ask("get_payment", payment_id=payment["payment_id"])).body
            assert payment == {name: whole[name] for name in payment}
        assert [payment["status"] for payment in late] == ["completed", "voided", "created", "failed", "completed"]


async def test_an_event_that_cannot_be_read_yet_leaves_the_list_as_it_was_and_is_made_up_for(tmp_path: Path) -> None:
    """By the sweep, once this release, or the next one, can read the stream; no later event has to come."""
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        (first,) = await world.stream(payment_id)
        events = world.backends.container(flow.EVENTS)
        unread = {**to_document(first), "schemaVersion": 99}
        await events.upsert_item(unread)
        await world.work()
        answers = [await asked_when_read(world)]
        of_operators = (await Edge(world).ask("list_payments", params={"status": "unknown"})).body["payments"]

        await events.upsert_item(to_document(first))
        world.rewind("publish")
        world.clock.advance_s(10_000)
        await world.sweep()
        answers.append(await asked_when_read(world))
        nobodys = (await Edge(world).ask("list_payments", params={"status": "unknown"})).body["payments"]

        assert [row["id"] for row in of_operators] == [payment_id]
        assert [answer[2] for answer in answers] == [0, 1]
        assert nobodys == []


async def asked_when_read(world: World) -> tuple[int, Any, Any]:
    await all_is_read(world)
    return await asked(Edge(world))


async def test_a_payments_row_has_a_budget_of_its_own(tmp_path: Path) -> None:
    """As modelled by the local Cosmos DB, of a payment whose events come one by one; together they cost a fifth."""
    async with a_world(tmp_path, projects=False) as world:
        await project_payment(world, at=world.clock.now())
        payment_id = await world.accept("pm_ok")
        await world.run()
        await requests(world.backends)

        for stored in await world.stream(payment_id):
            await project([to_document(stored)], services=world.services)
        one_by_one = await requests(world.backends)
        await project_payment(world, at=world.clock.now())
        at_once = await requests(world.backends)

        assert {name: count for name, (count, _) in one_by_one.items()} == {"create": 2, "replace": 3}
        assert sum(ru for _, ru in one_by_one.values()) <= 54
        assert {name: count for name, (count, _) in at_once.items()} == {"create": 2}
        assert sum(ru for _, ru in at_once.values()) <= 9
