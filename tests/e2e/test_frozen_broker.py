"""An operator replays while the broker is frozen: the replay needs no bus, so nothing waits and nothing is lost."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import ROOT, Platform
from tests import hosts
from tests.e2e.conftest import running_shop
from tests.shop import Shop
from tests.waiting import until

DEAD = 3
AFTER_THE_THAW_S = hosts.patient(60.0)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process does nothing and its connections stay, as in a machine that hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def ops(platform: Platform, *arguments: str) -> str:
    """What the operator's own command prints; it must succeed."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops",
        *arguments,
        "--url",
        platform.url,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(command.communicate(), hosts.patient(30.0))
    assert command.returncode == 0, printed.decode()
    return printed.decode()


async def open_letters(shop: Shop) -> list[dict[str, Any]]:
    async with shop.http.get(f"{shop.url}/api/ops/dead-letters", params={"status": "open"}) as response:
        answer: dict[str, Any] = await response.json()
        return list(answer["dead_letters"])


@pytest.mark.timeout(240)
async def test_what_is_replayed_while_the_broker_is_frozen_completes_when_it_goes_on(tmp_path: Path) -> None:
    async with running_shop(data=tmp_path) as (platform, shop):
        payment_ids = await shop.order_many(DEAD, payment_method="pm_settle_down")

        async def are_dead() -> bool:
            return len(await open_letters(shop)) == DEAD

        await until(are_dead, limit_s=hosts.patient(60.0), every_s=0.2)
        await shop.tell_provider("/repair")
        with frozen(platform.pid("servicebus")):
            said = await ops(platform, "replay", "--all")
            assert "3 replayed" in said, said
            assert await open_letters(shop) == [], "taken up, and no replay is forgotten for that"
        async with asyncio.timeout(AFTER_THE_THAW_S):
            payments = await shop.finished_many(payment_ids)

        assert [payment["status"] for payment in payments] == ["completed"] * DEAD
        assert {charge["times_charged"] for charge in (await shop.charges()).values()} == {1}
