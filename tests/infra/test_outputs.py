"""Names of what a deployment made: found whatever their case, and a missing one stops the run by its name."""

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.outputs import main
from tests.infra.product import INFRA, ROOT, Infra
from tests.infra.test_workflows import ACTIONS, loaded

GIVEN = {
    "AZURE_RESOURCE_GROUP": "rg-regis-pay-dev",
    "AZURE_FUNCTION_APP_NAME": "func-abc",
    "SERVICE_APP_NAME": "func-abc",
    "SERVICE_APP_URL": "https://func-abc.azurewebsites.net",
    "SERVICEBUS_NAMESPACE": "bus-abc",
    "VAULT_NAME": "",
}

AZ = """#!/bin/sh
# Stands in for the Azure CLI: a deployment that ends as it is told, with these outputs.
echo "$*" > asked
[ "$ENDS" = 0 ] && cat given.json
exit "$ENDS"
"""


def spelled(name: str) -> str:
    """As Azure Resource Manager has been seen to write it: azurE_RESOURCE_GROUP."""
    head, *rest = name.split("_")
    return "_".join([head[:-1].lower() + head[-1], *rest])


def outputs(**changed: Any) -> dict[str, Any]:
    """In Azure's spelling; a change to None takes the output away."""
    values = GIVEN | changed
    return {spelled(name): {"type": "String", "value": value} for name, value in values.items() if value is not None}


