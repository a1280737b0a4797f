"""Whatever the documents say of az, azd and gh: the tool has that command, and each of its options.

Those of docs/deploy.md are run as well: tests/infra/test_deploy_guide.py.
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = Path(__file__).parent / "commands"

INLINE = re.compile(r"`((?:az|azd|gh) [^`]+)`")
TYPED = re.compile(r"(?m)^ {2,}(?:\w+=\$\()?((?:az|azd|gh) [a-z].*)$")


def spoken_of(path: Path) -> Iterator[str]:
    """Each command, in a sentence or on a line of its own, up to a pipe. One that ends with a backslash goes on."""
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text())
    for found in [*INLINE.findall(text), *TYPED.findall(text)]:
        yield found.partition(" | ")[0]


def known(tool: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COMMANDS / f"{tool}.json").read_text())
    return found


def fault(command: str) -> str | None:
    """What the tool would not know."""
    try:
        tool, *words = shlex.split(command)
    except ValueError:  # the rest of it stands on the next lines, between quotes
        tool, *words = command.split()
    table = known(tool)
    lengths = [count for count in range(len(words), 0, -1) if " ".join(words[:count]) in table]
    if not lengths:
        return f"no such command: {command}"
    options = {word.partition("=")[0] for word in words[lengths[0] :] if re.match(r"--?[a-z]", word)}
    strange = options - set(table[" ".join(words[: lengths[0]])]["options"])
    return f"no such option {sorted(strange)}: {command}" if strange else None


SPOKEN = [(path, command) for path in DOCS for command in spoken_of(path)]


def test_the_documents_speak_of_each_tool() -> None:
    assert {command.split()[0] for _, command in SPOKEN} == {"az", "azd", "gh"}
    assert len(SPOKEN) > 60


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_command_and_option_is_one_that_the_tool_has(path: Path) -> None:
    assert [found for where, command in SPOKEN if where == path and (found := fault(command))] == []


@pytest.mark.parametrize(
    "command", ["az functionapp halt", "az functionapp stop --nam x", "azd upp", "gh release fetch v1"]
)
def test_a_slip_would_be_noticed(command: str) -> None:
    assert fault(command)


def test_whoever_is_told_to_provision_again_is_told_the_option_without_which_azd_does_nothing() -> None:
    """It skips a deployment whose template and parameters are those of the last time. To ask is something else."""
    texts = {path.name: path.read_text() for path in [*DOCS, *sorted((ROOT / "infra").glob("*.py"))]}

    assert [name for name, text in texts.items() if re.search(r"azd provision(?! --(no-state|preview))", text)] == []
    assert sum(text.count("azd provision --no-state") for text in texts.values()) > 3


def wheel(folder: Path, name: str) -> str:
    """A package that holds nothing, and its hash as pip wants it."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}/__init__.py", "")
        made.writestr(f"{info}/METADATA", metadata)
        made.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return hashlib.sha256((folder / f"{name}-1.0-py3-none-any.whl").read_bytes()).hexdigest()


def test_the_line_for_windows_installs_what_the_hooks_need_from_what_is_pinned(tmp_path: Path) -> None:
    """With hashes pip takes nothing by its bare name. Its very words run, on a package that holds nothing."""
    (line,) = re.findall(r"`\.venv\\Scripts\\python ([^`]+)`", (ROOT / "docs" / "deploy.md").read_text())
    (pins,) = re.findall(r"-r (\S+)", line)
    (tmp_path / pins).write_text(f"uv==1.0 --hash=sha256:{wheel(tmp_path, 'uv')}\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_TARGET": str(tmp_path / "there")}

    command = [sys.executable, *line.split()]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **offline}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "uv").is_dir()
    assert {"uv==", "azure-servicebus=="} <= set(re.findall(r"(?m)^[\w-]+==", (ROOT / pins).read_text()))
