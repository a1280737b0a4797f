"""Whatever the documents say of az, azd and gh: the tool has that command, and each of its options.

Those of docs/deploy.md are run as well: tests/infra/test_deploy_guide.py.
"""

import json
import re
import shlex
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
