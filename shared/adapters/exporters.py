"""Where spans, figures and log records go: Application Insights, an OTLP collector, the console, or nowhere.

Exporters are imported only where their setting is given: the Azure one alone costs more than all the rest of a start.
Knows no signal of ours.
"""

import sys
from dataclasses import dataclass, field

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter

CONSOLE_INTERVAL_MS = 10_000
"""How often figures are printed on the console."""


@dataclass(frozen=True, slots=True)
class Pipelines:
    """What the telemetry adapter writes into. logs: None where nobody takes log records."""

    tracers: TracerProvider
    meters: MeterProvider
    logs: LoggerProvider | None


@dataclass(slots=True)
class _Ends:
    spans: list[SpanProcessor] = field(default_factory=list)
    metrics: list[MetricReader] = field(default_factory=list)
    logs: list[LogRecordExporter] = field(default_factory=list)

    def add(self, *, spans: SpanExporter, metrics: MetricExporter, logs: LogRecordExporter) -> None:
        self.spans.append(BatchSpanProcessor(spans))
        self.metrics.append(PeriodicExportingMetricReader(metrics))
        self.logs.append(logs)


def pipelines(*, azure_monitor: str | None, otlp_endpoint: str | None, console: bool) -> Pipelines:
    """To Application Insights, else an OTLP collector; console: also to stderr. Traces are handed on without any."""
    ends = _Ends()
    if azure_monitor:
        _add_azure_monitor(ends, azure_monitor)
    elif otlp_endpoint:
        _add_otlp(ends, otlp_endpoint)
    if console:
        ends.spans.append(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=_line)))
        readable = ConsoleMetricExporter(out=sys.stderr, formatter=_line)
        ends.metrics.append(PeriodicExportingMetricReader(readable, export_interval_millis=CONSOLE_INTERVAL_MS))
    return _connected(ends)


def _connected(ends: _Ends) -> Pipelines:
    tracers = TracerProvider(shutdown_on_exit=bool(ends.spans))
    for processor in ends.spans:
        tracers.add_span_processor(processor)
    logs = LoggerProvider() if ends.logs else None
    for exporter in ends.logs:
        if logs is not None:
            logs.add_log_record_processor(BatchLogRecordProcessor(exporter))
    meters = MeterProvider(metric_readers=ends.metrics, shutdown_on_exit=bool(ends.metrics))
    return Pipelines(tracers, meters, logs)


def _add_azure_monitor(ends: _Ends, connection: str) -> None:
    """The SDK's own exporters; with local authentication off they read APPLICATIONINSIGHTS_AUTHENTICATION_STRING."""
    from azure.monitor.opentelemetry.exporter import (
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    ends.add(
        spans=AzureMonitorTraceExporter(connection_string=connection),
        metrics=AzureMonitorMetricExporter(connection_string=connection),
        logs=AzureMonitorLogExporter(connection_string=connection),
    )


def _add_otlp(ends: _Ends, endpoint: str) -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    ends.add(
        spans=OTLPSpanExporter(endpoint=f"{base}/v1/traces"),
        metrics=OTLPMetricExporter(endpoint=f"{base}/v1/metrics"),
        logs=OTLPLogExporter(endpoint=f"{base}/v1/logs"),
    )


def _line(readable: ReadableSpan | MetricsData) -> str:
    """One line each, so that a log of them can be searched."""
    return readable.to_json(indent=None) + "\n"
