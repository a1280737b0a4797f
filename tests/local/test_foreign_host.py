"""The switch by which the end-to-end tests run under another Functions host than ours: E2E_HOST='func start'.

A script stands in for that command, so these tests need no host of Microsoft's.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.base.serving import STOP_WITH_STDIN
from local.descendants import descendants, gone, living
from local.ports import FREE
from local.processes import ServiceDied
from local.supervisor import ROOT, Platform, running_platform
from tests import hosts
from tests.foreign_host import COMMAND, FOLDER, words
from tests.unit.docs_tables import bare, table

FAKE = [sys.executable, str(Path(__file__).parent / "fake_func.py"), "start"]
LIMIT_S = 20.0
RUNNER = """
import asyncio, sys
from pathlib import Path
from local.supervisor import running_platform

async def main():
    async with running_platform(data=Path(sys.argv[1]), services=["host"], modules={"host": "tests.foreign_host"}):
        print("serving", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
HASTY = "import tests.foreign_host as host; host.STOPS_WITHIN_S = 0.3; host.main()"


def switched(folder: Path, command: str = " ".join(FAKE), **more: str) -> dict[str, str]:
    return {COMMAND: command, FOLDER: str(folder / "host"), **more}


def running(folder: Path, **environment: str) -> contextlib.AbstractAsyncContextManager[Platform]:
    return running_platform(
        data=folder,
        services=["host"],
        modules={"host": "tests.foreign_host"},
        environment=switched(folder) | environment,
    )


def pids(folder: Path) -> set[int]:
    """The command and its child."""
    return set(map(int, (folder / "host" / "app" / "pids").read_text().split()))


async def seen(platform: Platform) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{platform.url}/seen") as response:
        given: dict[str, Any] = json.loads(await response.text())
        return given


async def test_it_runs_what_ships_with_the_settings_of_the_platform_and_the_test(tmp_path: Path) -> None:
    of_the_test = {"PROVIDER_TIMEOUT_S": "9", "AzureWebJobs.publish_events.Disabled": "true"}

    async with running(tmp_path, **of_the_test) as platform:
        given = await seen(platform)

    file = json.loads((tmp_path / "host" / "app" / "local.settings.json").read_text())["Values"]
    assert given["arguments"] == ["start", "--port", str(platform.ports.http)]
    assert {"host.json", "function_app.py", "functions", "shared", "requirements.txt"} <= set(given["files"])
    assert not {"local", "tests", ".venv"} & set(given["files"])
    assert given["environment"].items() >= {**of_the_test, **platform.settings()}.items()
    assert (file["CosmosConnection"], file["PROVIDER_TIMEOUT_S"]) == (platform.cosmos_connection, "9")
    assert not [name for name in file if "." in name]


async def test_it_has_the_python_of_the_tests_a_scratch_folder_and_no_tie_to_standard_input(tmp_path: Path) -> None:
    async with running(tmp_path) as platform:
        given = (await seen(platform))["environment"]

    python = Path(sys.executable).parent
    assert given["PATH"].split(os.pathsep)[0] == str(python)
    assert given["VIRTUAL_ENV"] == str(python.parent)
    assert given["TMPDIR"] == str(tmp_path / "host" / "tmp")
    assert STOP_WITH_STDIN not in given


async def test_a_kill_ends_a_host_in_a_session_of_its_own_and_it_comes_back_on_its_port(tmp_path: Path) -> None:
    async with running(tmp_path) as platform:
        shot = pids(tmp_path)
        await platform.kill("host")
        left = living(shot)
        await platform.start("host")

        assert left == set()
        assert await seen(platform)
        assert not pids(tmp_path) & shot


@pytest.mark.parametrize("kind", ["orderly", "leaves its child"])
async def test_a_stop_leaves_nothing_behind(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, FAKE_FUNC=kind) as platform:
        await platform.stop("host")

        assert living(pids(tmp_path)) == set()


@contextlib.asynccontextmanager
async def alone(
    script: str, *arguments: str, folder: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python that runs the script; returns when it has said something, which means that the host answers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        *arguments,
        cwd=ROOT,
        env={**os.environ, **switched(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def test_a_host_that_does_not_heed_a_stop_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    async with alone(HASTY, "--port", str(FREE.chosen().http), folder=tmp_path, FAKE_FUNC="deaf") as hasty:
        hasty.terminate()

        await asyncio.wait_for(hasty.wait(), LIMIT_S)

        assert living(pids(tmp_path)) == set()


async def test_a_run_of_tests_that_is_killed_leaves_no_host_behind(tmp_path: Path) -> None:
    async with alone(RUNNER, str(tmp_path), folder=tmp_path) as killed:
        all_of_it = set(descendants(killed.pid))
        killed.kill()

        await asyncio.wait_for(gone(all_of_it), LIMIT_S)

    assert pids(tmp_path) < all_of_it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
async def test_a_host_that_dies_is_a_service_that_died_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as platform:
        command, *_ = (tmp_path / "host" / "app" / "pids").read_text().split()

        os.kill(int(command), signal.SIGKILL)
        death = await asyncio.wait_for(platform.first_death(), LIMIT_S)

        assert "host ended with exit code 1" in str(death)
        assert living(pids(tmp_path)) == set()


async def test_a_command_that_cannot_start_its_host_says_why(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "host.log"
    said = "on standard output: no such extension\nno such worker"
    with pytest.raises(ServiceDied, match=rf"{said}\n{COMMAND}=.*: {COMMAND} ended with exit code 1\n.*{log}$"):
        async with running(tmp_path, FAKE_FUNC="broken"):
            pass


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceDied, match="No such file or directory: 'no-such-func'"):
        async with running(tmp_path, **{COMMAND: "no-such-func start"}):
            pass


def test_a_program_named_by_a_path_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert words("./tools/func start --verbose") == [str(tmp_path / "tools" / "func"), "start", "--verbose"]
    assert words("func start") == ["func", "start"]


# --- what it means for the tests


def under_another_host(
    *arguments: str, script: str | None = None, command: str = "no-such-func start"
) -> subprocess.CompletedProcess[str]:
    """A run of pytest that would fail if it started anything: its host cannot be started."""
    return subprocess.run(
        [sys.executable, *(["-c", script] if script else ["-m", "pytest"]), *arguments],
        cwd=ROOT,
        env={**os.environ, COMMAND: command},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.long
def test_what_needs_our_own_host_is_skipped_by_name_with_the_reason() -> None:
    run = under_another_host("-n", "0", "-rs", "tests/e2e/test_exits.py")

    assert run.returncode == 0, run.stdout
    assert (
        f"tests/e2e/test_exits.py:17: only with our own host: {hosts.ONLY_OURS['tests/e2e/test_exits.py']}"
        in run.stdout
    )


FIRST_OF_EACH = """
import sys, pytest
from local.supervisor import Platform

start = Platform.start
# the services would be started for each, for seconds, and nobody would come to ask them anything
Platform.start = lambda platform, *services: start(platform, *[each for each in services if each == "host"])

class FirstOfEach:
    bad = None

    def pytest_collection_modifyitems(self, items):
        firsts = {}
        for item in items:
            firsts.setdefault(item.path, item)
        items[:] = firsts.values()

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            print("PASSED", report.nodeid)
            self.bad = report.nodeid
        if report.failed:
            print("NAMED" if "no-such-func" in report.longreprtext else "OTHERWISE", report.nodeid)

    def pytest_runtest_logfinish(self, nodeid, location):
        if self.bad:
            pytest.exit("one has passed", returncode=1)

pytest.main(["-n", "0", "-s", *sys.argv[1:]], plugins=[FirstOfEach()])
"""


@pytest.mark.long
def test_whatever_make_e2e_runs_runs_under_the_host_of_the_switch() -> None:
    recipe = re.search(r"^e2e:.*\n\t.* -m pytest ((?:tests/\S+ )+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    paths = recipe[1].split()
    modules = {str(each.relative_to(ROOT)) for path in paths for each in _modules(ROOT / path)} - set(hosts.ONLY_OURS)

    run = under_another_host(*paths, "-m", "long or not long", script=FIRST_OF_EACH)

    told = re.findall(r"(NAMED|PASSED|OTHERWISE) ([^:\s]+)::", run.stdout)
    assert sorted(told) == sorted(("NAMED", module) for module in modules), run.stdout


def _modules(path: Path) -> list[Path]:
    return sorted(path.glob("test_*.py")) if path.is_dir() else [path]


@pytest.mark.long
@pytest.mark.parametrize("command", [" ", "func 'start"])
def test_a_switch_that_names_no_program_is_one_clear_line(command: str) -> None:
    run = under_another_host("-n", "0", "tests/e2e/test_exits.py", command=command)

    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert run.stderr.strip() == f"ERROR: {COMMAND}={command!r} is no command: name a program, with every quote closed"


@pytest.mark.long
def test_tests_at_the_same_time_are_refused() -> None:
    run = under_another_host("-n", "2", "tests/e2e/test_exits.py")

    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{COMMAND} is set: run the tests one after another, with -n 0" in run.stderr


def test_limits_are_longer_under_another_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "IS_FOREIGN", True)
    monkeypatch.setattr(hosts, "PATIENCE", 3.0)

    hosts.adapt(request.node)

    limit = request.node.get_closest_marker("timeout")
    assert limit is not None
    assert limit.args == (360.0,)
    assert hosts.patient(10) == 30


@pytest.mark.timeout(50)
def test_a_tests_own_limit_is_longer_too(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "IS_FOREIGN", True)
    monkeypatch.setattr(hosts, "PATIENCE", 3.0)

    hosts.adapt(request.node)

    limit = request.node.get_closest_marker("timeout")
    assert limit is not None
    assert limit.args == (150.0,)


def test_the_patience_of_a_run_is_that_of_the_switch() -> None:
    script = "from tests import hosts; print(hosts.PATIENCE, hosts.patient(10))"

    assert under_another_host(script=script).stdout.split() == ["4.0", "40.0"]


def test_the_document_lists_what_is_skipped() -> None:
    listed = {bare(row["skipped"]): row["because"] for row in table("local.md", heading="skipped")}

    assert listed == hosts.ONLY_OURS


@pytest.mark.parametrize("name", hosts.ONLY_OURS)
def test_a_test_that_is_skipped_elsewhere_is_there(name: str) -> None:
    path, _, function = name.partition("::")

    assert f"def {function}" in (ROOT / path).read_text()
