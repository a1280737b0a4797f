"""A log record says how loud it is in the word that queries look for."""

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from shared.adapters.telemetry import OpenTelemetry
from shared.ports.telemetry import Level


@pytest.mark.parametrize("name", ["INFO", "WARNING", "ERROR", "CRITICAL"])
def test_a_record_says_how_loud_it_is(name: str) -> None:
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call] # the SDK has no types for it
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(kept))
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)

    OpenTelemetry(tracers=tracers, meters=meters, logs=logs).log("a.line", {}, level=Level[name])

    (record,) = kept.get_finished_logs()
    assert record.log_record.severity_text == name.lower()
