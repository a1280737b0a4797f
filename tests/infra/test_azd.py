"""`azd up`: its file agrees with infra/, and the hook makes one app registration and no secret."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.product import INFRA, ROOT, Infra

AZURE_YAML = (ROOT / "azure.yaml").read_text()
HOOK = INFRA / "register-ops.sh"

AZ = """#!/bin/sh
# Stands in for the Azure CLI: keeps what it is asked, answers with what it has made.
echo "$*" >> "$STATE/calls"
case "$1 $2 $3" in
  "ad app create") echo app-1 | tee "$STATE/app" ;;
  "ad app list") cat "$STATE/app" 2>/dev/null ;;
  "ad sp create") echo sp-1 > "$STATE/sp" ;;
  "ad sp list") cat "$STATE/sp" 2>/dev/null ;;
esac
exit 0
"""
AZD = '#!/bin/sh\necho "$*" >> "$STATE/azd-calls"\n'


@pytest.fixture
def azure(tmp_path: Path) -> dict[str, str]:
    """An environment in which `az` and `azd` are stand-ins that write down what they are asked."""
    for name, script in (("az", AZ), ("azd", AZD)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATE": str(tmp_path), "AZURE_ENV_NAME": "dev"}


def run(azure: dict[str, str], **more: str) -> str:
    command = ["sh", str(HOOK)]
    return subprocess.run(command, env={**azure, **more}, check=True, capture_output=True, text=True, timeout=30).stdout


def calls(azure: dict[str, str]) -> list[str]:
    path = Path(azure["STATE"]) / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_the_service_of_azd_is_the_tag_of_the_site() -> None:
    (service,) = re.findall(r"(?m)^services:\n  (\w+):$", AZURE_YAML)

    modules = Infra(INFRA).files["main.bicep"].modules()

    assert modules["functionApp"]["params"]["serviceName"] == service
    assert f"SERVICE_{service.upper()}_URL" in Infra(INFRA).files["main.bicep"].outputs


def test_the_files_that_azd_is_told_of_are_there() -> None:
    (path,) = re.findall(r"run: (\S+)", AZURE_YAML)

    assert (ROOT / path) == HOOK
    assert os.access(HOOK, os.X_OK)
    assert "path: infra\n  module: main\n" in AZURE_YAML


def test_azd_asks_for_nothing_but_what_it_cannot_know() -> None:
    text = (INFRA / "main.parameters.json").read_text()
    parameters = json.loads(text)["parameters"]

    asked = {name for name, entry in parameters.items() if re.fullmatch(r"\$\{\w+\}", str(entry["value"]))}

    unknowable = {"environmentName", "location", "providerBaseUrl", "opsClientId"}
    assert asked == unknowable, "each more is one more question before the first deployment: can it have a default?"


def test_the_hook_registers_one_app_however_often_it_runs(azure: dict[str, str]) -> None:
    run(azure)
    run(azure)

    assert [call.split()[:3] for call in calls(azure)].count(["ad", "app", "create"]) == 1
    assert [call.split()[:3] for call in calls(azure)].count(["ad", "sp", "create"]) == 1
    assert (Path(azure["STATE"]) / "azd-calls").read_text().splitlines() == ["env set OPS_CLIENT_ID app-1"] * 2


def test_the_hook_leaves_a_given_registration_alone(azure: dict[str, str]) -> None:
    said = run(azure, OPS_CLIENT_ID="given-1")

    assert "given-1" in said
    assert calls(azure) == []


def test_the_hook_exposes_the_scope_before_it_trusts_the_cli_with_it(azure: dict[str, str]) -> None:
    run(azure)

    exposed, trusted = [json.loads(call.split("--body ")[1]) for call in calls(azure) if call.startswith("rest")]
    (scope,) = exposed["api"]["oauth2PermissionScopes"]
    (program,) = trusted["api"]["preAuthorizedApplications"]
    assert exposed["identifierUris"] == ["api://app-1"]
    assert program["delegatedPermissionIds"] == [scope["id"]]
    assert program["appId"] in (INFRA / "main.bicep").read_text()


def test_the_hook_makes_no_secret(azure: dict[str, str]) -> None:
    run(azure)

    assert not [call for call in calls(azure) if "credential" in call or "password" in call or "secret" in call]
