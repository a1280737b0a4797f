"""Trying and breaking things from the console, with answers of the local platform as it gives them."""

from typing import Any

import pytest
from playwright.async_api import Route

from tests.browser.desk import Desk
from tests.browser.played import platform_at_rest, play
from tests.shop import Shop

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


async def test_each_way_to_break_something_is_asked_for_at_its_own_address(desk: Desk) -> None:
    done: list[str] = []

    async def act(route: Route) -> None:
        done.append(f"{route.request.method} {route.request.url.removeprefix(desk.url)}")
        await route.fulfill(json={})

    await play(desk.page, "/local/", platform_at_rest())
    await desk.page.route("**/local/*/**", act)
    await desk.open("#/try")

    for name in ("Break the provider", "Repair the provider", "Kill host", "Freeze servicebus"):
        await desk.button(name).click()
        await desk.page.get_by_role("status").get_by_text(f"asked: {name}").wait_for(state="attached")

    assert done == [
        "POST /local/provider/break",
        "POST /local/provider/repair",
        "POST /local/parts/host/kill",
        "POST /local/parts/servicebus/freeze",
    ]


async def test_what_cannot_be_done_is_not_offered_and_what_died_says_how(desk: Desk) -> None:
    """The host that answers cannot be frozen: nobody would thaw it."""
    died = {"state": "down", "can": [], "last_death": "was killed by signal 9"}
    await play(desk.page, "/local/", platform_at_rest(cosmos=died))
    await desk.open("#/try")

    said = await desk.text()

    assert await desk.button("Freeze host").count() == 0
    assert await desk.button("Kill cosmos").count() == 0
    assert "cosmos is down" in said
    assert "was killed by signal 9" in said


async def test_what_the_platform_refuses_is_said_with_its_reason(desk: Desk) -> None:
    problem = {"title": "cosmos is frozen already.", "code": "cannot_be_done"}
    await play(desk.page, "/local/", platform_at_rest())
    await play(desk.page, "/local/parts/cosmos/freeze", problem, status=409)
    await desk.open("#/try")

    await desk.button("Freeze cosmos").click()

    await desk.shows("cosmos is frozen already.")


@pytest.mark.parametrize("method", ["pm_declined", "pm_settle_declined"])
async def test_a_button_sends_a_payment_that_goes_another_way(method: str, desk: Desk, shop: Shop) -> None:
    await play(desk.page, "/local/", platform_at_rest())
    await desk.open("#/try")

    await desk.button(method).first.click()
    await desk.page.get_by_role("link", name=method).click()

    ended: dict[str, Any] = {"pm_declined": "failed", "pm_settle_declined": "voided"}
    await desk.page.locator(f".lead .mark.{ended[method]}").wait_for(timeout=30_000)


async def test_what_the_api_refuses_of_a_payment_is_said_field_by_field(desk: Desk) -> None:
    await play(desk.page, "/local/", platform_at_rest())
    await desk.open("#/try")

    await desk.page.get_by_label("Currency").fill("XXX")
    await desk.button("Send").click()

    await desk.shows("currency:")
    assert "some of its fields cannot be accepted" in await desk.text()


async def test_a_platform_that_is_away_takes_nothing_else_with_it(desk: Desk) -> None:
    await play(desk.page, "/local/", platform_at_rest())
    await desk.open("#/try")
    await play(desk.page, "/local/", {"title": "Whoever runs this platform does not answer."}, status=502)

    await desk.page.wait_for_timeout(2500)

    assert "Out of date" not in await desk.text()
