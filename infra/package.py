"""Builds the zip that deploys: what ships and nothing else. The same input gives the same bytes.

An allowlist decides, so that a new folder never ships by accident. Imports nothing of the app and runs before anything
of it is installed; only `--with-dependencies` needs uv.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dist" / "app.zip"

FILES = ("function_app.py", "host.json", "requirements.txt")
PACKAGES = ("functions", "shared")
"""The Python files among these."""

SERVED = ("functions/openapi.json", "functions/docs.html", "functions/console/index.html")
"""What the app reads beside its code, and has to be there."""

PAGE, SUFFIXES = "functions/console", (".html", ".js", ".css", ".txt")
"""The page for operators: all files of this folder with these suffixes."""

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


def build(
    root: Path, out: Path, *, build_id: str | None = None, with_dependencies: bool = False, folder: Path | None = None
) -> Package:
    """Write the zip to `out`, and to `folder` the same files, which azd wants as a folder.

    Without a build id the content gives one. Raises FileNotFoundError for a file that must ship and is not there.
    """
    own = own_content(root, build_id=build_id)
    with tempfile.TemporaryDirectory() as scratch:
        dependencies = _installed(root / "requirements.txt", Path(scratch)) if with_dependencies else {}
        out.parent.mkdir(parents=True, exist_ok=True)
        write_zip(out, own | dependencies)
    if folder:
        _unpack(out, folder)
    packed = out.read_bytes()
    return Package(out, len(own), len(dependencies), len(packed), hashlib.sha256(packed).hexdigest())


def built_from(package: Path) -> str:
    """The build id that a package will show. Raises OSError, BadZipFile, KeyError."""
    with zipfile.ZipFile(package) as archive:
        return archive.read(BUILD_ID).decode().strip()


def own_content(root: Path, *, build_id: str | None = None) -> dict[str, bytes]:
    """What ships of this repository, by its name in the zip."""
    paths = [root / name for name in FILES] + served(root)
    paths += [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    content = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return content | {BUILD_ID: f"{build_id or _content_id(content)}\n".encode()}


def served(root: Path) -> list[Path]:
    """What the app reads beside its code."""
    page = [path for path in (root / PAGE).rglob("*") if path.suffix in SUFFIXES]
    return sorted({*page, *(root / name for name in SERVED)})


def _content_id(content: Mapping[str, bytes]) -> str:
    """Another one for other files, so that a check on a laptop does not take the old app for the new."""
    listed = "\n".join(f"{name} {hashlib.sha256(content[name]).hexdigest()}" for name in sorted(content))
    return f"content-{hashlib.sha256(listed.encode()).hexdigest()[:12]}"


def _unpack(package: Path, folder: Path) -> None:
    """Nothing of an earlier build stays."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)


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
    command = [*_uv(), "pip", "install", "-q", *options, "--target", str(target)]
    if subprocess.run([*command, "-r", str(requirements)], check=False).returncode:  # noqa: S603 - our own words
        sys.exit("FAILED  uv could not install what requirements.txt pins\nNEXT    mend what it says above")
    paths = (path for path in target.rglob("*") if path.is_file())
    relative = {path.relative_to(target): path for path in paths}
    return {
        f"{SITE_PACKAGES}/{name.as_posix()}": path.read_bytes()
        for name, path in relative.items()
        if name.parts[0] != _SCRIPTS and name.suffix not in {".pyc", ".lock"} and name.name != ".lock"
    }


def _uv() -> list[str]:
    """Of this interpreter, or the one on PATH."""
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    if found := shutil.which("uv"):
        return [found]
    sys.exit("FAILED  no uv, which installs the dependencies\nNEXT    make .venv/.ready, or: pip install uv")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/package.py", description="Build the zip that deploys.")
    parser.add_argument("--out", type=Path, default=PACKAGE)
    parser.add_argument("--folder", type=Path, help="the same files here too, for azd")
    parser.add_argument("--build-id", help="what GET /api/health shows: the commit; else made of the content")
    parser.add_argument("--with-dependencies", action="store_true", help="ready to run: no build in Azure")
    options = parser.parse_args(arguments)
    given = {"build_id": options.build_id, "with_dependencies": options.with_dependencies, "folder": options.folder}
    print(build(ROOT, options.out, **given))
    return 0


if __name__ == "__main__":
    sys.exit(main())
