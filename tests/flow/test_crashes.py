"""The worker dies right before and right after every call through a port and every step of its host, and is replaced.

The calls are not listed here: a first run counts what passes the tripwire, then there is one run for each call and
side. A call that is added tomorrow is met without a change to this file.
"""

from collections.abc import Sequence
from itertools import batched
from pathlib import Path
from typing import Any

import pytest

from tests.faults import Side, Tripwire
from tests.flow.grounds import standing
from tests.flow.stories import ALL, End, end_of
from tests.flow.world import a_world_on

FEW: dict[str, Any] = {f"retry_{step}_attempts": 3 for step in ("create", "settle", "void", "notify")}
PROJECTED = {"paid", "lost_and_swept"}
"""The read model is one and the same in every story."""
FRESH_AFTER = 10
"""Runs on the same ground: what earlier runs left in the store makes its queries slower."""


@pytest.mark.parametrize("name", ALL)
async def test_a_worker_that_dies_beside_any_call_changes_nothing_about_the_end(name: str, tmp_path: Path) -> None:
    whole = Tripwire()
    expected = await _told(name, tmp_path / "whole", [whole])
    deaths = [Tripwire(at=at, side=side) for at in range(len(whole.calls)) for side in Side]

    ends = []
    for number, some in enumerate(batched(deaths, FRESH_AFTER, strict=False)):
        ends += await _told(name, tmp_path / str(number), some)

    assert expected[0].charged <= 1
    assert expected[0].waiting == 0
    assert [_where(wire, whole) for wire, end in zip(deaths, ends, strict=True) if end != expected[0]] == []
    assert [wire.calls[: wire.at] for wire in deaths] == [whole.calls[: wire.at] for wire in deaths]
    assert all(wire.has_killed for wire in deaths)


async def _told(name: str, data: Path, wires: Sequence[Tripwire]) -> list[End]:
    """Once for each wire, on one ground whose provider forgets request ids: a second charge would be seen."""
    ends = []
    async with standing(data) as grounds:
        await grounds.tell_provider("/mode", forget_request_ids=True)
        for wire in wires:
            async with a_world_on(grounds, wire=wire, projects=name in PROJECTED, **FEW) as world:
                payment_id = await ALL[name](world)
                ends.append(await end_of(world, payment_id))
    return ends


def _where(wire: Tripwire, whole: Tripwire) -> str:
    assert wire.at is not None
    return f"{wire.side} call {wire.at}, {whole.calls[wire.at]}"
