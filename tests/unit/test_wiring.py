"""A process that starts while the store is away waits a while, and then says so in our own words."""

import asyncio
import logging
from types import SimpleNamespace
from typing import cast

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from functions.edge import edge
from shared import startup, wiring
from shared.adapters.exporters import Pipelines
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
        await startup.once(settings)()

    assert "connect" in str(busy.value.__cause__).lower()


async def test_a_start_in_vain_is_told_and_telemetry_is_made_once_for_all_tries(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes telemetry with the services alone tells nothing of services that cannot be made."""
    kept, made = InMemoryLogRecordExporter(), []  # type: ignore[no-untyped-call] # the SDK has no types for it

    def pipelines(**_: object) -> Pipelines:
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(SimpleLogRecordProcessor(kept))
        made.append(logs)
        return Pipelines(TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False), logs)

    @edge
    async def publish_events() -> None:
        await startup.once(settings)()

    before = list(logging.getLogger().handlers)
    monkeypatch.setattr(wiring, "START_LIMIT_S", 1.5)
    monkeypatch.setattr(wiring, "pipelines", pipelines)
    wiring.telemetry_of.cache_clear()
    try:
        with pytest.raises(StoreBusy):
            await publish_events()
    finally:
        logging.getLogger().handlers[:] = before
        wiring.telemetry_of.cache_clear()

    (told,) = [
        each.log_record for each in kept.get_finished_logs() if (each.log_record.attributes or {}).get("function")
    ]
    assert told.attributes is not None
    assert (told.attributes["function"], told.attributes["fault"]) == ("publish_events", "StoreBusy")
    assert len(made) == 1


async def test_a_store_that_never_answers_is_no_reason_to_wait_for_ever(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_: Settings) -> wiring.Built:
        await asyncio.Event().wait()
        raise AssertionError("it never comes here")

    monkeypatch.setattr(wiring, "START_LIMIT_S", 0.05)
    monkeypatch.setattr(wiring, "build", hangs)

    with pytest.raises(StoreBusy):
        await startup.once(settings)()


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
        await startup.once(settings)()

    assert pauses == [1, 2, 4, 8, 8, 8]


@pytest.mark.timeout(10)
async def test_whoever_wakes_while_the_store_is_away_waits_no_longer_than_the_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen messages wake at once in a new process. One after another they would wait for minutes, and be cut."""
    builds: list[None] = []

    async def hangs(_: Settings) -> wiring.Built:
        builds.append(None)
        await asyncio.Event().wait()
        raise AssertionError("it never comes here")

    monkeypatch.setattr(wiring, "START_LIMIT_S", 0.5)
    monkeypatch.setattr(wiring, "build", hangs)
    services = startup.once(settings)

    async with asyncio.timeout(5.0):  # in turn they would need eight
        faults = await asyncio.gather(*(services() for _ in range(16)), return_exceptions=True)

    assert {type(fault) for fault in faults} == {StoreBusy}
    assert len(builds) == 1


async def test_one_that_is_interrupted_while_it_waits_takes_nobody_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_there = asyncio.Event()

    async def takes_a_while(_: Settings) -> wiring.Built:
        await is_there.wait()
        raise KeyError("reached")

    monkeypatch.setattr(wiring, "build", takes_a_while)
    services = startup.once(settings)
    first, second = asyncio.ensure_future(services()), asyncio.ensure_future(services())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    is_there.set()

    with pytest.raises(KeyError, match="reached"):
        await second


async def test_after_a_start_in_vain_the_next_tries_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = cast("wiring.Built", SimpleNamespace(services=object()))
    answers: list[Exception | wiring.Built] = [KeyError("first"), ours]

    async def builds(_: Settings) -> wiring.Built:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(wiring, "build", builds)
    services = startup.once(settings)

    with pytest.raises(KeyError, match="first"):
        await services()
    assert [await services(), await services()] == [ours.services] * 2
