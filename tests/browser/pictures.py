"""The pictures of the docs: `python -m tests.browser.pictures [NAME...]` makes them anew, with the text of each beside.

A picture is the page itself, in a state that is played. Its text is what can be read in it, a line for each block. The
picture holds a digest of its text, so that neither can be renewed without the other. Pixels are never compared: fonts
differ from machine to machine.
"""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from contracts.checking import Given
from functions import console
from local.gameday.report import report
from tests.browser import played
from tests.browser.desk import Desk, browsing, visiting
from tests.browser.png import size, with_note
from tests.browser.scenes import flow, laptop, letters, payments
from tests.browser.scenes.shop import NOW
from tests.contracted import API, CONTRACT, hold

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
COMMAND = "make pictures"
URL = "http://127.0.0.1:7071"
"""Nobody is asked there: each answer is played."""

WIDE, NARROW = 1024, 320

type Theme = Literal["light", "dark"]
type Act = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """place: of the page. answers: by path, whatever the query. act: what is done before it is taken.

    part: what is taken, with its width in pixels where that is not the whole one. without: what is left out of it, as
    selectors, so that the picture stays small. opened_s: ago.
    """

    name: str
    place: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    act: Act | None = None
    part: str = "body"
    part_width: int | None = None
    without: str = ""
    width: int = WIDE
    theme: Theme = "light"
    opened_s: int = 0

    @property
    def shot_width(self) -> int:
        """In pixels."""
        return self.part_width or self.width


@dataclass(frozen=True, slots=True)
class Taken:
    """What was seen. png is None where only the text was asked for."""

    text: str
    png: bytes | None


LOOKS_EVERY_S = 4
LAGS = [0] * 15 + [1, 3, 6, 8, 6, 3, 1] + [0] * 38
"""Of the outbox, in seconds: when the provider came back, all went at once."""


async def _lagged(desk: Desk) -> None:
    """As if the page had been open all the time."""
    for each, lag in enumerate(LAGS, 1):
        await desk.page.clock.set_fixed_time(NOW - timedelta(seconds=LOOKS_EVERY_S * (len(LAGS) - each)))
        await desk.page.evaluate(REMEMBER, [lag, max(0, lag - 2)])
    for view in ("Flow", "Charts"):  # so that it is drawn anew
        await desk.turn_to(view)
        await desk.heading(view).wait_for()


REMEMBER = """([publish, project]) => import('/api/console/charts.js').then(
  ({remember}) => remember({publish: {lag_s: publish}, project: {lag_s: project}}))"""


async def _asked_to_replay_all(desk: Desk) -> None:
    await desk.button(f"Replay all {len(letters.LETTERS)}").click()
    await desk.shows("would be replayed: payments worth")


OPS = "/api/ops"
LETTER = f"/dead-letters/{letters.letter()['id']}"
OF_LETTERS = {"/dead-letters": letters.letters(), "/dead-letters/summary": letters.groups()}
OF_A_PAYMENT = {
    f"/payments/{payments.BOOKS}": payments.payment(),
    f"/payments/{payments.BOOKS}/events": payments.events(),
    f"/payments/{payments.BOOKS}/notifications": payments.notifications(),
    "/dead-letters": letters.NO_LETTERS,
}
OF_ONE_HELD_UP = {
    f"/payments/{payments.HELD_UP}": payments.held_up(),
    f"/payments/{payments.HELD_UP}/events": payments.events_held_up(),
    f"/payments/{payments.HELD_UP}/notifications": {"payment_id": payments.HELD_UP, "notifications": []},
    "/dead-letters": letters.NO_LETTERS,
}
REPLAYED = {"/dead-letters/replay": letters.replayed()}

BESIDE_THE_MAP = "#map ~ *, section[aria-label=Map] > p"
HISTORY = "section[aria-label=History]"
SENT = "section[aria-label='What the merchant sent']"
MORE_LETTERS = "main > table:last-of-type tr:nth-child(n + 4), main > p:last-child"

PICTURES = {
    each.name: each
    for each in (
        Picture(name="flow", place="#/flow", without=BESIDE_THE_MAP),
        Picture(name="flow-dark", place="#/flow", without=BESIDE_THE_MAP, theme="dark"),
        Picture(name="payments", place="#/payments", answers={"/payments": payments.payments()}),
        Picture(name="payment", place=f"#/payments/{payments.BOOKS}", answers=OF_A_PAYMENT, without=SENT),
        Picture(name="letters", place="#/letters", answers=OF_LETTERS, without=MORE_LETTERS),
        Picture(
            name="preview",
            place="#/letters",
            answers={**OF_LETTERS, **REPLAYED},
            act=_asked_to_replay_all,
            part="dialog",
            part_width=960,
            without="#page",
        ),
        Picture(
            name="letter",
            place=f"#/letters/{letters.letter()['id']}",
            answers={LETTER: letters.letter()},
            without=HISTORY,
        ),
        Picture(name="charts", place="#/charts", act=_lagged, opened_s=LOOKS_EVERY_S * len(LAGS)),
        Picture(name="try-it", place="#/try"),
        Picture(
            name="narrow",
            place=f"#/payments/{payments.HELD_UP}",
            answers=OF_ONE_HELD_UP,
            width=NARROW,
            theme="dark",
        ),
        Picture(name="gameday", place="", width=800, part_width=768),
    )
}

