"""Every line of shell that ships or is to be typed, as shellcheck reads it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.test_azd import hooks
from tests.infra.test_deploy_guide import blocks
from tests.infra.test_workflows import ACTIONS, WORKFLOWS, loaded

ROOT = Path(__file__).resolve().parents[2]
SHELLCHECK = Path(sys.executable).parent / "shellcheck"

NOT_HERE_YET = "SC1091"
""".venv/bin/activate is made by the run."""


def scripts() -> Iterator[tuple[str, str, str]]:
    """What it is, its shell, and its text. An expression of GitHub is filled in before the shell sees it."""
    for path in (ROOT / "local/setup.sh", ROOT / ".ci/run"):
        yield path.name, "sh" if path.suffix else "bash", path.read_text()
    for name, hook in hooks():
        yield name, "sh", hook["posix"]["run"]
    yield "docs/deploy.md", "bash", "\n".join(blocks())
    for path in [*WORKFLOWS, *ACTIONS]:
        held = loaded(path)
        steps = [step for job in held.get("jobs", {}).values() for step in job.get("steps", ())]
        for step in [*steps, *held.get("runs", {}).get("steps", ())]:
            if "run" in step:
                name = f"{path.parent.name}/{path.name}: {step.get('name', step['run'])[:40]}"
                yield name, "bash", re.sub(r"\$\{\{.*?\}\}", "filled", step["run"])


def complaints(shell: str, text: str) -> str:
    command = [str(SHELLCHECK), "--shell", shell, "--exclude", NOT_HERE_YET, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60).stdout


@pytest.mark.parametrize(("shell", "text"), [pytest.param(s, t, id=name) for name, s, t in scripts()])
def test_shellcheck_has_nothing_to_say(shell: str, text: str) -> None:
    assert complaints(shell, text) == ""


def test_a_name_without_quotes_would_be_noticed() -> None:
    assert "SC2086" in complaints("bash", 'A="a b"; ls $A')
