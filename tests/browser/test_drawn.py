"""How the page draws what it is told, where the text alone does not say it: lines of the map, what fits beside what."""

import pytest
from playwright.async_api import Browser

from tests.browser.desk import Desk
from tests.browser.pictures import PICTURES, Picture, shown

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

LINES = """() => {
  const roads = [...document.querySelectorAll('[data-step]')].flatMap((step) =>
    step.dataset.leads.split(' ').filter(Boolean).map((topic) => `${step.dataset.step} ${topic}`));
  const lines = [...document.querySelectorAll('.wires path')];
  const widthOf = (line) => (line.matches('.busy') ? Number(line.getAttribute('stroke-width')) : 0);
  return roads.map((road, at) => [road, widthOf(lines[at])]);
}"""
"""The width of each line by step and topic; 0 of one that is grey."""

TOPS = """(selector) => [...document.querySelectorAll(selector)]
  .map((each) => Math.round(each.getBoundingClientRect().top))"""
HEIGHTS = "(selector) => [...document.querySelectorAll(selector)].map((each) => each.offsetHeight)"
BEYOND = """(selector) => [...document.querySelectorAll(selector)]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.getBoundingClientRect().right > innerWidth)
  .map((each) => each.textContent)"""
CONTENTS = "main td, main li, main p, main h3, dialog, dialog td, dialog p"


def wide(name: str, width: int) -> Picture:
    """The same state on another screen."""
    known = PICTURES[name]
    return Picture(name=name, place=known.place, answers=known.answers, act=known.act, width=width)


async def lines(desk: Desk) -> dict[str, float]:
    return dict(await desk.page.evaluate(LINES))


async def test_the_map_shows_along_which_line_how_much_can_have_gone(browser: Browser) -> None:
    """Nobody has cancelled, although payments were settled and have failed in that minute by other ways."""
    async with shown(browser, PICTURES["flow"]) as desk:
        width = await lines(desk)

    assert width["create payment-created"] > width["create payment-failed"] > 0
    assert width["settle payment-settled"] > 0
    assert {road: width[road] for road in width if road.startswith("cancel ")} == {
        "cancel payment-settled": 0,
        "cancel payment-failed": 0,
        "cancel payment-voided": 0,
        "cancel payment-notices": 0,
    }


@pytest.mark.parametrize("width", [1024, 1280])
async def test_what_there_is_to_know_at_a_glance_stands_side_by_side(width: int, browser: Browser) -> None:
    async with shown(browser, wide("flow", width)) as desk:
        tops = await desk.page.evaluate(TOPS, ".tile")

    assert len(tops) == 5
    assert len(set(tops)) == 1


@pytest.mark.parametrize("name", ["flow", "payments", "letters", "preview", "try-it"])
async def test_on_a_narrow_screen_nothing_is_cut_off_and_what_is_short_stands_beside_its_name(
    name: str, browser: Browser
) -> None:
    async with shown(browser, wide(name, 320)) as desk:
        beyond = await desk.page.evaluate(BEYOND, CONTENTS)
        heights = await desk.page.evaluate(HEIGHTS, "[data-label=Severity]")

    assert beyond == []
    assert bool(heights) is (name in {"letters", "preview"})
    assert max(heights, default=0) < 40


async def test_both_buttons_of_a_group_of_letters_stand_side_by_side(browser: Browser) -> None:
    async with shown(browser, PICTURES["letters"]) as desk:
        tops = await desk.page.evaluate(TOPS, "td.bar button")

    assert len(tops) == 10
    assert len(set(tops)) == 5
