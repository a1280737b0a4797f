"""The whole of it on a platform that keeps itself alive, as `make run` has it: break it from the page, and watch."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from local.keeper import Keeper, State
from local.steering import steered
from tests import hosts
from tests.browser.conftest import SOON_PARKED
from tests.browser.desk import Desk, chromium, visiting
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keeper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Keeper]:
    chromium()
    run = partial(hosts.running, data=tmp_path_factory.mktemp("platform"))
    async with steered(run, environment=SOON_PARKED, first_s=1.0, tell=lambda *_, **__: None) as kept:
        yield kept


@pytest_asyncio.fixture(loop_scope="module")
async def own(browser: Browser, keeper: Keeper) -> AsyncIterator[Desk]:
    """A tab at the page of that platform."""
    async with visiting(browser, keeper.platform.url) as opened:
        yield opened


async def test_the_first_minute_needs_two_clicks(own: Desk) -> None:
    await own.open()

    await own.turn_to("Try it")
    await own.button("Send").click()

    await own.page.locator(".lead .mark.completed").wait_for(timeout=30_000)
    await own.shows("delivered")


SLOWLY_PARKED = {"RETRY_CREATE_ATTEMPTS": "41", "RETRY_CREATE_BASE_S": "1", "RETRY_CREATE_CAP_S": "1"}
"""Waits are drawn from 0 to 1 s: some 20 s in all, and hardly ever less than those after which a step is late."""


@pytest.mark.long
async def test_payments_are_seen_retrying_before_they_wait_for_a_person(browser: Browser, tmp_path: Path) -> None:
    run = partial(hosts.running, data=tmp_path)
    async with (
        steered(run, environment=SLOWLY_PARKED, first_s=1.0, tell=lambda *_, **__: None) as kept,
        visiting(browser, kept.platform.url) as own,
    ):
        await payments_wait_are_replayed_and_completed(own, are_seen_retrying=True)


async def test_a_provider_is_broken_payments_wait_are_replayed_and_completed_all_from_the_page(own: Desk) -> None:
    await payments_wait_are_replayed_and_completed(own, are_seen_retrying=False)


async def payments_wait_are_replayed_and_completed(own: Desk, *, are_seen_retrying: bool) -> None:
    await own.open("#/try")
    await own.button("Break the provider").click()
    await own.shows("the provider's answers: broken")
    await own.button("pm_ok").click()
    await own.page.get_by_role("link", name="pm_ok").wait_for()
    await own.turn_to("Flow")

    if are_seen_retrying:
        await own.page.locator("[data-step=create] .mark.retrying").wait_for(timeout=30_000)
    await own.page.locator("[data-step=create]").get_by_text("1 parked").wait_for(timeout=60_000)
    await expect(own.page.locator("[data-step=create] .mark.retrying")).to_have_count(0)
    await own.turn_to("Try it")
    await own.button("Repair the provider").click()
    await own.shows("the provider's answers: ok")
    await own.turn_to("Letters")
    await own.button("Replay 1 of create").click()
    await own.answer("Replay 1 letter").click()

    await own.heading("Replayed: 1 done").wait_for(timeout=30_000)
    await own.turn_to("Payments")
    all_of_them = 1 if are_seen_retrying else 2  # on the shared platform one was sent before
    await expect(own.page.locator("tbody .mark.completed")).to_have_count(all_of_them, timeout=30_000)


async def test_a_frozen_bus_shows_as_lag_and_all_goes_on_when_it_thaws(own: Desk) -> None:
    await own.open("#/try")
    await own.button("Freeze servicebus").click()
    await own.shows("servicebus is frozen")
    await own.button("pm_ok").click()
    await own.turn_to("Flow")

    await expect(own.page.locator(".tile").first).to_contain_text("not published yet", timeout=30_000)
    await own.turn_to("Try it")
    await own.button("Thaw servicebus").click()
    await own.turn_to("Flow")

    await expect(own.page.locator(".tile").first).to_contain_text("up to date", timeout=60_000)


async def test_a_host_that_was_killed_from_the_page_is_back_under_it(own: Desk, keeper: Keeper) -> None:
    """It may be back before the page has asked again, so only what it shows at last is looked at."""
    host = keeper.parts["host"]
    await own.open("#/try")

    await own.button("Kill host").click()
    await until(lambda: host.deaths > 0 and host.state is State.UP, limit_s=60)
    await own.page.locator(".trouble").wait_for(state="detached", timeout=60_000)
    await own.button("pm_ok").click()
    await own.page.get_by_role("link", name="pm_ok").click()

    await own.page.locator(".lead .mark.completed").wait_for(timeout=60_000)
