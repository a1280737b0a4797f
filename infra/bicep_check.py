"""Checks infra/ with Microsoft's Bicep compiler: it compiles, the linter has nothing to say, the parameter files fit,
and every file is as `bicep format` writes it.

The one command for it: people, `make test` and the workflows run this. Asks Azure nothing, and without `--install`
changes nothing. Imports nothing of the app.
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
from dataclasses import dataclass
from pathlib import Path

INFRA = Path(__file__).resolve().parent

VERSION = "0.49.2"
"""The release that everybody compiles with. Another one has other rules and another format."""

HOW = f"`python infra/bicep_check.py --install` lets the Azure CLI install {VERSION}; then BICEP=~/.azure/bin/bicep"

PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""For a variable that the parameter files read and the environment does not set. Nobody looks up what it names."""

LIMIT_S = 120
"""For one run of the compiler; the slowest takes three seconds."""

INSTALL_LIMIT_S = 600
"""For one command of the Azure CLI: it downloads 120 MB."""

SUFFIXES = {".bicep", ".bicepparam"}
"""What the compiler reads. What an editor leaves beside it (main.bicep~, .main.bicep.swp) it does not."""

_NEEDED = re.compile(r"readEnvironmentVariable\('(\w+)'\)")
_RELEASE = re.compile(r"\b\d+\.\d+\.\d+\S*")


class CompilerMissing(Exception):
    """Nobody named a compiler, and PATH has none of the pinned version."""


class CompilerWrong(Exception):
    """The compiler that BICEP names does not run, or is of another version."""


def find(environment: Mapping[str, str]) -> Path:
    """The compiler that BICEP names, or the one on PATH. Raises CompilerMissing, CompilerWrong."""
    path, named = environment.get("PATH"), environment.get("BICEP")
    if named:
        named = shutil.which(named, path=path) or named
        if (release := _release(named)) != VERSION:
            raise CompilerWrong(f"BICEP names {named}, which is {release} and not {VERSION}. {HOW}")
        return Path(named).resolve()
    on_path = shutil.which("bicep", path=path)
    if not on_path:
        raise CompilerMissing(f"no Bicep compiler: BICEP is not set, and PATH has no bicep. {HOW}")
    if (release := _release(on_path)) != VERSION:
        raise CompilerMissing(f"no Bicep compiler of version {VERSION}: {on_path} is {release}. {HOW}")
    return Path(on_path).resolve()


@dataclass(frozen=True)
class Compiler:
    """One that runs. environment: what the parameter files read from."""

    path: Path
    environment: Mapping[str, str]

    def said(self, folder: Path, *words: str) -> list[str]:
        """Whatever a run writes, each line once, with the names of files as seen from the folder."""
        try:
            code, written = _run([str(self.path), *words], folder=folder, environment=self.environment)
        except subprocess.TimeoutExpired:
            return [f"bicep {words[0]} did not end within {LIMIT_S} s"]
        except OSError as fault:
            return [f"bicep {words[0]} does not run: {fault}"]
        lines = [line.replace(f"{folder.resolve()}{os.sep}", "") for line in written.splitlines() if line.strip()]
        if code and not lines:
            lines = [f"bicep {words[0]} ended with {code} and said nothing"]
        return list(dict.fromkeys(lines))


type Check = Callable[[Compiler, Path], list[str]]
"""What the compiler says of a folder; nothing when all is well."""


def builds(compiler: Compiler, folder: Path) -> list[str]:
    """Every file, also one that main.bicep does not call."""
    with tempfile.TemporaryDirectory() as scratch:
        return compiler.said(folder, "build", "--pattern", "**/*.bicep", "--outdir", scratch)


def lints(compiler: Compiler, folder: Path) -> list[str]:
    return compiler.said(folder, "lint", "--pattern", "**/*.bicep")


def builds_parameters(compiler: Compiler, folder: Path) -> list[str]:
    """The parameters of all environments, each with its template."""
    with tempfile.TemporaryDirectory() as scratch:
        return compiler.said(folder, "build-params", "--pattern", "**/*.bicepparam", "--outdir", scratch)


