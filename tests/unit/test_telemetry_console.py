"""With TELEMETRY_CONSOLE spans and figures can be read on stderr; without it nothing is printed."""

import json
from typing import Any

import pytest
from opentelemetry import trace

from local.supervisor import ROOT
from shared.adapters.exporters import CONSOLE_INTERVAL_MS, pipelines
from shared.adapters.telemetry import OpenTelemetry
from shared.settings import read_settings
from tests.builders import TRACEPARENT
from tests.conftest import REQUIRED_SETTINGS


def printed(capsys: pytest.CaptureFixture[str], *, console: bool) -> list[dict[str, Any]]:
    """What a span, a counter and a gauge leave on stderr, one document per line."""
    ends = pipelines(azure_monitor=None, otlp_endpoint=None, console=console)
    telemetry = OpenTelemetry(tracers=ends.tracers, meters=ends.meters)
    with telemetry.span("advance", traceparent=TRACEPARENT, payment_id="p-1"):
        telemetry.count("step.retries", step="create", reason="busy")
        telemetry.gauge("outbox.lag_s", 1.5)
    ends.tracers.shutdown()
    ends.meters.shutdown()
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_what_resumes_nothing_is_linked_to_nothing() -> None:
    ends = pipelines(azure_monitor=None, otlp_endpoint=None, console=False)
    telemetry = OpenTelemetry(tracers=ends.tracers, meters=ends.meters)

    with telemetry.span("around"), telemetry.span("advance", linked=True):
        assert list(trace.get_current_span().links) == []  # type: ignore[attr-defined] # the SDK's span has it

    with telemetry.span("advance", traceparent=TRACEPARENT, linked=True):
        assert len(trace.get_current_span().links) == 1  # type: ignore[attr-defined] # the SDK's span has it


def test_the_docs_say_how_often_figures_are_printed() -> None:
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    (row,) = [line for line in lines if "`TELEMETRY_CONSOLE`" in line]

    assert f"metrics every {CONSOLE_INTERVAL_MS / 1000:g} s" in row


def test_a_span_is_one_line_in_the_trace_of_its_payment(capsys: pytest.CaptureFixture[str]) -> None:
    span, _ = printed(capsys, console=True)

    assert span["name"] == "advance"
    assert span["context"]["trace_id"] == f"0x{TRACEPARENT.split('-')[1]}"
    assert span["attributes"] == {"regispay.payment_id": "p-1"}


def test_figures_are_printed_with_their_attributes(capsys: pytest.CaptureFixture[str]) -> None:
    _, figures = printed(capsys, console=True)

    metrics = figures["resource_metrics"][0]["scope_metrics"][0]["metrics"]
    points = {metric["name"]: metric["data"]["data_points"][0] for metric in metrics}
    assert points["regispay.step.retries"]["value"] == 1
    assert points["regispay.step.retries"]["attributes"] == {"step": "create", "reason": "busy"}
    assert points["regispay.outbox.lag_s"]["value"] == 1.5


def test_nothing_is_printed_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, console=False) == []


def test_log_records_are_collected_only_where_somebody_takes_them() -> None:
    assert pipelines(azure_monitor=None, otlp_endpoint=None, console=True).logs is None


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("true", True)])
def test_the_setting_is_off_unless_set(monkeypatch: pytest.MonkeyPatch, value: str | None, *, expected: bool) -> None:
    for name, required in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, required)
    if value:
        monkeypatch.setenv("TELEMETRY_CONSOLE", value)

    assert read_settings().telemetry_console is expected
