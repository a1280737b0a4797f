"""The command knows the app by its HTTP only: copied away from it, together with `terminal/`, it must go on working."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = sorted(path for folder in ("ops", "terminal") for path in (ROOT / folder).rglob("*.py"))
ALLOWED = {*sys.stdlib_module_names, "ops", "terminal", "aiohttp", "shtab"}


@pytest.mark.parametrize("path", COPIED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_it_imports_nothing_of_the_app(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in imported} <= ALLOWED


@pytest.mark.parametrize("path", COPIED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