# --- taking one


async def taken(browser: Browser, picture: Picture, *, with_png: bool) -> Taken:
    """Raises AssertionError where an answer is not as the contract says, or the page fails."""
    async with shown(browser, picture) as desk:
        part = desk.page.locator(picture.part)
        text = await part.evaluate(READ)
        png = await part.screenshot(animations="disabled") if with_png else None
    return Taken(text, png)


@asynccontextmanager
async def shown(browser: Browser, picture: Picture) -> AsyncIterator[Desk]:
    """A visit to the page in that state."""
    size = {"width": picture.width, "height": 720}
    options: dict[str, Any] = {"viewport": size, "color_scheme": picture.theme, "reduced_motion": "reduce"}
    async with visiting(browser, URL, **options) as desk:
        if picture.name == "gameday":
            await desk.page.set_content(report(laptop.game_day()))
        else:
            await _play_all(desk, picture)
            await desk.open(picture.place)
            await expect(desk.page.locator("main")).not_to_contain_text("Asking", timeout=15_000)
        if picture.act is not None:
            await picture.act(desk)
        if picture.without:
            await desk.page.evaluate(LEAVE_OUT, picture.without)
        yield desk


LEAVE_OUT = "(selectors) => { for (const each of document.querySelectorAll(selectors)) each.hidden = true; }"


async def _play_all(desk: Desk, picture: Picture) -> None:
    await desk.page.clock.set_fixed_time(NOW - timedelta(seconds=picture.opened_s))
    await desk.page.route("**/*", lambda route: _serve(desk, route))
    answers = {"/me": played.me(name="ada@shop.example"), "/flow": flow.flow(), **picture.answers}
    for path, body in answers.items():
        await _play(desk.page, f"{OPS}{path}", body)
    await played.play(desk.page, "/local/", laptop.platform())
    await desk.page.route("**/dead-letters?status=taken_up*", lambda route: route.fulfill(json=letters.NO_LETTERS))


async def _play(page: Page, path: str, body: Any) -> None:
    method = "POST" if path.endswith("/replay") else "GET"
    name = CONTRACT.named(method, path)
    assert name is not None, f"{method} {path} is not in the contract"
    hold(name, Given(status=200, headers=HELD, body=body))
    await played.play(page, path, body)


HELD = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "ETag": 'W/"' + "0" * 32 + '"',
    "X-Correlation-Id": "1" * 32,
}
"""Headers that each answer has to have."""


async def _serve(desk: Desk, route: Route) -> None:
    """The files of the page, as the app serves them; nothing else."""
    name = urlsplit(route.request.url).path.removeprefix(f"{API}console").lstrip("/") or console.PAGE
    if name not in console.files():
        desk.faults.append(f"no answer is played for {route.request.url}")
        await route.abort()
        return
    path = console.files()[name]
    media_type = console.MEDIA_TYPES[path.suffix]
    await route.fulfill(body=path.read_bytes(), headers={**console.HEADERS, "Content-Type": media_type})


READ = """(root) => {
  const unseen = (node) => !node.checkVisibility({visibilityProperty: true}) || node.matches('svg, .unseen, .skip');
  const words = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\\s+/g, ' ');
    if (node.nodeType !== Node.ELEMENT_NODE) return '';
    const drawn = node.matches('svg') ? [...node.querySelectorAll('text')].map((each) => each.textContent) : [];
    if (drawn.length) return `\\n${drawn.join(' | ')}\\n`;
    if (unseen(node)) return '';
    if (node.matches('input')) return ` [${node.value}] `;
    if (node.matches('select')) return ` [${node.selectedOptions[0]?.text ?? ''}] `;
    const said = [...node.childNodes].map(words).join('');
    if (node.matches('td, th')) return `${said} | `;
    if (node.matches('button, nav a')) return ` ${said} `;
    return getComputedStyle(node).display.startsWith('inline') ? said : `\\n${said}\\n`;
  };
  const lines = words(root).split('\\n').map((line) => line.replace(/\\s+/g, ' ').replace(/( \\|)? *$/, '').trim());
  return lines.filter(Boolean).join('\\n') + '\\n';
}"""
"""What can be read: what only screen readers hear is no part of a picture."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def write(names: list[str]) -> None:
    """Those that are named; all, if none is."""
    FOLDER.mkdir(exist_ok=True)
    async with browsing() as browser:
        for name in names or PICTURES:
            found = await taken(browser, PICTURES[name], with_png=True)
            png = with_note(found.png or b"", digest(found.text))
            (FOLDER / f"{name}.png").write_bytes(png)
            (FOLDER / f"{name}.txt").write_text(found.text)
            width, height = size(png)
            print(f"docs/pictures/{name}.png: {width} x {height}, {len(png):,} bytes")


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(PICTURES)
    if unknown:
        sys.exit(f"no picture is called {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    try:
        asyncio.run(write(sys.argv[1:]))
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