def asked(text: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return main(list(arguments))


def test_a_name_is_found_in_whatever_case_azure_wrote_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = json.dumps(outputs())

    assert "azurE_RESOURCE_GROUP" in given
    assert asked(given, "AZURE_RESOURCE_GROUP", "SERVICEBUS_NAMESPACE", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "AZURE_RESOURCE_GROUP=rg-regis-pay-dev\nSERVICEBUS_NAMESPACE=bus-abc\n"


def test_one_name_can_be_had_without_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(json.dumps(outputs(VAULT_NAME="kv-abc")), "--value", "VAULT_NAME", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "kv-abc\n"


def test_a_value_is_handed_on_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given = json.dumps(outputs(AZURE_RESOURCE_GROUP="Rg-A b"))

    assert asked(given, "--value", "AZURE_RESOURCE_GROUP", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "Rg-A b\n"


def test_a_name_beside_it_that_begins_or_ends_alike_is_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = json.dumps(outputs(VAULT_NAME="kv-abc", VAULT_NAME_OLD="kv-old", OTHER_VAULT_NAME="kv-other", VAULT="kv"))

    assert asked(given, "VAULT_NAME", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "VAULT_NAME=kv-abc\n"


def test_the_value_alone_can_be_had_of_one_name_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        asked(json.dumps(outputs()), "--value", "SERVICE_APP_URL", "SERVICE_APP_NAME", monkeypatch=monkeypatch)

    printed = capsys.readouterr()
    assert (printed.out, "--value takes one name" in printed.err) == ("", True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(outputs(SERVICE_APP_URL=None)), "gave no such output; it gave"),
        (json.dumps(outputs() | {spelled("SERVICE_APP_URL"): {"value": None}}), "gave it no value"),
        (json.dumps(outputs() | {spelled("SERVICE_APP_URL"): None}), "gave it no value"),
        (json.dumps(outputs(SERVICE_APP_URL="")), "gave it no value"),
        (json.dumps(outputs(SERVICE_APP_URL=" ")), "gave it no value"),
        (json.dumps(outputs(SERVICE_APP_URL=7)), "its value is not a text but a number"),
        (json.dumps(outputs(SERVICE_APP_URL=0.5)), "its value is not a text but a number"),
        (json.dumps(outputs(SERVICE_APP_URL=False)), "its value is not a text but a boolean"),
        (json.dumps(outputs(SERVICE_APP_URL=[])), "its value is not a text but an array"),
        (json.dumps(outputs(SERVICE_APP_URL={"a": "b"})), "its value is not a text but an object"),
        (json.dumps(outputs(SERVICE_APP_URL="https://a\r")), "not one line"),
        (json.dumps(outputs(SERVICE_APP_URL="https://a\nAZURE_RESOURCE_GROUP=other")), "not one line"),
        (json.dumps(outputs() | {"service_app_url": {"value": "https://other"}}), "more than once"),
        ("", "gave no such output; it gave none"),
        ("null", "gave no such output; it gave none"),
        ("ERROR: not signed in", "not JSON"),
    ],
    ids=[
        "not there",
        "null",
        "no output at all",
        "empty",
        "blank",
        "a number",
        "half a number",
        "a boolean",
        "an array",
        "an object",
        "a line that ends as on Windows",
        "two lines",
        "twice",
        "nothing",
        "no outputs",
        "no JSON",
    ],
)
def test_a_name_without_a_value_stops_the_run_and_is_named(
    text: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(text, "SERVICE_APP_URL", "AZURE_RESOURCE_GROUP", monkeypatch=monkeypatch) == 1

    printed = capsys.readouterr()
    assert printed.out == "", "half of what was asked for is nothing to go on with"
    assert printed.err.startswith("FAILED  SERVICE_APP_URL")
    assert says in printed.err


@dataclass(frozen=True)
class Step:
    """How the deploying step of the action ended, and what it handed on."""

    code: int
    said: str
    handed_on: str
    asked: str


def step(folder: Path, given: dict[str, Any], *, ends: int = 0) -> Step:
    """Runs the very text of the step, in the shell that GitHub runs it with."""
    (text,) = [each["run"] for each in loaded(ACTIONS[0])["runs"]["steps"] if each.get("id") == "infra"]
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "infra").symlink_to(INFRA)
    (folder / "bin").mkdir()
    (folder / "bin" / "az").write_text(AZ)
    (folder / "bin" / "az").chmod(0o755)
    (folder / "bin" / "python").symlink_to(sys.executable)
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(folder / "handed-on"),
        "ENVIRONMENT": "dev",
        "LOCATION": "westeurope",
        "ENDS": str(ends),
    }
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text]
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    handed_on = folder / "handed-on"
    return Step(
        done.returncode,
        done.stderr,
        handed_on.read_text() if handed_on.exists() else "",
        (folder / "asked").read_text(),
    )


def test_the_deploying_step_hands_on_what_azure_spelled_in_its_own_way(tmp_path: Path) -> None:
    done = step(tmp_path, outputs())

    names = ["AZURE_RESOURCE_GROUP", "AZURE_FUNCTION_APP_NAME", "SERVICE_APP_URL", "SERVICEBUS_NAMESPACE"]
    assert done.code == 0, done.said
    assert done.handed_on == "".join(f"{name}={GIVEN[name]}\n" for name in names)
    assert "deployment sub create --name regis-pay-dev --location westeurope" in done.asked


@pytest.mark.parametrize("name", ["AZURE_FUNCTION_APP_NAME", "SERVICEBUS_NAMESPACE"])
@pytest.mark.parametrize("lost", [None, ""], ids=["missing", "empty"])
def test_the_deploying_step_stops_at_an_output_that_is_not_there(tmp_path: Path, name: str, lost: str | None) -> None:
    done = step(tmp_path, outputs(**{name: lost}))

    assert done.code != 0
    assert name in done.said
    assert done.handed_on == ""


def test_the_deploying_step_stops_when_the_deployment_fails(tmp_path: Path) -> None:
    done = step(tmp_path, outputs(), ends=1)

    assert done.code == 1
    assert done.handed_on == ""


READ_IN = [
    *(ROOT / ".github").rglob("*.yml"),
    *ROOT.glob("docs/*.md"),
    *INFRA.glob("*.sh"),
    ROOT / "azure.yaml",
    ROOT / "README.md",
]
READING = re.compile(r"python infra/outputs\.py((?: (?:--value|\w+))+)")


def commands(path: Path) -> list[str]:
    """The lines of a file; one that ends with a backslash goes on in the next."""
    return re.sub(r"\s*\\\n\s*", " ", path.read_text()).splitlines()


def test_nothing_else_reads_outputs_by_their_spelling() -> None:
    """azd reads them in any case by itself; whatever else does goes through infra/outputs.py."""
    asking = {path.name: [line for line in commands(path) if "properties.outputs" in line] for path in READ_IN}

    assert {name: len(lines) for name, lines in asking.items() if lines} == {"action.yml": 1, "deploy.md": 1}
    assert asking["action.yml"][0].endswith("--query properties.outputs --output json > outputs.json")
    assert "< outputs.json >>" in "".join(line for line in commands(ACTIONS[0]) if READING.search(line))
    assert re.search(rf"--query properties\.outputs --output json \| \S*{READING.pattern}", asking["deploy.md"][0])


def test_every_name_that_is_read_is_an_output_of_main_bicep() -> None:
    given = set(Infra(INFRA).files["main.bicep"].outputs)
    lines = [line for path in READ_IN for line in commands(path)]

    read = [name for line in lines for found in READING.findall(line) for name in found.split() if name != "--value"]
    by_azd = [name for line in lines for name in re.findall(r"azd env get-value (\w+)", line)]

    assert {"VAULT_NAME", "SERVICEBUS_NAMESPACE"} <= set(read)
    assert [name for name in read if name not in given] == []
    assert [name for name in by_azd if name not in given | {"OPS_CLIENT_ID"}] == [], "OPS_CLIENT_ID: the hook sets it"
