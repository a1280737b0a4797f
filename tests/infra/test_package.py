"""The zip that deploys: what ships and nothing else, the same bytes each time, and an app that starts from it alone."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from infra.package import (
    BUILD_ID,
    FILES,
    PACKAGES,
    SERVED,
    SITE_PACKAGES,
    build,
    built_from,
    own_content,
    served,
    write_zip,
)
from tests.conftest import REQUIRED_SETTINGS, Declared

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_A_CHECKOUT = {".git", ".venv", ".local", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis", "dist"}

RUNTIME = "azure-functions-runtime"

INDEX = """
import asyncio, json, pathlib, sys
sys.path.append(sys.argv[1])
from local.azure.host import worker
sys.path.remove(sys.argv[1])
for name in [each for each in sys.modules if each.split(".")[0] == "local"]:
    sys.modules[name] = None  # from here on it cannot be imported
functions = asyncio.run(worker.load(pathlib.Path.cwd()))
import shared
from shared.startup import build_id
names = sorted(each.name for each in functions)
print(json.dumps({"from": shared.__file__, "names": names, "build": build_id()}))
worker.stop()
"""
"""What the local host does at its start, with the repository out of reach for the app."""


def files_of_the_repository() -> Iterator[str]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_IN_A_CHECKOUT]
        yield from ((Path(folder) / name).relative_to(ROOT).as_posix() for name in names)


def clean_environment() -> dict[str, str]:
    """Without what would let a child see this repository."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), **REQUIRED_SETTINGS}


def run(*command: str | Path, cwd: Path) -> str:
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    package = build(ROOT, folder / "app.zip", build_id="abc123")
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder / "app")
    return folder / "app"


def test_it_holds_the_allowlist_and_nothing_else(tmp_path: Path) -> None:
    package = build(ROOT, tmp_path / "app.zip", build_id="abc123")

    names = zipfile.ZipFile(package.path).namelist()

    modules = {path.relative_to(ROOT).as_posix() for part in PACKAGES for path in (ROOT / part).rglob("*.py")}
    alone = {"function_app.py", "host.json", "requirements.txt", "shared/build_id.txt"}
    beside = {path.relative_to(ROOT).as_posix() for path in served(ROOT)}
    assert set(names) == alone | modules | beside
    assert {"functions/openapi.json", "functions/docs.html", "functions/console/app.js"} <= beside
    assert {name.split("/")[0] for name in names} == {*FILES, *PACKAGES}
    assert len(names) == package.own_files


def test_no_file_that_the_shipped_packages_need_is_left_behind() -> None:
    """The allowlist takes Python, and data files by name: another one would be missing in Azure and nowhere else."""
    beside = [
        name
        for name in files_of_the_repository()
        if name.startswith(tuple(f"{part}/" for part in PACKAGES)) and not name.endswith((".py", ".pyc", ".md"))
    ]

    assert {name for name in beside if name != BUILD_ID} == {path.relative_to(ROOT).as_posix() for path in served(ROOT)}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = build(ROOT, tmp_path / "first.zip", build_id="abc123")
    again = build(ROOT, tmp_path / "again.zip", build_id="abc123")
    other = build(ROOT, tmp_path / "other.zip", build_id="def456")

    assert first.sha256 == again.sha256
    assert first.sha256 != other.sha256


def test_neither_order_nor_time_of_the_files_shows_in_it(tmp_path: Path) -> None:
    write_zip(tmp_path / "forth.zip", {"a.py": b"1", "b.py": b"2"})
    write_zip(tmp_path / "back.zip", {"b.py": b"2", "a.py": b"1"})

    assert (tmp_path / "forth.zip").read_bytes() == (tmp_path / "back.zip").read_bytes()


def test_a_missing_file_that_must_ship_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").touch()

    with pytest.raises(FileNotFoundError, match=r"host\.json"):
        own_content(tmp_path, build_id="abc123")


@pytest.mark.parametrize("missing", SERVED)
def test_a_missing_file_that_the_app_serves_stops_the_build(tmp_path: Path, missing: str) -> None:
    (tmp_path / "functions/console").mkdir(parents=True)
    for name in {*FILES, *SERVED} - {missing}:
        (tmp_path / name).touch()

    with pytest.raises(FileNotFoundError, match=re.escape(missing)):
        own_content(tmp_path, build_id="abc123")


