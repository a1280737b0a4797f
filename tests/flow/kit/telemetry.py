"""The product's own telemetry adapter with the in-memory exporters of OpenTelemetry, for tests to look at.

Knows no verb.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.adapters.telemetry import OpenTelemetry

_NOTHING_OF_THE_MACHINE = Resource.get_empty()
"""Else each of the many worlds finds out anew what it runs on."""


class _Lines(logging.Handler):
    def __init__(self, lines: list[logging.LogRecord]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record)


@dataclass
class RecordedTelemetry:
    """Everything that all workers of a world have reported. adapter: what the product reports to."""

    spans_out: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics_out: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    lines: list[logging.LogRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        tracers = TracerProvider(resource=_NOTHING_OF_THE_MACHINE, shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans_out))
        meters = MeterProvider(
            metric_readers=[self.metrics_out], resource=_NOTHING_OF_THE_MACHINE, shutdown_on_exit=False
        )
        self.adapter = OpenTelemetry(tracers=tracers, meters=meters)
        self._handler = _Lines(self.lines)
        self._log = logging.getLogger("regispay")
        self._log.setLevel(logging.INFO)
        self._log.addHandler(self._handler)
        self._log.propagate = False

    def close(self) -> None:
        self._log.removeHandler(self._handler)
        self._log.propagate = True

    def metric(self, name: str, **attributes: str | int) -> float:
        """A counter's sum, a gauge's value or a histogram's count, over all points with these attributes."""
        points = self._points(name)
        fitting = [point for point in points if attributes.items() <= dict(point.attributes or {}).items()]
        return sum(map(_number, fitting))

    def told_of(self, name: str) -> list[dict[str, Any]]:
        """The attributes of each point of a metric."""
        return [dict(point.attributes) for point in self._points(name)]

    def _points(self, name: str) -> list[Any]:
        metrics = [metric for metric in self._metrics() if metric.name == f"regispay.{name}"]
        return [point for metric in metrics for point in metric.data.data_points]

    def _metrics(self) -> list[Any]:
        read = self.metrics_out.get_metrics_data()
        if read is None:
            return []
        return [metric for part in read.resource_metrics for scope in part.scope_metrics for metric in scope.metrics]

    def log_lines(self, event_name: str) -> list[logging.LogRecord]:
        return [line for line in self.lines if getattr(line, "event_name", None) == event_name]

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Of this name, or all."""
        return [span for span in self.spans_out.get_finished_spans() if name in (None, span.name)]


def _number(point: NumberDataPoint | HistogramDataPoint) -> float:
    return point.count if isinstance(point, HistogramDataPoint) else point.value
