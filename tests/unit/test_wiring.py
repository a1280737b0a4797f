"""A process that starts while the store is away waits a while, and then says so in our own words."""

import asyncio
from collections.abc import Callable

import pytest

from shared import wiring
from shared.errors import StoreBusy
from shared.settings import Settings, read_settings
from tests.conftest import REQUIRED_SETTINGS

LOCK_S = 60


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a store where nothing listens."""
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    return read_settings()


@pytest.fixture
def waited_s(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Time that would have been waited; none is."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return lambda: sum(pauses)


async def test_a_store_that_is_away_is_waited_for_but_not_longer_than_a_lock(
    settings: Settings, waited_s: Callable[[], float]
) -> None:
    with pytest.raises(StoreBusy, match="cannot be reached"):
        await wiring.once(settings)()

    assert waited_s() == 1 + 2 + 4 + 8 + 16 < LOCK_S
