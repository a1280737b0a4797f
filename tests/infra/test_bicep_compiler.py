"""Microsoft's compiler has nothing to say about infra/, and each of its checks is shown a fault.

Where there is no compiler these are skipped, with the reason in the summary of the run; where BICEP names one, never.
What the caller's shell has set for the parameter files does not count here.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra import bicep_check
from infra.bicep_check import Check, Compiler, CompilerMissing, placeholders, sources
from tests.infra.checking import Seed
from tests.infra.product import INFRA

MAIN, DEV, PROD = "main.bicep", "dev.bicepparam", "prod.bicepparam"
NETWORK = "modules/network.bicep"
STORE, MONITORING = "modules/cosmos.bicep", "modules/monitoring.bicep"


SEEDS: dict[str, Seed[Check]] = {
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
    "production that lost a value": Seed(
        bicep_check.builds_parameters,
        PROD,
        "param merchantId = readEnvironmentVariable('MERCHANT_ID')\n",
        "",
        f"{PROD}(",
    ),
    "a setting that is no text": Seed(
        bicep_check.builds_parameters, DEV, "param merchantId", "param tuning = { X: 200 }\nparam merchantId", "BCP036"
    ),
    "a parameter that nothing reads": Seed(
        bicep_check.lints,
        MONITORING,
        "param retentionDays",
        "param unread int\nparam retentionDays",
        "no-unused-params",
    ),
    "an endpoint to what is not there": Seed(
        bicep_check.lints, NETWORK, "target: targets.bus", "target: targets.buss", '"buss" does not exist'
    ),
    "a module in a form of its own": Seed(
        bicep_check.formats, STORE, "param location string", "param  location string", f"{STORE}: not as"
    ),
    "parameters in a form of their own": Seed(
        bicep_check.formats, DEV, "param merchantId =", "param merchantId  =", f"{DEV}: not as"
    ),
    "a line that ends as on Windows": Seed(
        bicep_check.formats, STORE, "param location string\n", "param location string\r\n", f"{STORE}: not as"
    ),
}


RULES = {
    "adminusername-should-not-be-literal",
    "max-outputs",
    "max-params",
    "max-resources",
    "max-variables",
    "no-conflicting-metadata",
    "no-deployments-resources",
    "no-hardcoded-env-urls",
    "no-hardcoded-location",
    "no-loc-expr-outside-params",
    "no-unnecessary-dependson",
    "no-unused-existing-resources",
    "no-unused-params",
    "no-unused-vars",
    "outputs-should-not-contain-secrets",
    "prefer-interpolation",
    "prefer-unquoted-property-names",
    "protect-commandtoexecute-secrets",
    "secure-parameter-default",
    "secure-params-in-nested-deploy",
    "secure-secrets-in-params",
    "simplify-interpolation",
    "simplify-json-null",
    "use-parent-property",
    "use-resource-id-functions",
    "use-resource-symbol-reference",
    "use-safe-access",
    "use-secure-value-for-secure-inputs",
    "use-stable-resource-identifiers",
    "use-stable-vm-image",
    "what-if-short-circuiting",
}
"""Each stands in the compiler of the pinned version by this name. It ignores a name that it does not know."""

SUPPRESSED = {
    MAIN: ["#disable-next-line what-if-short-circuiting"],
    "modules/functionapp.bicep": ["#disable-next-line BCP037"],
    NETWORK: ["#disable-next-line use-resource-id-functions"],
}


def environment(surrounding: Mapping[str, str]) -> dict[str, str]:
    """Without what the caller has set for the parameter files."""
    texts = [path.read_text() for path in sources(INFRA) if path.suffix == ".bicepparam"]
    read = {name for text in texts for name in re.findall(r"readEnvironmentVariable\('(\w+)'", text)}
    return {name: value for name, value in surrounding.items() if name not in read} | placeholders(INFRA)


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    try:
        return Compiler(bicep_check.find(os.environ), environment(os.environ))
    except CompilerMissing as missing:
        pytest.skip(f"infra/ was not compiled: {missing}")


@pytest.mark.parametrize("check", bicep_check.CHECKS, ids=lambda check: check.__name__)
def test_the_compiler_has_nothing_to_say(check: Check, compiler: Compiler) -> None:
    assert check(compiler, INFRA) == []


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_a_seeded_fault_is_said(seed: Seed[Check], compiler: Compiler, tmp_path: Path) -> None:
    said = seed.check(compiler, seed.planted(tmp_path).folder)

    assert any(seed.says in line for line in said), said


@pytest.mark.parametrize("name", ["other.bicep", "modules/deep/other.bicep", "other.bicepparam"])
def test_a_file_that_nothing_names_is_compiled_too(name: str, compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("no Bicep\n")

    said = {check: check(compiler, tmp_path) for check in bicep_check.CHECKS[:3]}

    compiled = {bicep_check.builds_parameters} if name.endswith("param") else {bicep_check.builds, bicep_check.lints}
    assert {
        check for check, lines in said.items() if any(line.startswith(f"{name}(1,1)") for line in lines)
    } == compiled


def test_every_check_is_shown_a_fault() -> None:
    assert {seed.check for seed in SEEDS.values()} == set(bicep_check.CHECKS)


def test_no_rule_is_off_but_the_one_that_reads_the_calendar() -> None:
    """Here and not in the compiler: what is switched off says nothing."""
    (path,) = INFRA.rglob("bicepconfig.json")
    analyzers = json.loads(path.read_text())["analyzers"]

    assert path.parent == INFRA
    assert analyzers == {
        "core": {
            "enabled": True,
            "rules": {name: {"level": "error"} for name in RULES} | {"use-recent-api-versions": {"level": "off"}},
        }
    }


def test_no_fault_is_suppressed_but_the_known_ones() -> None:
    found = {
        path.relative_to(INFRA).as_posix(): re.findall(r"#[^\n]*(?:disable|restore)[^\n]*", path.read_text())
        for path in sources(INFRA)
    }

    assert {name: lines for name, lines in found.items() if lines} == SUPPRESSED


def test_what_the_caller_has_set_does_not_count() -> None:
    surrounding = {"OPS_CLIENT_ID": "dev", "ALERT_EMAILS": "me@example.org", "PATH": "/bin"}

    assert environment(surrounding) == {"PATH": "/bin", **placeholders(INFRA)}


def test_what_is_set_to_nothing_is_refused(compiler: Compiler) -> None:
    """As GitHub gives a variable that nobody has set."""
    names = ("MERCHANT_ID", "PROVIDER_BASE_URL", "OPS_CLIENT_ID")

    said = bicep_check.builds_parameters(_with(compiler, dict.fromkeys(names, "")), INFRA)

    for file in (DEV, PROD):
        assert len([line for line in said if line.startswith(file) and "BCP333" in line]) == len(names), said


KEY_OF_A_SHOP = "5" * 64


@pytest.mark.parametrize("file", [DEV, PROD])
@pytest.mark.parametrize(
    ("text", "means"), [("", {}), ("{}", {}), (f'{{"{KEY_OF_A_SHOP}": "shop-1"}}', {KEY_OF_A_SHOP: "shop-1"})]
)
def test_whose_a_key_is_comes_as_the_text_of_a_variable(
    text: str, means: dict[str, str], file: str, compiler: Compiler, tmp_path: Path
) -> None:
    """An empty one is a variable of GitHub's that nobody has set."""
    out = tmp_path / "parameters.json"

    said = _with(compiler, {"MERCHANT_KEYS": text}).said(INFRA, "build-params", file, "--outfile", str(out))

    assert said == []
    assert json.loads(out.read_text())["parameters"]["merchantKeys"]["value"] == means


@pytest.mark.parametrize("text", ["shop-1", '["shop-1"]', f'{{"{KEY_OF_A_SHOP}": 1}}'])
def test_whose_a_key_is_has_to_be_readable(text: str, compiler: Compiler) -> None:
    said = bicep_check.builds_parameters(_with(compiler, {"MERCHANT_KEYS": text}), INFRA)

    assert len([line for line in said if line.startswith((DEV, PROD)) and "Error BCP" in line]) >= 2, said


def _with(compiler: Compiler, values: dict[str, str]) -> Compiler:
    return Compiler(compiler.path, {**compiler.environment, **values})
