"""What must leave at once leaves at once, also while an earlier lot is on its way."""

import threading
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import TracerProvider

from shared.adapters.telemetry import OpenTelemetry

LIMIT_S = 10.0


class SlowExporter(MetricExporter):
    """It takes one lot at a time, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.lots: list[float] = []
        self.taking, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
        (point,) = metrics_data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
        self.lots.append(point.value)  # type: ignore[union-attr] # a counter's point
        self.taking.release()
        assert self.go_on.acquire(timeout=LIMIT_S)
        return MetricExportResult.SUCCESS

    def force_flush(self, *_: Any) -> bool:
        return True

    def shutdown(self, *_: Any, **__: Any) -> None: ...


def test_what_is_counted_while_a_flush_is_under_way_is_flushed_after_it_and_only_once() -> None:
    slow = SlowExporter()
    meters = MeterProvider([PeriodicExportingMetricReader(slow, float("inf"))], shutdown_on_exit=False)
    telemetry = OpenTelemetry(tracers=TracerProvider(shutdown_on_exit=False), meters=meters)
    telemetry.count("dead_letters.recorded", severity="high")
    telemetry.flush()
    assert slow.taking.acquire(timeout=LIMIT_S)

    for _ in range(3):
        telemetry.count("dead_letters.recorded", severity="high")
        telemetry.flush()

    slow.go_on.release(2)
    assert slow.taking.acquire(timeout=LIMIT_S)
    telemetry._flusher.shutdown(wait=True)
    assert slow.lots == [1, 4]
