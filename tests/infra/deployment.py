"""A deployment to play with: a server that plays the app and its deployment site, and a stand-in for `az`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import deployed
from infra.deploy import main
from infra.package import BUILD_ID, write_zip
from tests.infra.played_app import PlayedApp, serving
from tests.infra.stage import Stage, staged, step_on
from tests.infra.standin import Answer

FORBIDDEN: Answer = (1, "", "ERROR: (AuthorizationFailed) The client does not have authorization to perform action")
BUSY: Answer = (1, "", "ERROR: Operation returned an invalid status 'Service Unavailable'")


@dataclass(frozen=True)
class Azure:
    """A deployment: the played app, the tools, the package, and how to run the script against them."""

    app: PlayedApp
    stage: Stage
    package: Path
    outputs: dict[str, str]

    def run(self, command: str, *more: str) -> int:
        limits = ["--limit-s", "60", "--pause-s", "0.01"]
        return main([command, "--package", str(self.package), *limits, *more])

    def functions(self, *names: str, off: str | None = None) -> None:
        """What the platform lists from now on."""
        listed = [{"name": f"func-abc/{name}", "isDisabled": name == off} for name in names]
        self.stage.answers("az functionapp function list", *[(0, json.dumps(listed), "")] * 99)


def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """A dev environment whose names azd has put into the environment of this process."""
    app = PlayedApp(starts_after=0, discard_busy=0, key="function-key", token="token-of-api://ops-1")
    stage, package = staged(tmp_path / "stage"), tmp_path / "app.zip"
    write_zip(package, {BUILD_ID: b"abc123\n"})
    with serving(app) as url:
        outputs = {
            "AZURE_RESOURCE_GROUP": "rg-regis-pay-dev",
            "AZURE_FUNCTION_APP_NAME": "func-abc",
            "SERVICE_APP_URL": url,
            "SERVICEBUS_NAMESPACE": "bus-abc",
        }
        stage.keep(scm=url.removeprefix("http://"))
        monkeypatch.setattr(deployed, "SCM", "http://{}")
        told = {"AZURE_ENV_NAME": "dev", "OPS_CLIENT_ID": "ops-1", "PROVIDER_BASE_URL": "https://a-7090.devtunnels.ms"}
        step_on(stage, monkeypatch, **outputs, **told)
        yield Azure(app, stage, package, outputs)


def steps(printed: str) -> list[tuple[str, str]]:
    """How each step ended; those of the smoke test are its own."""
    return [found for found in re.findall(r"^(ok|FAILED) +(\w+):", printed, re.MULTILINE) if found[1] not in SMOKE]


SMOKE = {"live", "ready", "pays", "refunds", "refuses", "hears", "voids", "parked", "forwarded", "shut"}
READY = [("ok", "needs"), ("ok", "package"), ("ok", "outputs")]
CHECKED = [
    ("ok", name)
    for name in (
        "needs",
        "tokens",
        "assigned",
        "package",
        "outputs",
        "sync",
        "build",
        "triggers",
        "functions",
        "rules",
        "works",
    )
]

type Printed = pytest.CaptureFixture[str]


def mangled(outputs: dict[str, str]) -> dict[str, Any]:
    """As Azure Resource Manager has been seen to write names: azurE_RESOURCE_GROUP."""
    parts = {name: name.split("_", 1) for name in outputs}
    spelled = {name: f"{head[:-1].lower()}{head[-1]}_{rest}" for name, (head, rest) in parts.items()}
    return {spelled[name]: {"type": "String", "value": value} for name, value in outputs.items()}
