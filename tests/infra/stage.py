"""A PATH on which the tools of a deployment are stand-ins: tests/infra/standin.py says how they answer.

A script that runs in the process of its test may have them answer there too: to start one takes 30 ms.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra import standin
from tests.infra.standin import Answer

ROOT = Path(__file__).resolve().parents[2]
START = f"import sys; sys.path.insert(0, '{ROOT}'); from tests.infra import standin; sys.exit(standin.main())"
"""As a module, which is compiled once."""
FROM_OUTSIDE = ("GITHUB_", "AZURE_", "SMOKE_", "OPS_", "SERVICE_", "SERVICEBUS_", "PROVIDER_", "MERCHANT_")
TOOLS = ("az", "azd", "gh", "devtunnel", "curl")

type Plays = Callable[[str, list[str]], Answer]
"""What a tool of this name answers to these words."""


@dataclass(frozen=True)
class Stage:
    """One test's own tools, and what they have been asked."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def environment(self) -> dict[str, str]:
        """As a person has it: nothing that a workflow or azd may have put into the environment of these tests."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(FROM_OUTSIDE)}
        return {**outside, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "STAGE": str(self.folder)}

    def calls(self, *start: str) -> list[list[str]]:
        """The words of each call that begins so, in order."""
        path = self.folder / "calls"
        made = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in made if call[: len(start)] == list(start)]

    def keep(self, **state: Any) -> None:
        path = self.folder / "state.json"
        path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **state}))

    def answers(self, start: str, *answers: Answer) -> None:
        """What the next calls that begin so get, instead of what they would."""
        path = self.folder / "state.json"
        queue = json.loads(path.read_text()).get("queue", {}) if path.exists() else {}
        self.keep(queue={**queue, start: answers})


def staged(folder: Path) -> Stage:
    stage = Stage(folder)
    stage.bin.mkdir(parents=True)
    for tool in TOOLS:
        path = stage.bin / tool
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S -c "{START}" {tool} "$@"\n')
        path.chmod(0o755)
    return stage


def answering_here(monkeypatch: pytest.MonkeyPatch, *, plays: Plays) -> None:
    """From now on the tools are played in this process, for whoever starts them with `subprocess.run`."""
    start = subprocess.run

    def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[Any]:
        tool, *words = command
        if Path(tool).stem not in TOOLS:
            return start(command, **how)
        code, said, complained = plays(Path(tool).stem, words)
        if not how.get("capture_output"):
            print(said, end="", file=how.get("stdout", sys.stdout))
            print(complained, end="", file=how.get("stderr", sys.stderr))
        return subprocess.CompletedProcess(command, code, said, complained)

    monkeypatch.setattr(subprocess, "run", run)


def step_on(stage: Stage, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """This process has the environment of somebody on the stage, and more; the tools answer in it."""
    for name in [name for name in os.environ if name.startswith(FROM_OUTSIDE)]:
        monkeypatch.delenv(name)
    for name, value in {**stage.environment, **more}.items():
        monkeypatch.setenv(name, value)

    def played(tool: str, words: list[str]) -> Answer:
        if shutil.which(tool) is None:
            raise FileNotFoundError(tool)  # as whoever starts it would be told
        return standin.answered(tool, words)

    answering_here(monkeypatch, plays=played)
