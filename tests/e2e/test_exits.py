"""The host's process is gone at once, in the middle of its work, and is started again. tests/flow/test_crashes.py does
the same beside every call; here it is a real process, with real connections that break.
"""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.conftest import running_shop
from tests.e2e.crashing_host import EXIT_CODE
from tests.topologies import SHORTEST_LOCK, changed_topology

POINTS = ["after provider.settle", "before host.complete", "after scheduler.schedule", "after publisher.publish"]


@pytest.mark.timeout(120)
async def test_a_host_that_exits_in_the_middle_of_its_work_loses_nothing_and_charges_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    environment = {"CRASH_POINTS": ",".join(POINTS), "CRASH_MARKS": str(marks)}
    modules = {"host": "tests.e2e.crashing_host"}
    topology = changed_topology(tmp_path, lock_duration=SHORTEST_LOCK)
    async with running_shop(data=tmp_path / "data", environment=environment, modules=modules, topology=topology) as (
        platform,
        shop,
    ):
        await shop.tell_provider("/mode", forget_request_ids=True)

        ordering = asyncio.create_task(shop.order_many(3, payment_method="pm_fails_twice"))
        for _ in POINTS:
            death = await platform.first_death()
            assert f"{EXIT_CODE}" in str(death)
            await platform.start("host")
        payments = await shop.finished_many(await ordering)

        assert sorted(mark.name.replace("-", " ") for mark in marks.iterdir()) == sorted(POINTS)
        assert {payment["status"] for payment in payments} == {"completed"}
        assert {charge["times_charged"] for charge in (await shop.charges()).values()} == {1}
