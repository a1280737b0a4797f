"""The library that runs the functions ships in the package, at the version that the tests run with.

Without it Azure takes the one that it has on the day, and what no test has run answers the callers.
"""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "requirements.txt").read_text()
TESTED = (ROOT / "requirements-dev.txt").read_text()

RUNTIME = "azure-functions-runtime"
PIN = f"{RUNTIME}=={version(RUNTIME)}"


def faults(*, shipped: str, tested: str, installed: str) -> list[str]:
    """Of the texts of both requirements files, and the runtime that is here."""
    ships, tests = pins(shipped), pins(tested)
    found = [
        f"{name}: {ships[name]} ships, and {tests.get(name)} is tested"
        for name in ships
        if ships[name] != tests.get(name)
    ]
    if RUNTIME not in ships:
        found.append(f"{RUNTIME}: requirements.txt does not pin it, so Azure takes its own")
    elif ships[RUNTIME] != installed:
        found.append(f"{RUNTIME}: {ships[RUNTIME]} ships, and the tests run with {installed}")
    return found


def pins(requirements: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", requirements))


def test_what_ships_is_what_is_tested() -> None:
    assert faults(shipped=SHIPPED, tested=TESTED, installed=version(RUNTIME)) == []


@pytest.mark.parametrize(
    ("shipped", "tested", "installed", "says"),
    [
        (SHIPPED.replace(PIN, "# gone"), TESTED, version(RUNTIME), "requirements.txt does not pin it"),
        (SHIPPED, TESTED, "1.2.1", "the tests run with 1.2.1"),
        (SHIPPED, TESTED.replace(PIN, f"{RUNTIME}==1.2.1"), version(RUNTIME), "and 1.2.1 is tested"),
        (SHIPPED, TESTED.replace(PIN, "# gone"), version(RUNTIME), "and None is tested"),
        (SHIPPED.replace(PIN, f"{RUNTIME}==1.2.1"), TESTED, version(RUNTIME), "1.2.1 ships"),
    ],
    ids=["its pin removed", "another one here", "another one pinned for tests", "not tested", "another one ships"],
)
def test_a_runtime_that_ships_and_is_not_the_tested_one_is_found(
    shipped: str, tested: str, installed: str, says: str
) -> None:
    found = faults(shipped=shipped, tested=tested, installed=installed)

    assert any(says in fault for fault in found), found


def test_it_is_declared_among_what_ships_and_not_below_the_version_that_works() -> None:
    """Versions before 1.3 answer every request with 500 when OpenTelemetry is on, as it is in Azure."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert f"{RUNTIME}>=1.3" in declared["project"]["dependencies"]
    assert not [each for each in declared["dependency-groups"]["dev"] if each.startswith(RUNTIME)]
