"""An operator who looks on sees what moves, where it waits and what is parked; and looking on costs next to nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.adapters.cosmos import feeds
from shared.codec.facts import FORMS, type_name
from shared.domain.payment import Step
from shared.domain.rates import SLICES
from shared.verbs import watch
from tests.builders import a_payment
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.rows import all_is_read, project_payment, projector_came_to
from tests.flow.kit.scenarios import stuck, timed_out_and_done
from tests.flow.kit.world import World, a_world
from tests.flow.test_measure import publisher_came_to

NOTHING = [0] * SLICES


async def seen(edge: Edge, **headers: str) -> Answered:
    answered = await edge.ask("watch_flow", headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answered.status in (200, 304), answered.body
    return answered


async def after_a_while(world: World, edge: Edge, *, s: float = 2) -> Any:
    """What is seen then."""
    world.clock.advance_s(s)
    return (await seen(edge)).body


def minutes(body: Any) -> dict[str, int]:
    """Of the topics to which something went."""
    return {topic["topic"]: topic["minute"] for topic in body["topics"] if topic["minute"]}


def step(body: Any, name: str) -> dict[str, Any]:
    (found,) = [each for each in body["steps"] if each["step"] == name]
    return dict(found)


async def test_the_picture_is_drawn_from_the_map(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        body = (await seen(Edge(world))).body

        topics = {topic["topic"]: topic for topic in body["topics"]}
        assert {topic: each["event"] for topic, each in topics.items()} == {
            **{route.topic: FORMS[route.event].name for route in flow.MAP},
            flow.NOTICES: None,
        }
        assert all(topic["curve"] == NOTHING for topic in topics.values())
        assert [each["step"] for each in body["steps"]] == list(Step)
        assert step(body, "settle") == {
            "step": "settle",
            "topic": "payment-created",
            "subscription": "settle",
            "function": "settle_payment",
            "appends": ["payment.settled", "payment.failed"],
            "owed": 0,
            "late": 0,
            "oldest_s": None,
            "parked": {"high": 0, "normal": 0, "low": 0},
            "retries": {"attempts": 4, "longest_wait_s": world.services.limits.quiet.total_seconds()},
        }
        assert (body["build"], body["bucket_s"], body["times"]["completed_s"]["p50"]) == ("abc123", 10, None)


async def test_what_was_stored_in_the_last_ten_minutes_is_seen_by_whoever_begins_to_look(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        world.clock.advance_s(4)
        await world.run()
        world.clock.advance_s(590)

        early = (await seen(Edge(world))).body
        late = await after_a_while(world, Edge(world), s=20)

        went = {topic["topic"]: [n for n, each in enumerate(topic["curve"]) if each] for topic in early["topics"]}
        assert {topic: places for topic, places in went.items() if places} == {
            "payment-initiated": [0],
            "payment-created": [0],
            "payment-settled": [0],
            "payment-completed": [0],
        }
        assert early["times"]["completed_s"]["curve"][0] == pytest.approx([4, 4], rel=0.03)
        assert early["times"]["completed_s"]["p99"] == pytest.approx(4, rel=0.03)
        assert all(topic["curve"] == NOTHING for topic in late["topics"])
        assert late["times"]["completed_s"] == {"p50": None, "p99": None, "curve": [None] * SLICES}


async def test_what_comes_while_somebody_looks_is_counted_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await world.accept("pm_ok")
        found = [minutes((await seen(edge)).body)]
        await world.run()
        found += [minutes(await after_a_while(world, edge)) for _ in range(2)]
        await world.accept("pm_declined")
        await world.run()
        found.append(minutes(body := await after_a_while(world, edge)))

        once = dict.fromkeys(("payment-initiated", "payment-created", "payment-settled", "payment-completed"), 1)
        assert found[:3] == [{"payment-initiated": 1}, once, once]
        assert found[3] == {**once, "payment-initiated": 2, "payment-failed": 1}
        assert {name: end["minute"] for name, end in body["ends"].items()} == {"completed": 1, "failed": 1, "voided": 0}


async def test_what_is_erased_meanwhile_is_not_counted_once_more(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await world.accept("pm_ok", description="Two books for Jo")
        await seen(edge)
        await world.erase(payment_id)

        goes_on = await after_a_while(world, edge)
        begins = (await seen(Edge(world))).body

        assert minutes(goes_on) == minutes(begins) == {"payment-initiated": 1}


async def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await seen(edge)
        await world.backends.container(flow.EVENTS).create_item({"id": "odd", "paymentId": "odd", "metadata": 7})
        await world.accept("pm_ok")

        assert minutes(await after_a_while(world, edge)) == {"payment-initiated": 1}


async def test_a_payment_that_waits_shows_at_its_step_and_is_late_after_ten_seconds(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await project_payment(world, at=world.clock.now())
        first = step((await seen(edge)).body, "create")
        soon = step(await after_a_while(world, edge, s=10), "create")
        late = step(await after_a_while(world, edge, s=10), "create")
        long = step(await after_a_while(world, edge, s=3600), "create")

        assert [(each["owed"], each["late"], each["oldest_s"]) for each in (first, soon, late, long)] == [
            (1, 0, 0),
            (1, 0, 10),
            (1, 1, 20),
            (1, 1, 3600),
        ]


async def test_what_waits_is_counted_again_when_an_event_came_or_a_reader_moved_and_else_later(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await projector_came_to(world, 0)
        await seen(edge)
        await after_a_while(world, edge)
        owed = []
        for number in range(3):
            await project_payment(world, at=world.clock.now())
            if number == 1:
                await world.accept("pm_ok")
            if number == 2:
                await projector_came_to(world, 1)
            owed += [step(await after_a_while(world, edge), "create")["owed"] for _ in range(2)]

        assert owed == [0, 0, 2, 2, 3, 3], "rows that nothing tells of are seen when something else moves"


async def test_very_many_that_wait_are_counted_as_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.cosmos.overview.FEW", 2)
    async with a_world(tmp_path) as world:
        for ago_s in (60, 30, 0):
            await project_payment(world, at=world.clock.now())
            world.clock.advance_s(ago_s / 2)

        body = (await seen(Edge(world))).body

        assert {each["step"]: each["owed"] for each in body["steps"] if each["owed"]} == {"create": 3}
        assert (step(body, "create")["late"], step(body, "create")["oldest_s"]) == (2, 45)


@pytest.mark.parametrize("few", [1000, 1])
async def test_what_is_parked_shows_at_its_step_until_it_is_replayed(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.adapters.cosmos.overview.FEW", few)
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await stuck(world, count=2)
        parked = await after_a_while(world, edge)
        older = await after_a_while(world, edge, s=600)
        await world.backends.tell_provider("/repair")
        await world.replay_all()
        await world.run()
        replayed = await after_a_while(world, edge)

        assert step(parked, "settle")["parked"] == {"high": 0, "normal": 2, "low": 0}
        assert (step(parked, "settle")["owed"], step(older, "settle")["late"]) == (0, 0), "it is not shown as to do too"
        assert step(older, "settle")["oldest_s"] is None
        assert (parked["letters"]["open"], parked["letters"]["high"]) == (2, 0)
        assert [each["n"] for each in parked["letters"]["by_age"]] == [2, 0, 0, 0, 0, 0]
        assert [each["n"] for each in older["letters"]["by_age"]] == [0, 0, 2, 0, 0, 0]
        assert older["letters"]["oldest_s"] == 600
        assert step(replayed, "settle")["parked"] == {"high": 0, "normal": 0, "low": 0}
        assert (replayed["letters"]["open"], replayed["letters"]["oldest_s"]) == (0, None)


async def test_a_letter_of_no_step_is_seen_elsewhere(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.container(flow.EVENTS).create_item({"id": "odd", "paymentId": "odd"})
        await world.run()

        letters = (await seen(Edge(world))).body["letters"]

        assert (letters["open"], sum(letters["elsewhere"].values())) == (1, 1)


async def test_how_long_an_unknown_outcome_took_to_be_certain_is_told_beside_what_went_well(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        await world.run()
        began = world.clock.now()
        payment_id = await timed_out_and_done(world)
        (settled,) = [each for each in await world.stream(payment_id) if type_name(each.event) == "payment.settled"]
        took_s = (settled.event.occurred_at - began).total_seconds()

        times = (await seen(Edge(world))).body["times"]

        assert took_s > 1
        assert times["certain_s"]["p50"] == times["certain_s"]["p99"] == pytest.approx(took_s, rel=0.03)
        assert times["completed_s"]["p50"] < 1 < times["completed_s"]["p99"]


def test_what_a_person_started_again_needed_more_than_one_attempt() -> None:
    """The provider had done it long before, and says so at once when it is asked again."""
    stream = a_payment().created().parked("settle").resumed("settle").settled().stored
    at_once = replace(stream[-1], caused_by=stream[1].event_id)
    again = replace(stream[-1], caused_by=stream[3].event_id)
    tallies = {}
    for name, settled in (("at once", at_once), ("again", again)):
        tallies[name] = watch.Tally()
        for stored in (*stream[:-1], settled):
            tallies[name].note(stored)

    seconds = {name: tally.certain.all(stream[-1].event.occurred_at) for name, tally in tallies.items()}

    assert seconds["at once"] is None
    assert seconds["again"] is not None
    assert seconds["again"].p50 == pytest.approx(3, rel=0.03)


async def test_a_reader_that_stands_still_has_a_lag_whoever_saw_it_first(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await publisher_came_to(world, 0)
        await projector_came_to(world, 0)
        await world.accept("pm_ok")
        await world.tick("measure_backlog")
        world.clock.advance_s(60)
        edge = Edge(world)

        found = [(await seen(edge)).body["feeds"], (await after_a_while(world, edge, s=5))["feeds"]]
        await all_is_read(world)
        found.append((await after_a_while(world, edge))["feeds"])

        assert found == [
            {"publish": {"lag_s": 60, "unread": 1}, "project": {"lag_s": 60, "unread": 1}},
            {"publish": {"lag_s": 60, "unread": 1}, "project": {"lag_s": 60, "unread": 1}},
            {"publish": {"lag_s": 60, "unread": 1}, "project": {"lag_s": 0, "unread": 0}},
        ]


async def test_where_more_was_stored_than_a_look_may_read_the_curves_begin_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MOST_EVENTS", 2)
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        empty = (await seen(edge)).body
        await world.accept("pm_ok")
        await world.run()
        too_many = await after_a_while(world, edge)
        anew = await after_a_while(world, edge)
        await world.accept("pm_ok")
        goes_on = await after_a_while(world, edge)

        assert empty["since"] < empty["as_of"]
        assert sum(minutes(too_many).values()) == 2
        assert too_many["since"] == too_many["as_of"], "two are missing, and it does not say that none is"
        assert (anew["since"], minutes(anew)) == (anew["as_of"], {})
        assert (goes_on["since"], minutes(goes_on)) == (anew["since"], {"payment-initiated": 1})


async def test_where_a_part_of_the_feed_was_split_the_watch_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer then tells of one half, and how far behind a reader is in the other is not known."""
    read = feeds.from_position

    async def of_one_half(*args: Any, **kwargs: Any) -> feeds.Read:
        whole = await read(*args, **kwargs)
        return replace(whole, tokens=[f"9{token[token.index(':') :]}" for token in whole.tokens])

    async with a_world(tmp_path) as world:
        edge = Edge(world)
        await seen(edge)
        monkeypatch.setattr(feeds, "from_position", of_one_half)
        split = await after_a_while(world, edge)
        monkeypatch.undo()
        await world.accept("pm_ok")
        anew = await after_a_while(world, edge)

        assert split["since"] == split["as_of"]
        assert anew["since"] < split["as_of"]
        assert minutes(anew) == {"payment-initiated": 1}
