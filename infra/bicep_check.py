"""Holds infra/ against Microsoft's Bicep compiler: it compiles, the linter has nothing to say, the parameter files fit,
and every file is as `bicep format` writes it.

The one command for it: people, `make test` and the workflows run this. Changes nothing and asks Azure nothing. Imports
nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent

VERSION = "0.49.2"
"""The release that everybody compiles with. Another one has other rules and another format."""

HOW = f"`python infra/bicep_check.py --install` lets the Azure CLI install {VERSION}; then BICEP=~/.azure/bin/bicep"

PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""For what the parameter files read and the environment does not set: what a value names is not asked."""

_NEEDED = re.compile(r"readEnvironmentVariable\('(\w+)'\)")
_RELEASE = re.compile(r"\b\d+\.\d+\.\d+\b")

type Check = Callable[[Path, Path], list[str]]
"""Of compiler and folder, what the compiler says; nothing when all is well."""


class CompilerMissing(Exception):
    """Nobody named a compiler, and PATH has none of the pinned version."""


class CompilerWrong(Exception):
    """The compiler that BICEP names does not run, or is of another version."""


def find(environment: Mapping[str, str]) -> Path:
    """The compiler that BICEP names, or the one on PATH. Raises CompilerMissing, CompilerWrong."""
    path, named = environment.get("PATH"), environment.get("BICEP")
    if named:
        named = shutil.which(named, path=path) or named
        if _release(named) != VERSION:
            raise CompilerWrong(f"BICEP names {named}, which is {_release(named)} and not {VERSION}. {HOW}")
        return Path(named).resolve()
    on_path = shutil.which("bicep", path=path)
    if not on_path:
        raise CompilerMissing(f"no Bicep compiler: BICEP is not set, and PATH has no bicep. {HOW}")
    if _release(on_path) != VERSION:
        raise CompilerMissing(f"no Bicep compiler of version {VERSION}: {on_path} is {_release(on_path)}. {HOW}")
    return Path(on_path).resolve()


def builds(compiler: Path, folder: Path) -> list[str]:
    return _said([compiler, "build", "main.bicep", "--stdout"], folder)


def lints(compiler: Path, folder: Path) -> list[str]:
    return _said([compiler, "lint", "main.bicep"], folder)


def builds_parameters(compiler: Path, folder: Path) -> list[str]:
    """Of every environment at once, and for each the template with it."""
    with tempfile.TemporaryDirectory() as scratch:
        return _said([compiler, "build-params", "--pattern", "*.bicepparam", "--outdir", scratch], folder)


def formats(compiler: Path, folder: Path) -> list[str]:
    """The compiler writes every file anew, in a copy; nothing may have changed by that."""
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*.bicep*")) if path.is_file()]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch).resolve()
        for name in [*names, Path("bicepconfig.json")]:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, copy / name)
        said = _said([compiler, "format", "--pattern", "**/*.bicep*"], copy)
        changed = [name for name in names if (copy / name).read_bytes() != (folder / name).read_bytes()]
    return said + [f"{name}: not as `bicep format {name}` writes it" for name in changed]


CHECKS: tuple[Check, ...] = (builds, lints, builds_parameters, formats)


def placeholders(folder: Path) -> dict[str, str]:
    """A value for every environment variable that the parameter files cannot do without."""
    texts = [path.read_text() for path in folder.glob("*.bicepparam")]
    return {name: PLACEHOLDER for text in texts for name in _NEEDED.findall(text)}


def installed() -> Path:
    """By the Azure CLI, at the pinned version; its own commands compile with this one from now on.

    Raises CalledProcessError when the Azure CLI fails; it has then said why.
    """
    az = shutil.which("az") or "az"
    # Or a runner's az goes on using what lies on PATH, whatever version it was told to install:
    # https://github.com/Azure/azure-cli/issues/25510
    subprocess.run([az, "config", "set", "bicep.use_binary_from_path=false", "--only-show-errors"], check=True)  # noqa: S603 - our own words
    subprocess.run([az, "bicep", "install", "--version", f"v{VERSION}"], check=True)  # noqa: S603 - our own words
    home = os.environ.get("AZURE_CONFIG_DIR")
    return (Path(home) if home else Path.home() / ".azure") / "bin" / ("bicep.exe" if os.name == "nt" else "bicep")


def _release(compiler: str) -> str:
    try:
        said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout  # noqa: S603 - what the caller named
    except OSError as fault:
        return f"nothing that runs ({fault.strerror})"
    found = _RELEASE.search(said)
    return found[0] if found else "not a Bicep compiler"


def _said(command: list[str | Path], folder: Path) -> list[str]:
    """What a run writes to stderr, each line once, with the names of files as seen from the folder."""
    environment = placeholders(folder) | os.environ
    given: dict[str, Any] = {"cwd": folder, "env": environment, "timeout": 120}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **given)  # noqa: S603 - our own words
    lines = [line.replace(f"{folder.resolve()}{os.sep}", "") for line in done.stderr.splitlines() if line.strip()]
    if done.returncode and not lines:
        lines = [f"bicep {command[1]} ended with {done.returncode} and said nothing"]
    return list(dict.fromkeys(lines))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/bicep_check.py", description="Has Bicep anything to say?")
    parser.add_argument("--install", action="store_true", help=f"first install {VERSION}, by the Azure CLI")
    parser.add_argument("folder", type=Path, nargs="?", default=INFRA)
    options = parser.parse_args(arguments)
    try:
        compiler = find({"BICEP": str(installed())} if options.install else os.environ)
    except (CompilerMissing, CompilerWrong) as fault:
        print(f"FAILED  {fault}", file=sys.stderr)
        return 2
    said = dict.fromkeys(line for check in CHECKS for line in check(compiler, options.folder.resolve()))
    for line in said:
        print(f"FAILED  {line}", file=sys.stderr)
    if not said:
        print(f"Bicep {VERSION} ({compiler}) has nothing to say about {options.folder}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
