"""Fixtures of the operator's command: a scripted app, and an environment without keys."""

from collections.abc import AsyncIterator

import pytest

from ops import client
from tests.ops.scripted import Scripted, scripted


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (client.TOKEN_VARIABLE, client.PROVIDER_KEY_VARIABLE, client.URL_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def app() -> AsyncIterator[Scripted]:
    async with scripted() as script:
        yield script


@pytest.fixture
async def provider() -> AsyncIterator[Scripted]:
    async with scripted() as script:
        yield script
