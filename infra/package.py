"""Builds the zip that deploys: what ships and nothing else. The same input gives the same bytes.

An allowlist decides, so that a new folder never ships by accident. Imports nothing of the app and runs before anything
of it is installed; only `--with-dependencies` needs uv.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FILES = ("function_app.py", "host.json", "requirements.txt")
PACKAGES = ("functions", "shared")
"""The Python files among these."""

BUILD_ID = "shared/build_id.txt"
"""In the package and not in the app settings, so that a rollback shows the older one."""

SITE_PACKAGES = ".python_packages/lib/site-packages"
"""Where Azure Functions puts on the path what was installed at build time."""

PLATFORM = "x86_64-manylinux_2_28"
PYTHON = "3.13"
"""What Flex Consumption runs; wheels are for it, on every machine that builds the package."""

_SCRIPTS = "bin"  # start with the path of this machine's interpreter; nobody runs them there
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Package:
    """What was built."""

    path: Path
    own_files: int
    dependency_files: int
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        counted = f"{self.own_files} files of ours, {self.dependency_files} of dependencies"
        return f"{self.path}: {self.size_bytes:,} bytes, {counted}, sha256 {self.sha256}"


def build(root: Path, out: Path, *, build_id: str, with_dependencies: bool = False) -> Package:
    """Write the zip to `out`. Raises FileNotFoundError for a file that must ship and is not there."""
    own = own_content(root, build_id=build_id)
    with tempfile.TemporaryDirectory() as scratch:
        dependencies = _installed(root / "requirements.txt", Path(scratch)) if with_dependencies else {}
        out.parent.mkdir(parents=True, exist_ok=True)
        write_zip(out, own | dependencies)
    packed = out.read_bytes()
    return Package(out, len(own), len(dependencies), len(packed), hashlib.sha256(packed).hexdigest())


def own_content(root: Path, *, build_id: str) -> dict[str, bytes]:
    """What ships of this repository, by its name in the zip."""
    paths = [root / name for name in FILES]
    paths += [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    content = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return content | {BUILD_ID: f"{build_id}\n".encode()}


def write_zip(out: Path, content: Mapping[str, bytes]) -> None:
    """Sorted, and with one time and mode for all: neither clock nor file system shows in it."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _REGULAR_FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, content[name])


def _installed(requirements: Path, target: Path) -> dict[str, bytes]:
    """Exactly what is pinned, as wheels: nothing is built here, so the machine does not show in the package."""
    options = ["--require-hashes", "--only-binary", ":all:", "--python-platform", PLATFORM, "--python-version", PYTHON]
    command = [sys.executable, "-m", "uv", "pip", "install", "-q", *options, "--target", str(target)]
    subprocess.run([*command, "-r", str(requirements)], check=True)  # noqa: S603 - our own words
    paths = (path for path in target.rglob("*") if path.is_file())
    relative = {path.relative_to(target): path for path in paths}
    return {
        f"{SITE_PACKAGES}/{name.as_posix()}": path.read_bytes()
        for name, path in relative.items()
        if name.parts[0] != _SCRIPTS and name.suffix not in {".pyc", ".lock"} and name.name != ".lock"
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/package.py", description="Build the zip that deploys.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "app.zip")
    parser.add_argument("--build-id", default="development", help="what GET /api/health shows: the commit")
    parser.add_argument("--with-dependencies", action="store_true", help="ready to run: no build in Azure")
    options = parser.parse_args(arguments)
    print(build(ROOT, options.out, build_id=options.build_id, with_dependencies=options.with_dependencies))
    return 0


if __name__ == "__main__":
    sys.exit(main())
