"""Telemetry on OpenTelemetry: spans, figures, log lines. Knows no verb. Where they go is in exporters.py."""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.ports.telemetry import Level

_PROPAGATOR = TraceContextTextMapPropagator()
_LEVELS = {
    Level.INFO: (logging.INFO, SeverityNumber.INFO),
    Level.WARNING: (logging.WARNING, SeverityNumber.WARN),
    Level.ERROR: (logging.ERROR, SeverityNumber.ERROR),
    Level.CRITICAL: (logging.CRITICAL, SeverityNumber.FATAL),
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

    def __init__(self, *, tracers: TracerProvider, meters: MeterProvider, logs: LoggerProvider | None = None) -> None:
        self._tracer = tracers.get_tracer("regispay")
        self._meters = meters
        self._meter = meters.get_meter("regispay")
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flushing: Future[bool] | None = None
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Gauge] = {}
        self._log = logging.getLogger("regispay")
        self._exported_log = logs.get_logger("regispay") if logs else None

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

    def log(self, name: str, fields: Mapping[str, str | int | float], *, level: Level = Level.INFO) -> None:
        """Through Python's logging, and as a log record where records are exported.

        Both, because the Functions host forwards a worker's logging only while the worker exports nothing itself.
        """
        line = " ".join([name, *(f"{field}={value}" for field, value in fields.items())])
        of_logging, number = _LEVELS[level]
        self._log.log(of_logging, "%s", line, extra={"event_name": name, **fields})
        if self._exported_log is not None:
            attributes = {"event_name": name, **fields}
            self._exported_log.emit(severity_number=number, severity_text=level.value, body=line, attributes=attributes)

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

    def flush(self) -> None:
        """One that has begun may have looked already: then there is one more. One that still waits sees it too."""
        if self._flushing is None or self._flushing.running() or self._flushing.done():
            with suppress(RuntimeError):  # the process ends, and its figures leave with that
                self._flushing = self._flusher.submit(self._meters.force_flush)
