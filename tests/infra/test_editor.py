"""What editor and dev container are told agrees with the project, and with what the container's features can do."""

import json
import re
from pathlib import Path
from typing import Any

from infra.bicep_check import VERSION

ROOT = Path(__file__).resolve().parents[2]

BUILT_ON = re.compile(r"mcr\.microsoft\.com/devcontainers/python:3\.13-bookworm")
"""docker-in-docker 2 takes moby by default, and refuses it on trixie (devcontainers/features, its install.sh)."""


def loaded(name: str) -> dict[str, Any]:
    """JSON with whole-line comments, as these tools read it."""
    lines = (ROOT / name).read_text().splitlines()
    found: dict[str, Any] = json.loads("\n".join(line for line in lines if not line.strip().startswith("//")))
    return found


def feature(name: str) -> dict[str, Any]:
    (found,) = [
        options for key, options in loaded(".devcontainer/devcontainer.json")["features"].items() if name in key
    ]
    options: dict[str, Any] = found
    return options


def test_the_container_is_built_on_what_its_features_support() -> None:
    image = loaded(".devcontainer/devcontainer.json")["image"]

    assert BUILT_ON.fullmatch(image) or feature("docker-in-docker").get("moby") is False


def test_the_container_has_the_pinned_compiler() -> None:
    assert feature("azure-cli") == {"installBicep": True, "bicepVersion": f"v{VERSION}"}


def test_the_container_has_every_tool_of_the_guide() -> None:
    container = loaded(".devcontainer/devcontainer.json")
    named = " ".join([*container["features"], container["postCreateCommand"]])

    assert [tool for tool in ("azure-cli", "azd", "github-cli", "docker", "core-tools") if tool not in named] == []


def test_the_container_and_the_editor_recommend_the_same() -> None:
    inside = loaded(".devcontainer/devcontainer.json")["customizations"]["vscode"]["extensions"]

    assert sorted(inside) == sorted(loaded(".vscode/extensions.json")["recommendations"])


def test_every_task_that_is_started_first_is_there() -> None:
    tasks = {task["label"]: task for task in loaded(".vscode/tasks.json")["tasks"]}
    started = [
        each["preLaunchTask"] for each in loaded(".vscode/launch.json")["configurations"] if "preLaunchTask" in each
    ]
    before = [label for task in tasks.values() for label in task.get("dependsOn", ())]

    assert started
    assert {*started, *before} <= tasks.keys()


def test_every_target_that_a_task_makes_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = [task["command"] for task in loaded(".vscode/tasks.json")["tasks"]]
    made = [command.split()[1] for command in commands if command.startswith("make ")]

    assert made
    assert [name for name in made if f"\n{name}:" not in makefile] == []


def test_the_editor_waits_for_what_the_emulators_print_when_they_are_there() -> None:
    tasks = {task["label"]: task for task in loaded(".vscode/tasks.json")["tasks"]}
    ready = tasks["emulators"]["problemMatcher"]["background"]["endsPattern"]

    assert f'*settings, "{ready}"' in (ROOT / "local/emulators.py").read_text()
