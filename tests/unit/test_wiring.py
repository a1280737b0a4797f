"""A process that starts while the store is away waits a while, and then says so in our own words."""

import asyncio

import pytest

from shared import wiring
from shared.errors import StoreBusy
from shared.settings import MESSAGE_LOCK_S, Settings, read_settings
from tests.conftest import REQUIRED_SETTINGS

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a store where nothing listens."""
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    return read_settings()


async def test_a_store_that_is_away_is_waited_for_and_then_named_as_the_cause(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wiring.START_LIMIT_S < MESSAGE_LOCK_S
    monkeypatch.setattr(wiring, "START_LIMIT_S", 1.5)

    with pytest.raises(StoreBusy, match="this process cannot start") as busy:
        await wiring.once(settings)()

    assert "connect" in str(busy.value.__cause__).lower()


async def test_a_store_that_never_answers_is_no_reason_to_wait_for_ever(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_: Settings) -> wiring.Built:
        await asyncio.Event().wait()
        raise AssertionError("it never comes here")

    monkeypatch.setattr(wiring, "START_LIMIT_S", 0.05)
    monkeypatch.setattr(wiring, "build", hangs)

    with pytest.raises(StoreBusy):
        await wiring.once(settings)()


async def test_the_waits_grow_to_eight_seconds_until_the_store_is_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def is_there_at_last(_: Settings) -> wiring.Built:
        if len(pauses) < 6:
            raise TimeoutError
        raise KeyError("reached")

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(wiring, "build", is_there_at_last)
    monkeypatch.setattr(asyncio, "sleep", pause)

    with pytest.raises(KeyError, match="reached"):
        await wiring.once(settings)()

    assert pauses == [1, 2, 4, 8, 8, 8]
