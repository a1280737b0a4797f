"""The console for everybody: each view by axe-core in both themes, narrow and wide; every action by keyboard alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import Desk
from tests.browser.played import platform_at_rest, play
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = "async (rules) => (await axe.run(document, {runOnly: rules, resultTypes: ['violations']})).violations"
WIDTHS, THEMES = (320, 1280), ("light", "dark")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(shop: Shop) -> Mapping[str, str]:
    """Each view by its name, with something to show in it."""
    paid = (await shop.post(notification_url=f"{shop.provider_url}/merchant/ok", metadata={"cart": "7"})).body
    bad = (await shop.post(payment_method="pm_invalid", reference="x" * 64)).body
    await shop.finished(paid["payment_id"])
    await shop.refund(paid["payment_id"], key="r", amount_minor=100)
    await shop.refunded(paid["payment_id"])
    letters: list[str] = []

    async def is_parked() -> bool:
        letters[:] = [each["id"] for each in (await shop.get("/api/ops/dead-letters?status=open")).body["dead_letters"]]
        return bool(letters)

    await until(is_parked, every_s=0.2)
    return {
        "flow": "#/flow",
        "payments": "#/payments",
        "a payment": f"#/payments/{paid['payment_id']}",
        "a payment that waits": f"#/payments/{bad['payment_id']}",
        "letters": "#/letters",
        "a letter": f"#/letters/{letters[0]}",
        "charts": "#/charts",
        "try it": "#/try",
    }


async def faults(desk: Desk) -> list[str]:
    """What axe-core finds, a line each."""
    await desk.page.evaluate(AXE)
    found = await desk.page.evaluate(LOOK, RULES)
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


async def settled(desk: Desk) -> None:
    await expect(desk.page.locator("main")).not_to_contain_text("Asking")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    width: int, theme: Any, visit: Visit, places: Mapping[str, str]
) -> None:
    async with visit(viewport={"width": width, "height": 800}, color_scheme=theme) as desk:
        await play(desk.page, "/local/", platform_at_rest())
        found = {}
        for name, place in places.items():
            await desk.open(place)
            await settled(desk)
            await desk.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            scrolls = await desk.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            found[name] = [*await faults(desk), *(["it is wider than the screen"] if scrolls else [])]

    assert not {name: each for name, each in found.items() if each}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_in_a_question_or_when_something_is_wrong(
    width: int, theme: Any, visit: Visit, places: Mapping[str, str]
) -> None:
    problem = {"title": "The store is busy.", "code": "store_busy"}
    async with visit(viewport={"width": width, "height": 800}, color_scheme=theme) as desk:
        await desk.open(places["letters"])
        await desk.button("Replay all").click()
        await desk.page.get_by_role("dialog").get_by_role("table").wait_for()
        question = await faults(desk)
        await desk.answer("Close").click()
        await play(desk.page, "/api/ops/flow", problem, status=503)
        await desk.shows("Out of date")
        trouble = await faults(desk)
        await play(desk.page, "/api/ops/flow", problem, status=401)
        await desk.page.reload()
        await desk.heading("Sign in").wait_for()
        signing_in = await faults(desk)

    assert (question, trouble, signing_in) == ([], [], [])


async def press(desk: Desk, name: str, *, most: int = 80) -> None:
    """Goes on with Tab until what has this name has the focus, and presses Enter."""
    await reach(desk, name, most=most)
    await desk.page.keyboard.press("Enter")


async def reach(desk: Desk, name: str, *, most: int = 80) -> None:
    for _ in range(most):
        await desk.page.keyboard.press("Tab")
        if await desk.page.evaluate(NAMED) == name:
            return
    raise AssertionError(f"no way leads to {json.dumps(name)} by Tab")


NAMED = """() => {
  const at = document.activeElement;
  const text = at.getAttribute('aria-label') ?? at.labels?.[0]?.innerText ?? at.innerText ?? '';
  return text.replace(/\\s+/g, ' ').trim();
}"""


async def test_a_payment_is_sent_looked_at_and_refunded_by_keyboard_alone(desk: Desk) -> None:
    await play(desk.page, "/local/", platform_at_rest())
    await desk.open()

    await press(desk, "Try it")
    await desk.heading("Send a payment").wait_for()
    await press(desk, "Send")
    await desk.page.locator(".lead .mark.completed").wait_for()
    await press(desk, "Refund…")
    await reach(desk, "Reason")
    await desk.page.keyboard.type("by keyboard")
    await press(desk, "Refund")

    await expect(desk.page.get_by_role("region", name="Refunds")).to_contain_text("refunded 12.50 EUR", timeout=20_000)


async def test_letters_are_found_and_given_up_by_keyboard_alone(desk: Desk, places: Mapping[str, str]) -> None:
    await desk.open()

    await press(desk, "Letters 1 open")
    await desk.heading("Letters").wait_for()
    await press(desk, "Discard 1 of create our_fault")
    await reach(desk, "Why? It is kept for good.")
    await desk.page.keyboard.type("by keyboard")
    await press(desk, "Show what would happen")
    await desk.shows("1 letter of 1")
    await press(desk, "Discard 1 letter")
    await desk.heading("Discarded: 1 done").wait_for()
    await press(desk, "Dismiss")

    await desk.heading("Discarded: 1 done").wait_for(state="detached")


async def test_a_list_is_searched_paused_and_gone_through_by_keyboard_alone(desk: Desk, shop: Shop) -> None:
    await shop.finished((await shop.post(reference="by-keyboard")).body["payment_id"])
    await desk.open("#/payments")
    await settled(desk)

    await reach(desk, "Id or reference")
    await desk.page.keyboard.type("by-keyboard")
    await desk.page.keyboard.press("Enter")
    await desk.shows("1 payment shown")
    await press(desk, (await desk.page.locator("tbody code").inner_text()))
    await desk.page.locator(".lead .mark.completed").wait_for()
    await press(desk, "Raw events")
    await desk.shows('"type": "payment.settled"')
    await press(desk, "Pause")

    await desk.shows("paused")


async def test_escape_leaves_a_question_and_gives_the_focus_back(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post()).body["payment_id"])
    await desk.open(f"#/payments/{payment['payment_id']}")
    await press(desk, "Refund…")
    await desk.page.get_by_role("dialog").wait_for()

    await desk.page.keyboard.press("Escape")

    await desk.page.get_by_role("dialog").wait_for(state="hidden")
    assert await desk.page.evaluate(NAMED) == "Refund…"


async def test_a_new_view_begins_at_its_heading(desk: Desk) -> None:
    """Who hears the page is told where they are."""
    await desk.open()

    await desk.page.get_by_role("link", name="Charts").click()
    await desk.heading("Charts").wait_for()

    await until(lambda: _focused(desk), every_s=0.05, limit_s=5)
    assert await desk.page.title() == "Charts - Regis Pay"


async def _focused(desk: Desk) -> bool:
    return bool(await desk.page.evaluate("document.activeElement.tagName === 'H1'"))
