"""The bootstrap: which interpreter it takes, what it says when something is missing, and the pins.

The script runs on a PATH of fakes in a folder of its own: nothing is installed, nothing is fetched.
"""

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.supervisor import ROOT

TOOLS = ("sh", "dirname", "sed", "awk", "mkdir", "rm", "touch", "cp", "cat", "chmod")
OLD_PYTHON = "exit 1"
BROKEN_SHIM = "echo 'pyenv: command not found' >&2; exit 127"
NEW_PYTHON = "exit 0"
# Does as much of uv as the script asks for: it finds a Python once one was installed, and fills .venv.
UV = """
here={folder}
echo "$*" >> "$here/uv.log"
case "$1 $2" in
"python install") exit {install_code} ;;
"python find") grep -q "python install" "$here/uv.log" && echo "$here/bin/managed-python" ;;
"venv -q") mkdir -p .venv/bin; cp "$4" .venv/bin/python ;;
"pip install") cp "$here/bin/uv" .venv/bin/uv ;;
esac
"""


@dataclass
class Project:
    """A clone without .venv, on a machine with nothing but what a test puts on its PATH."""

    folder: Path

    def has(self, name: str, script: str) -> Path:
        """An executable on PATH, or at a path below the folder."""
        path = self.folder / ("bin/" + name if "/" not in name else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link to the system's own tool
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def has_uv(self, *, install_code: int = 0) -> None:
        self.has("uv", UV.format(folder=self.folder, install_code=install_code))
        self.has("managed-python", NEW_PYTHON)

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "project/local/setup.sh", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "bin").mkdir()
    for tool in (*TOOLS, "grep"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "project" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "local" / "setup.sh", tmp_path / "project" / "local")
    shutil.copy(ROOT / "requirements-dev.txt", tmp_path / "project")
    return Project(tmp_path)


# --- the interpreter


def test_it_takes_python_3_13_from_the_path(project: Project) -> None:
    wanted = project.has("python3.13", NEW_PYTHON)
    project.has("python3", OLD_PYTHON)

    assert project.setup("find-python").stdout == f"{wanted}\n"


def test_it_takes_a_python3_that_is_new_enough(project: Project) -> None:
    wanted = project.has("python3", NEW_PYTHON)

    assert project.setup("find-python").stdout == f"{wanted}\n"


def test_it_passes_over_a_shim_that_does_not_work_and_looks_where_pyenv_keeps_its_versions(project: Project) -> None:
    project.has("python3.13", BROKEN_SHIM)
    project.has("home/.pyenv/versions/3.12.1/bin/python", OLD_PYTHON)
    wanted = project.has("home/.pyenv/versions/3.13.0/bin/python", NEW_PYTHON)

    assert project.setup("find-python").stdout == f"{wanted}\n"


def test_it_takes_one_that_uv_has_installed_before(project: Project) -> None:
    project.has_uv()
    (project.folder / "uv.log").write_text("python install 3.13\n")

    assert project.setup("find-python").stdout == f"{project.folder}/bin/managed-python\n"


def test_it_says_that_there_is_none(project: Project) -> None:
    project.has("python3", OLD_PYTHON)

    found = project.setup("find-python")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "setup: no Python 3.13 or later found\n"


# --- the whole way


def test_without_a_python_it_lets_uv_install_one_and_everything_that_is_pinned(project: Project) -> None:
    project.has_uv()

    done = project.setup()

    assert done.returncode == 0, done.stderr
    assert (project.folder / "project/.venv/.ready").exists()
    used = (project.folder / "uv.log").read_text()
    assert "python install -q 3.13" in used
    assert "pip sync -q --python .venv/bin/python --require-hashes requirements-dev.txt" in used


def test_without_python_and_uv_it_says_what_to_install(project: Project) -> None:
    done = project.setup()

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("setup: install Python 3.13 or later (https://")
    assert len(done.stderr.splitlines()) == 2


def test_when_uv_cannot_install_a_python_it_says_so(project: Project) -> None:
    project.has_uv(install_code=1)

    done = project.setup()

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("setup: uv could not install Python 3.13")


