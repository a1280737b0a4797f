"""The worker dies right before and right after every call through a port and every step of its host, and is replaced.

The calls are not listed here: a first run counts what passes the tripwire, then there is one run for each call and
side. A call that is added tomorrow is met without a change to this file.
"""

from pathlib import Path

import pytest

from local.faults import Side, Tripwire
from tests.flow.grounds import Grounds, standing
from tests.flow.stories import ALL, End, Story, end_of
from tests.flow.world import a_world_on


async def told(story: Story, grounds: Grounds, *, wire: Tripwire, projects: bool) -> tuple[End, int]:
    async with a_world_on(grounds, wire=wire, projects=projects) as world:
        payment_id = await story(world)
        return await end_of(world, payment_id), world.deaths


@pytest.mark.parametrize("name", ALL)
async def test_a_worker_that_dies_beside_any_call_changes_nothing_about_the_end(name: str, tmp_path: Path) -> None:
    story, projects = ALL[name], name in ("paid", "lost_and_swept")
    async with standing(tmp_path) as grounds:
        await grounds.tell_provider("/mode", forget_request_ids=True)  # so that a second charge would be seen
        whole = Tripwire()
        expected, _ = await told(story, grounds, wire=whole, projects=projects)
        assert expected.charged <= 1
        assert expected.waiting == 0

        other_ends = []
        for at, call in enumerate(whole.calls):
            for side in Side:
                wire = Tripwire(at=at, side=side)
                end, deaths = await told(story, grounds, wire=wire, projects=projects)
                assert (deaths, wire.calls[at]) == (1, call), "the run before the death was another one"
                if end != expected:
                    other_ends.append((f"{side} call {at}, {call}", end))

        assert other_ends == []
        assert len(whole.calls) > 0
