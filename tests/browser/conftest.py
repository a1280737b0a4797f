"""A browser and a platform for all tests of a module; each test makes a visit of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from local.supervisor import Platform
from tests import hosts
from tests.browser.desk import Desk, browsing, chromium, visiting
from tests.shop import Shop, open_shop

SOON_PARKED = {"RETRY_CREATE_ATTEMPTS": "2", "RETRY_CREATE_BASE_S": "0.1", "RETRY_CREATE_CAP_S": "0.1"}
"""So that no test waits for a payment to be given up."""

type Visit = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    chromium()  # nothing is started for tests that are skipped
    async with hosts.running(data=tmp_path_factory.mktemp("platform"), environment=SOON_PARKED) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(platform: Platform) -> AsyncIterator[Shop]:
    async with open_shop(platform) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser, platform: Platform) -> AsyncIterator[Desk]:
    """A tab that is not at the page yet."""
    async with visiting(browser, platform.url) as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, platform: Platform) -> Visit:
    """More tabs, with storage of their own. options: those of a browser context."""

    @asynccontextmanager
    async def visit(**options: Any) -> AsyncIterator[Desk]:
        async with visiting(browser, platform.url, **options) as opened:
            yield opened

    return visit
