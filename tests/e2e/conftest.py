"""The whole platform as separate processes, on free ports, in a folder of its own, with the host of tests/hosts.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.supervisor import Platform
from tests import hosts
from tests.e2e.shop import Shop


@asynccontextmanager
async def open_shop(platform: Platform) -> AsyncIterator[Shop]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Shop(http, platform.url, platform.provider_url)


@asynccontextmanager
async def open_for_business(**arguments: Any) -> AsyncIterator[tuple[Platform, Shop]]:
    async with hosts.running(**arguments) as platform, open_shop(platform) as shop:
        yield platform, shop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One platform for all tests of a module; each test makes its own payments."""
    async with hosts.running(data=tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(platform: Platform) -> AsyncIterator[Shop]:
    async with open_shop(platform) as opened:
        yield opened
