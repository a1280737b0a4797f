"""The command knows the app by its HTTP only: it must go on working when it is copied away from it."""

import ast
import sys
from pathlib import Path

import pytest

OPS = Path(__file__).parents[2] / "ops"
ALLOWED = {*sys.stdlib_module_names, "ops", "aiohttp"}


@pytest.mark.parametrize("path", sorted(OPS.rglob("*.py")), ids=lambda path: path.stem)
def test_it_imports_nothing_of_the_app(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in imported} <= ALLOWED


@pytest.mark.parametrize("path", sorted(OPS.rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
