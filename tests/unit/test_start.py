"""A process that starts while the store is away: it waits a while, and then says that the message has to come again."""

import pytest

from shared import wiring
from shared.errors import StoreBusy
from shared.settings import read_settings
from tests.conftest import REQUIRED_SETTINGS


@pytest.mark.timeout(20)
async def test_a_store_that_is_away_is_waited_for_and_then_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "START_LIMIT_S", 2.5)
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    services = wiring.once(read_settings())

    with pytest.raises(StoreBusy, match="this process cannot start") as busy:
        await services()

    assert "connect" in str(busy.value.__cause__).lower()


@pytest.mark.timeout(20)
async def test_a_store_that_comes_back_in_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def answers_the_second_time(settings: wiring.Settings) -> wiring.Built:
        tries.append(1)
        if len(tries) == 1:
            raise TimeoutError
        raise KeyError("reached")

    monkeypatch.setattr(wiring, "build", answers_the_second_time)
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(KeyError, match="reached"):
        await wiring.once(read_settings())()

    assert len(tries) == 2