def test_a_venv_of_an_older_python_is_made_anew(project: Project) -> None:
    project.has_uv()
    project.has("python3.13", NEW_PYTHON)
    project.has("project/.venv/bin/python", OLD_PYTHON)
    (project.folder / "project/.venv/stale").touch()

    assert project.setup().returncode == 0

    assert not (project.folder / "project/.venv/stale").exists()


def test_a_venv_that_will_do_is_kept(project: Project) -> None:
    project.has_uv()
    project.has("project/.venv/bin/python", NEW_PYTHON)
    (project.folder / "project/.venv/kept").touch()

    assert project.setup().returncode == 0

    assert (project.folder / "project/.venv/kept").exists()


def test_a_failed_installation_is_not_taken_for_done(project: Project) -> None:
    project.has("python3.13", NEW_PYTHON)
    project.has(
        "uv", 'case "$1" in --version) ;; venv) mkdir -p .venv/bin; cp "$4" .venv/bin/python ;; *) exit 1 ;; esac'
    )

    done = project.setup()

    assert done.returncode != 0
    assert not (project.folder / "project/.venv/.ready").exists()


# --- the compiler


@pytest.fixture
def linux(project: Project) -> Project:
    """Linux, with a .venv in which the AMQP library is not yet installed."""
    project.has("uname", "echo Linux")
    headers = project.folder / "include"
    python = f'case "$2" in *cproton*) exit 1 ;; *sysconfig*) echo {headers} ;; esac'
    project.has("project/.venv/bin/python", python)
    return project


def test_a_missing_compiler_is_one_line_that_says_what_to_install(linux: Project) -> None:
    done = linux.setup()

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "needs a C compiler: on Debian and Ubuntu, apt-get install gcc python3-dev" in done.stderr


def test_missing_headers_are_one_line_that_says_what_to_install(linux: Project) -> None:
    linux.has("cc", "exit 0")

    done = linux.setup()

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "apt-get install python3-dev" in done.stderr


def test_with_compiler_and_headers_it_goes_on(linux: Project) -> None:
    linux.has("cc", "exit 0")
    (linux.folder / "include").mkdir()
    (linux.folder / "include" / "Python.h").touch()

    assert linux.setup("check-compiler").returncode == 0


def test_no_compiler_is_asked_for_where_there_are_wheels(linux: Project) -> None:
    linux.has("uname", "echo Darwin")

    assert linux.setup("check-compiler").returncode == 0


# --- the commands


def make(*arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    done = subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_make_alone_lists_the_targets() -> None:
    listed = re.findall(r"^make (\w+) ", make("--no-print-directory"), re.MULTILINE)

    assert set(listed) >= {"run", "emulators", "test", "e2e", "check", "fix", "pin", "clean"}


def test_make_run_passes_its_switches_on() -> None:
    commands = make("-n", "run", "ONCE=1", "RESET=1", "ARGS=--http-port 0")

    assert ".venv/bin/python -m local up --once --reset --http-port 0\n" in commands


def test_make_emulators_takes_the_same_switches() -> None:
    commands = make("-n", "emulators", "RESET=1", "ARGS=--cosmos-port 0")

    assert ".venv/bin/python -m local emulators --reset --cosmos-port 0\n" in commands


def test_make_e2e_runs_one_after_another_under_a_host_of_the_callers() -> None:
    ours, others = make("-n", "e2e"), make("-n", "e2e", "E2E_HOST=func start")

    assert "-n 0" not in ours
    assert "-n 0" in others


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert script.read_text().endswith("exec make test\n")


# --- the pins


def pins(file: str) -> dict[str, str]:
    """Name to version."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {normal(name): version for name, version in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(group: str | None = None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    return {normal(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements}


def test_everything_that_is_declared_is_pinned() -> None:
    assert declared() - pins("requirements.txt").keys() == set()
    assert (declared() | declared("dev")) - pins("requirements-dev.txt").keys() == set()


def test_what_ships_is_what_is_tested() -> None:
    shipped, tested = pins("requirements.txt"), pins("requirements-dev.txt")

    assert {name: version for name, version in shipped.items() if tested.get(name) != version} == {}


def test_nothing_of_the_development_group_ships() -> None:
    assert declared("dev") & pins("requirements.txt").keys() == set()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_none_names_an_index(file: str) -> None:
    text = (ROOT / file).read_text()

    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]

    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text
