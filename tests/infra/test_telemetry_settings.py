"""What Azure's app settings say of telemetry is what the app's OpenTelemetry understands by it."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.trace import Span

from shared.adapters.exporters import Pipelines, pipelines
from shared.adapters.telemetry import OpenTelemetry
from tests.infra.product import INFRA, Infra

SETTINGS = Infra(INFRA).snapshot("closed").settings
"""Those of the snapshot that keeps one trace in ten: what a worker may not decide for itself shows there."""

TRACE = "00-11111111111111111111111111111111-2222222222222222"
"""Of a caller, or of the host: then come its flags."""


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipelines]:
    for name, value in SETTINGS.items():
        if name.startswith("OTEL_"):
            monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.01")  # nobody takes what is left at the end
    made = pipelines(azure_monitor=None, otlp_endpoint="http://127.0.0.1:9", console=False)
    yield made
    made.meters.shutdown(timeout_millis=1)
    made.tracers.shutdown()


def span(pipes: Pipelines, *, traceparent: str | None) -> Span:
    with OpenTelemetry(tracers=pipes.tracers, meters=pipes.meters).span("accept", traceparent=traceparent) as opened:
        return opened.span


def test_the_app_says_who_it_is_and_where(pipes: Pipelines) -> None:
    attributes = pipes.tracers.resource.attributes

    assert attributes["service.name"] == "regis-pay"
    assert attributes["deployment.environment.name"] == "closed"


@pytest.mark.parametrize(("flags", "kept"), [("01", 1), ("00", 0)])
def test_the_worker_keeps_the_traces_that_the_host_keeps_and_no_others(flags: str, kept: int, pipes: Pipelines) -> None:
    """The sampler's name is one that only the host knows: then the worker goes by its parent."""
    assert span(pipes, traceparent=f"{TRACE}-{flags}").get_span_context().trace_flags == kept


def test_a_span_without_a_parent_is_kept(pipes: Pipelines) -> None:
    assert span(pipes, traceparent=None).get_span_context().trace_flags.sampled


def test_metrics_leave_every_ten_seconds(pipes: Pipelines) -> None:
    """An instance that goes away takes with it what it has not sent."""
    (reader,) = pipes.meters._metric_readers

    assert isinstance(reader, PeriodicExportingMetricReader)
    assert reader._export_interval_millis == 10_000
