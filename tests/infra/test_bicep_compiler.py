"""Microsoft's compiler has nothing to say about infra/, and each of its checks is shown a fault.

Where there is no compiler these are skipped, with the reason in the summary of the run; where BICEP names one, never.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra import bicep_check
from infra.bicep_check import Check, CompilerMissing
from tests.infra.product import INFRA, seeded

MAIN, DEV = "main.bicep", "dev.bicepparam"
STORE, MONITORING = "modules/cosmos.bicep", "modules/monitoring.bicep"


@dataclass(frozen=True)
class Seed:
    """One fault: `old` becomes `new` in `file`, and `check` must then say `says`."""

    check: Check
    file: str
    old: str
    new: str
    says: str


SEEDS = {
    "a wrong property": Seed(
        bicep_check.lints, STORE, "disableLocalAuth:", "disableLocalAuthentication:", "disableLocalAuthentication"
    ),
    "an unknown API version": Seed(bicep_check.lints, STORE, "@2025-10-15", "@2025-10-16", "@2025-10-16"),
    "a parameter that a module lost": Seed(
        bicep_check.builds, MONITORING, "param retentionDays int\n", "", 'property "retentionDays" is not allowed'
    ),
    "an argument that main lost": Seed(
        bicep_check.lints, MAIN, "    retentionDays: logRetentionDays\n", "", 'required properties: "retentionDays"'
    ),
    "an environment that lost a value": Seed(
        bicep_check.builds_parameters,
        DEV,
        "param merchantId = readEnvironmentVariable('MERCHANT_ID')\n",
        "",
        '"merchantId"',
    ),
    "a module in a form of its own": Seed(
        bicep_check.formats, STORE, "param location string", "param  location string", f"{STORE}: not as"
    ),
    "parameters in a form of their own": Seed(
        bicep_check.formats, DEV, "param merchantId =", "param merchantId  =", f"{DEV}: not as"
    ),
}


@pytest.fixture(scope="module")
def compiler() -> Path:
    try:
        return bicep_check.find(os.environ)
    except CompilerMissing as missing:
        pytest.skip(f"infra/ was not compiled: {missing}")


@pytest.mark.parametrize("check", bicep_check.CHECKS, ids=lambda check: check.__name__)
def test_the_compiler_has_nothing_to_say(check: Check, compiler: Path) -> None:
    assert check(compiler, INFRA) == []


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_a_seeded_fault_is_said(seed: Seed, compiler: Path, tmp_path: Path) -> None:
    copy = seeded(tmp_path, file=seed.file, old=seed.old, new=seed.new)

    said = seed.check(compiler, copy.folder)

    assert any(seed.says in line for line in said), said


def test_every_check_is_shown_a_fault() -> None:
    assert {seed.check for seed in SEEDS.values()} == set(bicep_check.CHECKS)


def test_what_is_set_to_nothing_is_refused(compiler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As GitHub gives a variable that nobody has set."""
    names = ("MERCHANT_ID", "PROVIDER_BASE_URL", "OPS_CLIENT_ID")
    for name in names:
        monkeypatch.setenv(name, "")

    said = bicep_check.builds_parameters(compiler, INFRA)

    assert len([line for line in said if line.startswith(DEV) and "BCP333" in line]) == len(names), said
