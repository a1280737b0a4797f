"""What led to each event, as operators see it: the message and its attempt, or who else wrote it, and the trace."""

from pathlib import Path
from typing import Any

import pytest

from shared.codec.deliveries import attempt_in
from tests.builders import TRACEPARENT
from tests.flow.kit.edge import Edge
from tests.flow.kit.scenarios import failed_twice, parked_and_replayed
from tests.flow.kit.world import World, a_world

ID = "11111111-1111-4111-8111-111111111111"


async def told(world: World, payment_id: str, *, view: str = "inspect_payment_events") -> list[dict[str, Any]]:
    answered = await Edge(world).ask(view, payment_id=payment_id)
    events: list[dict[str, Any]] = answered.body["events"]
    return events


async def test_an_event_says_which_attempt_of_its_step_brought_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await failed_twice(world)

        first, created, settled, completed = await told(world, payment_id)

        assert "caused_by" not in first
        assert "attempt" not in first
        assert (created["caused_by"], created["attempt"]) == (f"{payment_id}:1:create:2", 3)
        assert (settled["caused_by"], settled["attempt"]) == (f"{payment_id}:2:settle:2", 3)
        assert (completed["caused_by"], completed["attempt"]) == (f"{payment_id}:3", 1)


async def test_what_a_person_did_has_no_attempt(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await parked_and_replayed(world)

        events = {each["type"]: each for each in await told(world, payment_id)}

        resumed = events["payment.resumed"]
        assert resumed["caused_by"].startswith("letter:")
        assert "attempt" not in resumed
        by_that = f"{payment_id}:{resumed['version']}"
        assert events["payment.settled"]["caused_by"].startswith(by_that), "the settle stems from the replay"


async def test_each_event_names_the_trace_of_its_request(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        answered = await Edge(world).send(
            "accept_payment",
            {"amount_minor": 1, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"},
        )
        await world.run()

        events = await told(world, answered.body["payment_id"])

        assert {each["trace_id"] for each in events} == {TRACEPARENT.split("-")[1]}
        assert len(events) == 4


async def test_the_merchant_is_not_shown_what_led_to_an_event(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await failed_twice(world)

        events = await told(world, payment_id, view="get_payment_events")

        assert {name for each in events for name in each} == {"version", "type", "occurred_at", "data"}


@pytest.mark.parametrize(
    ("caused_by", "attempt"),
    [
        (f"{ID}:2", 1),
        (f"{ID}:2:settle:1", 2),
        (f"{ID}:2:settle:12:0a1b2c3d", 13),
        (f"{ID}:2:settle:1:12345678", 2),
        (f"{ID}:2:settle:0:3", 4),
        (f"{ID}:2:settle", None),
        (f"letter:{ID}", None),
        ("merchant", None),
        ("sweep", None),
        ("", None),
        (f"{ID}:2:settle:1:2:3:4", None),
        (f"{ID}:2:settle:99999999999999999999", None),
    ],
)
def test_the_attempt_stands_in_the_id_of_the_message(caused_by: str, attempt: int | None) -> None:
    """With a hash where it carried a yes; with a run before it where an earlier release wrote it."""
    assert attempt_in(caused_by) == attempt
