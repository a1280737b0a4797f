"""The whole platform as separate processes, on free ports, in a folder of its own, with the host of tests/hosts.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from local.supervisor import Platform
from tests import hosts
from tests.shop import Shop, open_shop


@asynccontextmanager
async def running_shop(**arguments: Any) -> AsyncIterator[tuple[Platform, Shop]]:
    """A platform of its own and a shop on it. arguments: those of hosts.running."""
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
