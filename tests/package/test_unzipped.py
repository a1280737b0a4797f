"""The zip that deploys, unzipped and run with nothing but what is in it, with telemetry on as in Azure."""

import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from infra.package import build
from local.supervisor import ROOT, Platform, running_platform
from tests.infra.product import INFRA, Infra
from tests.package.host import APP
from tests.package.ingestion import Ingestion, running_ingestion
from tests.shop import Shop, open_shop
from tests.waiting import until

pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

TEMPLATE = Infra(INFRA).snapshot("dev").settings
TELEMETRY = {name: str(value) for name, value in TEMPLATE.items() if name.startswith(("OTEL_", "PYTHON_"))}
AS_IN_AZURE = TELEMETRY | {"APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"}
"""What the template sets; and the exporter tells its makers nothing of itself, for that would leave this machine."""

ARRIVED_WITHIN_S = 30.0
"""Figures leave every ten seconds. Without the setting it would be a minute."""


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    package = build(ROOT, folder / "app.zip", build_id="abc123", with_dependencies=True)
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder / "app")
    return folder / "app"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ingestion() -> AsyncIterator[Ingestion]:
    async with running_ingestion() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(
    unzipped: Path, ingestion: Ingestion, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    data = tmp_path_factory.mktemp("platform")
    environment = {
        **AS_IN_AZURE,
        "TMPDIR": str(tmp_path_factory.mktemp("unsent")),
        APP: str(unzipped),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection,
    }
    async with running_platform(data=data, environment=environment, modules={"host": "tests.package.host"}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(platform: Platform) -> AsyncIterator[Shop]:
    async with open_shop(platform) as opened:
        yield opened


async def test_the_app_that_runs_is_the_one_in_the_package(shop: Shop) -> None:
    assert (await shop.get("/api/health")).body == {"status": "live", "build": "abc123"}


async def test_a_payment_completes(shop: Shop) -> None:
    payment_id = await shop.order("paid")

    assert (await shop.finished(payment_id))["status"] == "completed"


async def test_what_is_parked_becomes_a_dead_letter_and_completes_after_a_replay(shop: Shop) -> None:
    payment_id = await shop.order("dies", payment_method="pm_settle_down")

    async def letters() -> list[dict[str, Any]]:
        answered = await shop.get("/api/ops/dead-letters?status=open")
        assert answered.status == 200, answered
        return [each for each in answered.body["dead_letters"] if each["payment_id"] == payment_id]

    async def is_parked() -> bool:
        return bool(await letters())

    await until(is_parked, limit_s=60.0, every_s=0.2)
    [letter] = await letters()
    await shop.tell_provider("/repair")
    async with shop.http.post(f"{shop.url}/api/ops/dead-letters/{letter['id']}/replay") as response:
        assert response.status in (200, 202), await response.text()

    assert (await shop.finished(payment_id))["status"] == "completed"


async def test_one_trace_under_one_name_shows_a_payment_from_its_post_to_its_end(
    shop: Shop, ingestion: Ingestion
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    shop.http.headers["traceparent"] = f"00-{trace_id}-00f067aa0ba902b7-01"
    await shop.finished(await shop.order("traced"))

    def of_the_payment() -> list[dict[str, Any]]:
        return [each for each in ingestion.spans() if each["tags"]["ai.operation.id"] == trace_id]

    def names() -> set[str]:
        return {each["data"]["baseData"]["name"] for each in of_the_payment()}

    await until(lambda: {"accept", "publish", "advance"} <= names(), what=lambda: f"{names()}", limit_s=30.0)
    assert {each["tags"]["ai.cloud.role"] for each in of_the_payment()} == {"regis-pay"}


async def test_telemetry_is_set_as_in_azure() -> None:
    names = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_TRACES_SAMPLER"}

    assert names | {"OTEL_TRACES_SAMPLER_ARG", "PYTHON_ENABLE_OPENTELEMETRY"} == TELEMETRY.keys()


async def test_figures_and_lines_of_a_dead_letter_arrive_with_what_alerts_look_at(
    shop: Shop, ingestion: Ingestion
) -> None:
    await shop.order("parked", payment_method="pm_invalid")
    kind = {"step": "create", "reason": "our_fault", "severity": "normal"}

    def recorded() -> list[dict[str, Any]]:
        figures = ingestion.figures("regispay.dead_letters.recorded")
        return [each for each in figures if each["properties"] == kind]

    def told() -> list[dict[str, Any]]:
        return [
            each for each in ingestion.lines("recover.dead_letter_recorded") if each["properties"]["step"] == "create"
        ]

    await until(lambda: bool(recorded() and told()), limit_s=ARRIVED_WITHIN_S)
    assert [each["metrics"][0]["value"] for each in recorded()] == [1]
    assert told()[0]["severityLevel"] == 3
    assert told()[0]["message"].startswith("recover.dead_letter_recorded letter_id=")
    assert told()[0]["properties"].items() >= kind.items()


async def test_a_gauge_and_a_tick_of_its_timer_arrive_once_a_minute(ingestion: Ingestion) -> None:
    gauge, ticks = "regispay.outbox.lag_s", "regispay.timer.ticks"

    def ticked() -> list[dict[str, Any]]:
        return [each for each in ingestion.figures(ticks) if each["properties"] == {"timer": "measure_backlog"}]

    await until(lambda: bool(ticked()), limit_s=60 + ARRIVED_WITHIN_S)
    assert len(ingestion.figures(gauge)) == sum(each["metrics"][0]["value"] for each in ticked())


async def test_everything_is_told_under_one_name_and_the_environment_once(ingestion: Ingestion) -> None:
    """The exporter keeps name, instance and version of a resource; the rest has a row of its own."""
    resource = ingestion.figures("_OTELRESOURCE_")

    assert {each["tags"]["ai.cloud.role"] for each in ingestion.envelopes} == {"regis-pay"}
    assert {each["properties"]["deployment.environment.name"] for each in resource} == {"dev"}
    assert not [each for each in ingestion.lines() if "deployment.environment.name" in each["properties"]]


async def test_the_host_has_nothing_to_complain_of(platform: Platform) -> None:
    """What every batch of telemetry logs is paid for, and hides what matters."""
    complaints = [line for line in platform.log("host").read_text().splitlines() if "Traceback" in line]

    assert complaints == [], platform.log("host").read_text()[-5000:]