def test_without_a_build_id_the_content_gives_one_and_other_content_another(tmp_path: Path) -> None:
    for folder, text in (("a", b"1"), ("again", b"1"), ("b", b"2")):
        (tmp_path / folder / "functions/console").mkdir(parents=True)
        for name in (*FILES, *SERVED):
            (tmp_path / folder / name).write_bytes(text)

    first, again, other = (
        built_from(build(tmp_path / folder, tmp_path / f"{folder}.zip").path) for folder in ("a", "again", "b")
    )

    assert re.fullmatch("content-[0-9a-f]{12}", first)
    assert first == again != other


def test_the_folder_for_azd_holds_what_the_zip_holds_and_nothing_of_an_earlier_build(tmp_path: Path) -> None:
    (tmp_path / "app/shared").mkdir(parents=True)
    (tmp_path / "app/shared/gone.py").touch()

    package = build(ROOT, tmp_path / "app.zip", build_id="abc123", folder=tmp_path / "app")

    unpacked = {path.relative_to(tmp_path / "app").as_posix(): path.read_bytes() for path in files(tmp_path / "app")}
    with zipfile.ZipFile(package.path) as archive:
        assert unpacked == {name: archive.read(name) for name in archive.namelist()}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_without_uv_the_build_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit, match=r"NEXT    make \.venv"):
        build(ROOT, tmp_path / "app.zip", build_id="abc123", with_dependencies=True)


def test_the_command_prints_size_and_contents(tmp_path: Path) -> None:
    printed = run(sys.executable, ROOT / "infra/package.py", "--out", tmp_path / "dist/app.zip", cwd=tmp_path)

    assert re.search(r"app\.zip: [\d,]+ bytes, \d+ files of ours, 0 of dependencies, sha256 [0-9a-f]{64}$", printed)


@pytest.fixture(scope="module")
def indexed(unzipped: Path) -> dict[str, Any]:
    """What is found by the library that does it in Azure, in a process that cannot see this repository."""
    found: dict[str, Any] = json.loads(run(sys.executable, "-c", INDEX, ROOT, cwd=unzipped).splitlines()[-1])
    return found


def test_functions_are_indexed_from_the_unzipped_folder_alone(
    unzipped: Path, indexed: dict[str, Any], declared_functions: dict[str, Declared]
) -> None:
    assert Path(indexed["from"]).is_relative_to(unzipped)
    assert indexed["names"] == sorted(declared_functions)


def test_the_packaged_app_knows_the_build_it_was_packed_with(indexed: dict[str, Any]) -> None:
    assert indexed["build"] == "abc123"


def test_it_is_importable_with_what_requirements_txt_pins_and_nothing_more(unzipped: Path, tmp_path: Path) -> None:
    """In a new environment: whatever only the development environment has would be missed here.

    The library that runs the functions is among it, as the tests have it.
    """
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    uv = [sys.executable, "-m", "uv", "-q"]
    outside = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([*uv, "venv", "--python", sys.executable, str(tmp_path / "venv")], env=outside, check=True)
    pins = ["--require-hashes", str(unzipped / "requirements.txt")]
    subprocess.run([*uv, "pip", "sync", "--python", str(python), *pins], env=outside, check=True)

    script = (
        "import azure_functions_runtime, function_app, shared, importlib.metadata as installed;"
        f"print(shared.__file__, installed.version('{RUNTIME}'), sep='\\n')"
    )
    printed, runtime = run(python, "-c", script, cwd=unzipped).splitlines()

    assert Path(printed).is_relative_to(unzipped)
    assert runtime == version(RUNTIME)


def test_dependencies_lie_where_azure_functions_looks_for_them() -> None:
    assert SITE_PACKAGES == ".python_packages/lib/site-packages"


def test_what_funcignore_leaves_is_what_ships(tmp_path: Path) -> None:
    """`func` and `azd` read that file instead of the allowlist; git reads its patterns as they do."""
    (tmp_path / ".gitignore").write_text((ROOT / ".funcignore").read_text())
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    names = [*files_of_the_repository(), ".venv/bin/python", ".git/config", ".local/x", "dist/app.zip", "ops/x.py"]
    names += [
        "local.settings.json",
        ".python_packages/lib/site-packages/x.py",
        "bench/x.py",
        "shared/__pycache__/x.pyc",
    ]

    asked = ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin"]
    answer = subprocess.run(asked, input="\n".join(names), capture_output=True, text=True, check=True)

    assert set(names) - set(answer.stdout.splitlines()) - {BUILD_ID} == own_content(ROOT, build_id="abc123").keys() - {
        BUILD_ID
    }
