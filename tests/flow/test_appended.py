"""What each step adds to the stream is what the map says, whatever becomes of a payment."""

from collections.abc import Sequence
from pathlib import Path

from shared import flow
from shared.codec.deliveries import attempt_in
from shared.codec.facts import FORMS, type_name
from shared.domain.events import Event, PaymentResumed
from shared.domain.payment import Step, task_named
from shared.domain.standing import STARTERS_OF
from shared.domain.stream import StoredEvent
from tests.flow.kit.scenarios import SCENARIOS
from tests.flow.kit.world import World, a_world


async def test_a_step_appends_what_the_map_says_and_all_of_it(tmp_path: Path) -> None:
    """Whatever is done by a step's own message stands there, but for what tells of something that broke."""
    beside = {"parked", "seen_to", "charged_twice", "captured_late", "cancel_requested"}
    found: set[tuple[Step, str]] = set()
    async with a_world(tmp_path) as world:
        for scenario in (*SCENARIOS.values(), _cancelled_too_late):
            payment_id = await scenario(world)
            stream = await world.stream(payment_id)
            found |= _appended(stream)

    assert found, "messages led to events"
    said = {(each, FORMS[event].name.removeprefix("payment.")) for each in Step for event in flow.APPENDS[each]}
    assert {each for each in found if each[1] not in beside} == said


async def _cancelled_too_late(world: World) -> str:
    """The money is taken, and nobody was told when the merchant cancels."""
    payment_id = await world.accept("pm_settle_times_out_once")
    while not await world.charges(payment_id):
        assert await world.next()
    await world.cancel(payment_id)
    await world.run()
    return payment_id


def _appended(stream: Sequence[StoredEvent]) -> set[tuple[Step, str]]:
    """What messages led to, each with the step that its message was for. One that starts two steps is for the one of
    which it is said.
    """
    by_id = {each.event_id: each.event for each in stream}
    found = set()
    for each in stream:
        if each.caused_by is None or attempt_in(each.caused_by) is None:
            continue
        payment_id, version, *_ = each.caused_by.split(":")
        cause = by_id[f"{payment_id}:{version}"]
        started = [_step_of(cause)] if isinstance(cause, PaymentResumed) else _started_by(cause)
        fitting = [one for one in started if type(each.event) in flow.APPENDS[one]]
        found.add(((fitting or started)[0], type_name(each.event).removeprefix("payment.")))
    return found


def _step_of(resumed: PaymentResumed) -> Step:
    task = task_named(resumed.step)
    assert task is not None
    return task.step


def _started_by(cause: Event) -> list[Step]:
    return [each for each, starters in STARTERS_OF.items() if isinstance(cause, starters)]
