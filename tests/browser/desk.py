"""A person at the console: a tab of a real browser, and everything that it asked for, logged or was refused.

Knows no payment.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright

COMMAND = "CHROMIUM"
"""Names the browser. With `CI` in the environment it is a failure that there is none."""

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
MISSING = f"no Chromium: install one of {', '.join(NAMES)} (Debian has the first), or name yours in {COMMAND}"

VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""
"""Said by the page itself, before anything of it runs."""


def chromium() -> str:
    """Where it is. Skips, by name, where there is none; fails where there has to be one."""
    named = os.environ.get(COMMAND)
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not Path(found).exists():
        if "CI" in os.environ:
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A browser of our own. Its sandbox needs what a container has not; it visits nothing but this machine."""
    executable = chromium()
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Desk:
    """One tab. faults: what no test may leave behind, checked by `leave`."""

    context: BrowserContext
    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def open(self, place: str = "") -> None:
        """The page at a place, such as `#/letters`, once it shows what was asked for."""
        await self.page.goto(f"{self.url}/api/console{place}")
        await self.page.locator("main[aria-busy=false] h1").wait_for()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def answer(self, name: str) -> Locator:
        """A button of the dialog, by its whole name."""
        return self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True)

    async def turn_to(self, view: str) -> None:
        """By its link at the top."""
        await self.page.get_by_role("navigation").get_by_role("link", name=view).click()

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name)

    async def text(self) -> str:
        """What the page shows, with single blanks."""
        return " ".join((await self.page.locator("body").inner_text()).split())

    async def shows(self, text: str, *, within_s: float = 15.0) -> None:
        """Waits until the text can be seen."""
        await self.page.get_by_text(text).first.wait_for(timeout=within_s * 1000)

    async def leave(self) -> None:
        """Ends the visit. Fails when anything was refused, went wrong, or went elsewhere."""
        violations = await self.page.evaluate("window.violations")
        foreign = [each for each in self.requests if not each.startswith((f"{self.url}/", "data:", "blob:"))]
        await self.context.close()
        assert (violations, self.faults, foreign) == ([], [], [])


@asynccontextmanager
async def visiting(browser: Browser, url: str, **options: Any) -> AsyncIterator[Desk]:
    """A visit with storage of its own. options: those of a browser context, such as `viewport`."""
    context = await browser.new_context(**options)
    await context.add_init_script(VIOLATIONS)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    desk = Desk(context, page, url)
    page.on("request", lambda request: desk.requests.append(request.url))
    page.on("pageerror", lambda error: desk.faults.append(f"page error: {error}"))
    page.on("console", lambda message: _note(desk, message.type, message.text))
    try:
        yield desk
    except BaseException:
        await context.close()
        raise
    await desk.leave()


def _note(desk: Desk, kind: str, text: str) -> None:
    """The browser logs each answer of 4xx and 5xx, and each connection that is refused; tests look at those."""
    if kind == "error" and not text.startswith("Failed to load resource"):
        desk.faults.append(f"logged: {text}")
