"""Where spans, figures and log records go: Application Insights, an OTLP collector, the console, or nowhere.

Exporters are imported only where their setting is given: the Azure one alone costs more than all the rest of a start.
Knows no signal of ours.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ConsoleMetricExporter,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter

CONSOLE_INTERVAL_MS = 10_000
"""How often figures are printed on the console."""

_AS_MEASURED: dict[type, AggregationTemporality] = {Gauge: AggregationTemporality.DELTA}
"""A gauge is told when it was set, and not again. Else the process of a timer that has stopped, or that now ticks
elsewhere, goes on telling its last value, and nobody can see that nothing is measured any more.
"""


@dataclass(frozen=True, slots=True)
class Pipelines:
    """What the telemetry adapter writes into. logs: None where nobody takes log records."""

    tracers: TracerProvider
    meters: MeterProvider
    logs: LoggerProvider | None


@dataclass(slots=True)
class _Ends:
    """What takes spans, figures and log records, as it is put together."""

    tracers: TracerProvider
    metrics: list[MetricReader] = field(default_factory=list)
    logs: list[LogRecordExporter] = field(default_factory=list)

    def add(self, *, spans: SpanExporter, metrics: MetricExporter, logs: LogRecordExporter) -> None:
        self.tracers.add_span_processor(BatchSpanProcessor(spans))
        self.metrics.append(PeriodicExportingMetricReader(metrics))
        self.logs.append(logs)


class _Changes(MetricExporter):
    """Hands on what was counted since the last time. Azure's exporter does so too, but says nothing of gauges."""

    def __init__(self, inner: MetricExporter) -> None:
        since: dict[type, AggregationTemporality] = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
        super().__init__(preferred_temporality=since | _AS_MEASURED)
        self._inner = inner

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> MetricExportResult:
        return self._inner.export(metrics_data, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        self._inner.shutdown(timeout_millis, **kwargs)


def pipelines(*, azure_monitor: str | None, otlp_endpoint: str | None, console: bool) -> Pipelines:
    """To Application Insights, else an OTLP collector; console: also to stderr. Traces are handed on without any."""
    has_readers = bool(azure_monitor or otlp_endpoint or console)
    ends = _Ends(TracerProvider(shutdown_on_exit=has_readers))
    if azure_monitor:
        _add_azure_monitor(ends, azure_monitor)
    elif otlp_endpoint:
        _add_otlp(ends, otlp_endpoint)
    if console:
        ends.tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=_line)))
        readable = ConsoleMetricExporter(out=sys.stderr, formatter=_line, preferred_temporality=_AS_MEASURED)
        ends.metrics.append(PeriodicExportingMetricReader(readable, export_interval_millis=CONSOLE_INTERVAL_MS))
    meters = MeterProvider(metric_readers=ends.metrics, shutdown_on_exit=has_readers)
    return Pipelines(ends.tracers, meters, _records(ends.logs))


def _records(exporters: Sequence[LogRecordExporter]) -> LoggerProvider | None:
    if not exporters:
        return None
    logs = LoggerProvider()
    for exporter in exporters:
        logs.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return logs


def _add_azure_monitor(ends: _Ends, connection: str) -> None:
    """The SDK's own exporters; with local authentication off they read APPLICATIONINSIGHTS_AUTHENTICATION_STRING."""
    from azure.monitor.opentelemetry.exporter import (
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    ends.add(
        # told whose spans they are, or it asks the global provider, which is not ours, and logs a fault for each batch
        spans=AzureMonitorTraceExporter(connection_string=connection, tracer_provider=ends.tracers),
        metrics=_Changes(AzureMonitorMetricExporter(connection_string=connection)),
        logs=AzureMonitorLogExporter(connection_string=connection),
    )


def _add_otlp(ends: _Ends, endpoint: str) -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    ends.add(
        spans=OTLPSpanExporter(endpoint=f"{base}/v1/traces"),
        metrics=OTLPMetricExporter(endpoint=f"{base}/v1/metrics", preferred_temporality=_AS_MEASURED),
        logs=OTLPLogExporter(endpoint=f"{base}/v1/logs"),
    )


def _line(readable: ReadableSpan | MetricsData) -> str:
    """One line each, so that a log of them can be searched."""
    return readable.to_json(indent=None) + "\n"
