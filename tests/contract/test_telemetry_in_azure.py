"""What reaches the ingestion of Application Insights through its real exporters, where alerts and people look."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from functions.edge import edge
from shared.adapters.exporters import Pipelines, pipelines
from shared.adapters.lines import LineHandler, export_lines
from shared.adapters.telemetry import OpenTelemetry
from shared.ports.telemetry import Level
from tests.package.ingestion import Ingestion, running_ingestion

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The exporter tells its makers nothing of itself, and keeps here what it could not send. No line of another test
    is exported.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED"):
        monkeypatch.setenv(f"APPLICATIONINSIGHTS_{name}", "true")
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@asynccontextmanager
async def exporting() -> AsyncIterator[tuple[Ingestion, Pipelines, OpenTelemetry]]:
    async with running_ingestion() as ingestion:
        connection = ingestion.connection
        ends = await asyncio.to_thread(
            lambda: pipelines(azure_monitor=connection, otlp_endpoint=None, console=False),
        )
        yield ingestion, ends, OpenTelemetry(tracers=ends.tracers, meters=ends.meters, logs=ends.logs)
        for shut_down in (ends.tracers.shutdown, ends.meters.shutdown, ends.logs.shutdown if ends.logs else bool):
            await asyncio.to_thread(shut_down)


async def sent(*flushes: Callable[[], object]) -> None:
    for flush in flushes:
        await asyncio.to_thread(flush)


def lines(ingestion: Ingestion) -> list[dict[str, Any]]:
    """Log records and exceptions, without what the exporter says of itself."""
    kinds = ("MessageData", "ExceptionData")
    return [each["data"]["baseData"] for each in ingestion.envelopes if each["data"]["baseType"] in kinds]


async def test_a_gauge_that_is_not_set_again_is_not_told_again() -> None:
    """Else nobody sees that its timer has stopped, as long as the process lives."""
    async with exporting() as (ingestion, ends, telemetry):
        told = []
        for set_it in (True, False, True):
            telemetry.count("timer.ticks", timer="any")
            if set_it:
                telemetry.gauge("outbox.lag_s", 61.0)
            await sent(ends.meters.force_flush)
            told.append(len(ingestion.figures("regispay.outbox.lag_s")))

        assert told == [1, 1, 2]
        assert len(ingestion.figures("regispay.timer.ticks")) == 3


async def test_a_counter_tells_what_was_added_since_the_last_time() -> None:
    async with exporting() as (ingestion, ends, telemetry):
        for added in (2, 3):
            telemetry.count("step.retries", added, step="create")
            await sent(ends.meters.force_flush)

        figures = ingestion.figures("regispay.step.retries")
        assert [(each["metrics"][0]["value"], each["properties"]) for each in figures] == [
            (2, {"step": "create"}),
            (3, {"step": "create"}),
        ]


async def test_what_a_function_raises_is_told_once_with_its_name_and_where_it_was() -> None:
    @edge
    async def publish_events() -> None:
        raise LookupError("the topic is gone")

    async with exporting() as (ingestion, ends, _):
        assert ends.logs is not None
        export_lines(ends.logs)
        with pytest.raises(LookupError):
            await publish_events()
        await sent(ends.logs.force_flush)

        (line,) = lines(ingestion)
    (exception,) = line["exceptions"]
    assert line["severityLevel"] == 3
    assert line["properties"]["event_name"] == "function.failed"
    assert line["properties"]["function"] == "publish_events"
    assert exception["typeName"] == "LookupError"
    assert exception["message"] == "function.failed function=publish_events fault=LookupError: the topic is gone"
    assert "test_telemetry_in_azure" in exception["stack"]


async def test_what_libraries_warn_of_is_told_and_what_they_chat_of_is_not() -> None:
    async with exporting() as (ingestion, ends, telemetry):
        assert ends.logs is not None
        export_lines(ends.logs)
        export_lines(ends.logs)
        logging.getLogger("azure.servicebus").warning(
            "a link was lost: %s", "payment-created", extra={"link": 7, "of": object()}
        )
        logging.getLogger("azure.servicebus").info("a link changed its state")
        logging.getLogger("asyncio").critical("the loop is gone")
        telemetry.log("accept.accepted", {"payment_id": "p-1"}, level=Level.WARNING)
        await sent(ends.logs.force_flush)

        told = [(each["message"], each["severityLevel"]) for each in lines(ingestion)]
        assert told == [
            ("a link was lost: payment-created", 2),
            ("the loop is gone", 4),
            ("accept.accepted payment_id=p-1", 2),
        ]
        given = {"link": "7", "logger_name": "azure.servicebus"}
        assert lines(ingestion)[0]["properties"] == given, "and no logging.Formatter's own"


async def test_what_exporters_complain_of_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be the next thing that they cannot export."""
    async with exporting() as (ingestion, ends, _):
        assert ends.logs is not None
        export_lines(ends.logs)
        logging.getLogger("opentelemetry.sdk._shared_internal").warning("Queue full, dropping log")
        logging.getLogger("azure.monitor.opentelemetry.exporter.export._base").error("Non-retryable server side error")

        def complains(*_: object, **__: object) -> None:
            logging.getLogger("azure.identity").warning("no token")
            raise OSError("cannot be reached")

        monkeypatch.setattr(
            "azure.monitor.opentelemetry.exporter.export.logs._exporter.AzureMonitorLogExporter._transmit", complains
        )
        logging.getLogger("aiohttp").warning("the first")
        await sent(ends.logs.force_flush)
        monkeypatch.undo()
        logging.getLogger("aiohttp").warning("the last")
        await sent(ends.logs.force_flush)

        assert [each["message"] for each in lines(ingestion)] == ["the last"]


def test_a_line_that_cannot_be_written_fails_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LineHandler(LoggerProvider(shutdown_on_exit=False))

    handler.handle(logging.makeLogRecord({"name": "aiohttp", "msg": "%d of %d", "args": ("one",)}))

    assert "one" in capsys.readouterr().err


def test_only_what_an_attribute_can_hold_goes_with_a_line() -> None:
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(kept))

    given = {"text": "a", "number": 1, "share": 0.5, "is_so": True, "many": {"a": 1}, "nothing": None}
    LineHandler(logs).handle(logging.makeLogRecord({"name": "functions.x", "levelno": logging.ERROR, **given}))

    [line] = kept.get_finished_logs()
    attributes = dict(line.log_record.attributes or {})
    assert {name: attributes[name] for name in given if name in attributes} == {
        "text": "a",
        "number": 1,
        "share": 0.5,
        "is_so": True,
    }
