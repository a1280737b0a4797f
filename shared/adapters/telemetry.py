"""Telemetry on OpenTelemetry: spans, figures, log lines. Knows no verb.

Exporters are imported only where their setting is given: the Azure one alone costs more than all the rest of a start.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.metrics import _Gauge as Gauge
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
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.ports import Severity

CONSOLE_INTERVAL_MS = 10_000
"""How often figures are printed for whoever sits before the console."""

_PROPAGATOR = TraceContextTextMapPropagator()
_LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
    Severity.CRITICAL: logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class _OpenSpan:
    span: trace.Span

    @property
    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(self.span))
        return carrier.get("traceparent")

    def note(self, **attributes: str | int | float) -> None:
        self.span.set_attributes({f"regispay.{name}": value for name, value in attributes.items()})


class OpenTelemetry:
    """Spans and figures of one process. Attribute and metric names carry the prefix `regispay.`."""

    def __init__(self, *, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer("regispay")
        self._meter = meters.get_meter("regispay")
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Gauge] = {}
        self._log = logging.getLogger("regispay")

    @contextmanager
    def span(
        self, name: str, *, traceparent: str | None = None, linked: bool = False, **attributes: str | int
    ) -> Iterator[_OpenSpan]:
        parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
        links = [trace.Link(trace.get_current_span(parent).get_span_context())] if linked and parent else []
        with self._tracer.start_as_current_span(name, context=parent, links=links) as span:
            opened = _OpenSpan(span)
            opened.note(**attributes)
            yield opened

    def log(self, name: str, fields: Mapping[str, str | int | float], *, severity: Severity = Severity.INFO) -> None:
        line = " ".join([name, *(f"{field}={value}" for field, value in fields.items())])
        self._log.log(_LEVELS[severity], "%s", line, extra={"event_name": name, **fields})

    def count(self, name: str, value: int = 1, **attributes: str | int) -> None:
        if name not in self._counters:
            self._counters[name] = self._meter.create_counter(f"regispay.{name}")
        self._counters[name].add(value, attributes)

    def gauge(self, name: str, value: float, **attributes: str | int) -> None:
        if name not in self._gauges:
            self._gauges[name] = self._meter.create_gauge(f"regispay.{name}")
        self._gauges[name].set(value, attributes)

    def observe(self, name: str, value: float, **attributes: str | int) -> None:
        if name not in self._histograms:
            self._histograms[name] = self._meter.create_histogram(f"regispay.{name}")
        self._histograms[name].record(value, attributes)


def providers(
    *, azure_monitor: str | None, otlp_endpoint: str | None, console: bool = False
) -> tuple[TracerProvider, MeterProvider]:
    """Where spans and figures go: to Application Insights or else an OTLP collector, and to stderr; or nowhere.

    Traces are handed on in any case.
    """
    spans: list[SpanProcessor] = []
    metrics: list[MetricReader] = []
    if azure_monitor:
        _add(*_azure_monitor(azure_monitor), spans=spans, metrics=metrics)
    elif otlp_endpoint:
        _add(*_otlp(otlp_endpoint), spans=spans, metrics=metrics)
    if console:
        spans.append(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=_line)))
        readable = ConsoleMetricExporter(out=sys.stderr, formatter=_line)
        metrics.append(PeriodicExportingMetricReader(readable, export_interval_millis=CONSOLE_INTERVAL_MS))
    return _providing(spans, metrics)


def _providing(spans: list[SpanProcessor], metrics: list[MetricReader]) -> tuple[TracerProvider, MeterProvider]:
    tracers = TracerProvider(shutdown_on_exit=bool(spans))
    for processor in spans:
        tracers.add_span_processor(processor)
    return tracers, MeterProvider(metric_readers=metrics, shutdown_on_exit=bool(metrics))


def _add(
    exporter: SpanExporter, figures: MetricExporter, *, spans: list[SpanProcessor], metrics: list[MetricReader]
) -> None:
    spans.append(BatchSpanProcessor(exporter))
    metrics.append(PeriodicExportingMetricReader(figures))


def _azure_monitor(connection: str) -> tuple[SpanExporter, MetricExporter]:
    """The SDK's own exporters; with local authentication off they read APPLICATIONINSIGHTS_AUTHENTICATION_STRING."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

    return (
        AzureMonitorTraceExporter(connection_string=connection),
        AzureMonitorMetricExporter(connection_string=connection),
    )


def _otlp(endpoint: str) -> tuple[SpanExporter, MetricExporter]:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    return OTLPSpanExporter(endpoint=f"{base}/v1/traces"), OTLPMetricExporter(endpoint=f"{base}/v1/metrics")


def _line(readable: ReadableSpan | MetricsData) -> str:
    """One line each, so that a log of them can be searched."""
    return readable.to_json(indent=None) + "\n"