def formats(compiler: Compiler, folder: Path) -> list[str]:
    """The compiler formats a copy of every file; nothing may change."""
    names = [path.relative_to(folder) for path in sources(folder)]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch).resolve()
        for name in [*names, Path("bicepconfig.json")]:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, copy / name)
        said = compiler.said(copy, "format", "--pattern", "**/*.bicep*")
        changed = [name for name in names if (copy / name).read_bytes() != (folder / name).read_bytes()]
    return said + [f"{name}: not as `bicep format {name}` writes it" for name in changed]


CHECKS: tuple[Check, ...] = (builds, lints, builds_parameters, formats)


def sources(folder: Path) -> list[Path]:
    """What the compiler reads in a folder, and below it."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def placeholders(folder: Path) -> dict[str, str]:
    """A value for every environment variable that the parameter files cannot do without."""
    texts = [path.read_text() for path in sources(folder) if path.suffix == ".bicepparam"]
    return {name: PLACEHOLDER for text in texts for name in _NEEDED.findall(text)}


def installed(environment: Mapping[str, str]) -> Path:
    """The compiler that the Azure CLI installs, at the pinned version. The CLI's own commands use it from now on.

    Raises CompilerMissing when there is no Azure CLI, or when it fails; it has then said why.
    """
    az = shutil.which("az", path=environment.get("PATH"))
    if not az:
        raise CompilerMissing("--install needs the Azure CLI, and PATH has no az. Install it, or set BICEP")
    # Otherwise a runner's az goes on using the compiler on PATH, not the version it was told to install:
    # https://github.com/Azure/azure-cli/issues/25510
    own = ["config", "set", "bicep.use_binary_from_path=false", "--only-show-errors"]
    for words in (own, ["bicep", "install", "--version", f"v{VERSION}"]):
        try:
            subprocess.run([az, *words], check=True, timeout=INSTALL_LIMIT_S)  # noqa: S603 - our own words
        except (OSError, subprocess.SubprocessError) as fault:
            raise CompilerMissing(f"`az {' '.join(words)}` failed: {fault}. Run it by hand, or set BICEP") from fault
    home = environment.get("AZURE_CONFIG_DIR")
    place = Path(home).expanduser() if home else Path.home() / ".azure"
    return place / "bin" / ("bicep.exe" if os.name == "nt" else "bicep")


def _release(compiler: str) -> str:
    try:
        _, said = _run([compiler, "--version"], folder=None, environment=None)
    except subprocess.TimeoutExpired:
        return f"nothing that answers within {LIMIT_S} s"
    except OSError as fault:
        return f"nothing that runs ({fault.strerror})"
    found = _RELEASE.search(said)
    return found[0] if found else "not a Bicep compiler"


def _run(command: list[str], *, folder: Path | None, environment: Mapping[str, str] | None) -> tuple[int, str]:
    """How it ended, and all that it wrote. Raises OSError, TimeoutExpired."""
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=LIMIT_S,
    )
    return done.returncode, done.stdout


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/bicep_check.py", description="Check infra/ with Bicep.")
    parser.add_argument("--install", action="store_true", help=f"first install {VERSION}, by the Azure CLI")
    given = "no placeholders: a variable that the parameter files read and that is not set is a fault"
    parser.add_argument("--values-given", action="store_true", help=given)
    parser.add_argument("folder", type=Path, nargs="?", default=INFRA)
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    absent = [name for name in ("main.bicep", "bicepconfig.json") if not (folder / name).is_file()]
    if absent:
        return _failed([f"{options.folder} has no {name}: name a folder like infra/" for name in absent], 2)
    try:
        path = find({"BICEP": str(installed(os.environ))} if options.install else os.environ)
    except (CompilerMissing, CompilerWrong) as fault:
        return _failed([str(fault)], 2)
    compiler = Compiler(path, ({} if options.values_given else placeholders(folder)) | os.environ)
    said = dict.fromkeys(line for check in CHECKS for line in check(compiler, folder))
    if said:
        return _failed(list(said), 1)
    print(f"Bicep {VERSION} ({path}) has nothing to say about {options.folder}")
    return 0


def _failed(lines: list[str], code: int) -> int:
    for line in lines:
        print(f"FAILED  {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
