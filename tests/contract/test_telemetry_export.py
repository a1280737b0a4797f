"""What leaves the process for a collector: spans, figures and log records, over OTLP, as a collector receives them."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local.supervisor import ROOT
from shared.adapters.exporters import Pipelines, pipelines
from shared.adapters.telemetry import OpenTelemetry
from shared.ports.telemetry import Level
from tests.builders import TRACEPARENT
from tests.conftest import REQUIRED_SETTINGS
from tests.waiting import until


async def collected(use: Pipelines) -> None:
    """Everything written so far is sent."""
    await asyncio.to_thread(use.tracers.shutdown)
    await asyncio.to_thread(use.meters.shutdown)
    assert use.logs is not None
    await asyncio.to_thread(use.logs.shutdown)


type Bodies = defaultdict[str, list[bytes]]


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, Bodies]]:
    """The address of an OTLP collector, and what it has received, by path."""
    bodies: Bodies = defaultdict(list)

    async def take(request: web.Request) -> web.Response:
        bodies[request.path].append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/{kind}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", bodies
    await runner.cleanup()


async def telemetry_to(url: str) -> tuple[Pipelines, OpenTelemetry]:
    ends = await asyncio.to_thread(lambda: pipelines(azure_monitor=None, otlp_endpoint=url, console=False))
    return ends, OpenTelemetry(tracers=ends.tracers, meters=ends.meters, logs=ends.logs)


async def test_what_must_not_wait_for_the_interval_leaves_at_once() -> None:
    async with collector() as (url, bodies):
        ends, telemetry = await telemetry_to(url)
        telemetry.count("dead_letters.recorded", severity="high")
        assert not bodies["/v1/metrics"]

        telemetry.flush()

        await until(lambda: bool(bodies["/v1/metrics"]), limit_s=10.0)
        assert b"regispay.dead_letters.recorded" in bodies["/v1/metrics"][0]
        await collected(ends)


async def test_spans_figures_and_log_records_reach_a_collector() -> None:
    async with collector() as (url, bodies):
        ends, telemetry = await telemetry_to(url)
        with telemetry.span("advance", traceparent=TRACEPARENT):
            telemetry.count("step.retries", step="create")
            telemetry.log("recover.dead_letter_recorded", {"step": "create"}, level=Level.CRITICAL)
            for level in Level:
                telemetry.log("any.line", {}, level=level)
        await collected(ends)

    trace_id = bytes.fromhex(TRACEPARENT.split("-")[1])
    spans = ExportTraceServiceRequest.FromString(bodies["/v1/traces"][0]).resource_spans[0].scope_spans[0].spans
    assert [(span.name, span.trace_id) for span in spans] == [("advance", trace_id)]
    sent = ExportLogsServiceRequest.FromString(bodies["/v1/logs"][0])
    record, *others = sent.resource_logs[0].scope_logs[0].log_records
    assert record.trace_id == trace_id
    assert {a.key: a.value.string_value for a in record.attributes}["event_name"] == "recover.dead_letter_recorded"
    assert record.body.string_value == "recover.dead_letter_recorded step=create"
    assert [each.severity_text for each in others] == ["info", "warning", "error", "critical"]
    assert bodies["/v1/metrics"]


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """What a process of its own has imported once the app is there and its telemetry made, with no setting for it."""
    code = """
import sys
import function_app
from shared.settings import read_settings
from shared.wiring import telemetry_of
telemetry_of(read_settings())
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=REQUIRED_SETTINGS, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("module", ["azure.monitor", "azure.identity", "opentelemetry.exporter"])
def test_what_only_azure_or_a_collector_needs_is_not_imported_without_its_setting(
    module: str, imported: list[str]
) -> None:
    assert "function_app" in imported
    assert [name for name in imported if name == module or name.startswith(f"{module}.")] == []
