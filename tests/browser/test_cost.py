"""What an open page costs the app while nothing happens: counted, printed, and held.

A hidden one asks for nothing: tests/browser/test_manners.py.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from local.supervisor import Platform
from tests.browser.desk import Desk
from tests.browser.test_manners import asked
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED_S = 60
MOST_OF_A_CORE = 0.01
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(platform: Platform) -> float:
    """Of the process that hosts the app, in user and system mode. It has the app in itself."""
    fields = Path(f"/proc/{platform.pid('host')}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


async def spent(platform: Platform) -> float:
    before = cpu_s(platform)
    await asyncio.sleep(WATCHED_S)
    return cpu_s(platform) - before


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_an_open_page_at_rest_costs_the_app_hardly_anything(
    desk: Desk, platform: Platform, shop: Shop, record_property: Callable[[str, object], None]
) -> None:
    """As against the same time without one: the feeds are read in any case."""
    await shop.finished((await shop.post()).body["payment_id"])
    await asyncio.sleep(15)
    without = await spent(platform)
    await desk.open()
    await asyncio.sleep(5)

    before = asked(desk)
    with_one = await spent(platform)

    share = (with_one - without) / WATCHED_S
    record_property("an open page", f"{share:.2%} of a core, {asked(desk) - before} questions in {WATCHED_S} s")
    assert share <= MOST_OF_A_CORE
