"""The committed snapshots are what infra/ would be in Azure, and a fault in Bicep shows in them.

Without a compiler: that no file has changed since they were written. With one: that they come out the same again.
"""

import json
import os
import re
from pathlib import Path

import pytest

from infra import bicep_check
from infra.bicep_check import VERSION, CompilerMissing, sources
from infra.snapshots import DUMMIES, HOW, PARAMETERS, NotEvaluated, differences, evaluated, fingerprints, main, stale
from tests.infra.product import INFRA, Infra, seeded

MAIN, ACCESS, PROD = "main.bicep", "modules/access.bicep", "prod.bicepparam"

PLAYED = f"""#!/bin/sh
case "$1" in
  --version) echo "Bicep CLI version {VERSION} (b34271ac51)" ;;
  snapshot) {{does}} ;;
esac
"""
MADE = '{"predictedResources": [], "outputs": {"B": "%s", "A": 1}}'
MAKES = f"""printf '{MADE}' "$MERCHANT_ID" > "${{2%.bicepparam}}.snapshot.json\""""


@pytest.fixture(scope="module")
def compiler() -> Path:
    try:
        return bicep_check.find(os.environ)
    except CompilerMissing as missing:
        pytest.skip(f"infra/ was not evaluated: {missing}")


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that makes the same small snapshot of everything."""
    path = tmp_path / "compiler"
    path.write_text(PLAYED.format(does=MAKES))
    path.chmod(0o755)
    monkeypatch.setenv("BICEP", str(path))
    return path


def test_nothing_that_they_are_made_of_has_changed_since() -> None:
    assert stale() == [], f"infra/snapshots/ is older than these: {HOW}"


@pytest.mark.parametrize("name", PARAMETERS)
def test_it_comes_out_the_same_again(name: str, compiler: Path) -> None:
    differing = differences(compiler, names=(name,))

    assert differing == [], "\n".join([*differing[:80], f"what would change in Azure is not committed: {HOW}"])


LOST = {
    "an output": (MAIN, "string = busName", "string = token", '"SERVICEBUS_NAMESPACE": "bus-'),
    "a role": (
        ACCESS,
        "resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {",
        "resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (false) {",
        "/providers/Microsoft.Authorization/roleDefinitions/0a9a7e1f",
    ),
    "a setting": (MAIN, "      OPS_AUTH: 'entra'\n", "", '"name": "OPS_AUTH"'),
    "a subscription": ("topology.json", '"maxDeliveryCount": 10', '"maxDeliveryCount": 9', '"maxDeliveryCount": 10'),
    "a lock": (PROD, "lockEventStore = true", "lockEventStore = false", '"type": "Microsoft.Authorization/locks"'),
}
"""What is done to infra/, and what is then no longer, or less often, in the snapshot of production."""


def test_what_is_lost_or_changed_in_bicep_is_missed_in_the_snapshot(compiler: Path, tmp_path: Path) -> None:
    """All at once: a run of the compiler takes seconds."""
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder
    for file, old, new, _ in LOST.values():
        assert old in (copy / file).read_text()
        (copy / file).write_text((copy / file).read_text().replace(old, new, 1))

    now, committed = evaluated(compiler, "prod", folder=copy), (INFRA / "snapshots" / "prod.json").read_text()

    kept = {what for what, (*_, text) in LOST.items() if now.count(text) >= committed.count(text)}
    assert kept == set()


@pytest.mark.parametrize("variable", ["MERCHANT_ID", "OPS_CLIENT_ID"])
def test_a_required_variable_that_is_empty_gives_no_snapshot(variable: str, compiler: Path) -> None:
    """As GitHub gives one that nobody has set."""
    with pytest.raises(NotEvaluated, match=r"prod\.bicepparam: .*(BCP333|Length of the value should be greater)"):
        evaluated(compiler, "prod", environment=DUMMIES | {variable: ""})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("param budgetStart = '2026-11-01'\n", "", "monthlyBudget needs budgetStart"),
        ("param environmentName = 'Closed'", "param environmentName = 'x'\nparam location = 'atlantis'", "atlantis"),
        ("param zoneRedundant = true\n", "", "planZoneRedundant needs zoneRedundant"),
        (
            "param apiAuth",
            "param eventsMaxThroughput = 4500\nparam apiAuth",
            "eventsMaxThroughput: .* multiples of 1000",
        ),
        ("param apiAuth", "param rowsMaxThroughput = 1001\nparam apiAuth", "rowsMaxThroughput: .* multiples of 1000"),
        (
            "param merchantKeys",
            "param merchantKeys = { 'the-key-itself==': 'shop-1' }\n//",
            "merchantKeys: each name is",
        ),
        (
            "param merchantKeys",
            f"param merchantKeys = {{ '{'5' * 64}': '' }}\n//",
            "merchantKeys: .* each value 1 to 64",
        ),
    ],
    ids=[
        "a budget that begins nowhere",
        "a region without Flex",
        "a plan in more zones than its storage",
        "half a step of throughput",
        "a bit of throughput",
        "a key where its hash is meant",
        "a key of nobody",
    ],
)
def test_what_azure_would_refuse_late_is_refused_before(
    old: str, new: str, says: str, compiler: Path, tmp_path: Path
) -> None:
    copy = seeded(tmp_path, file="snapshots/closed.bicepparam", old=old, new=new).folder

    with pytest.raises(NotEvaluated, match=says):
        evaluated(compiler, "closed", folder=copy)


def test_every_parameter_file_is_evaluated() -> None:
    files = {path.relative_to(INFRA).as_posix() for path in sources(INFRA) if path.suffix == ".bicepparam"}

    assert set(PARAMETERS.values()) == files
    assert {path.stem for path in (INFRA / "snapshots").glob("*.json")} == {*PARAMETERS, "sources"}


def test_no_value_of_anybodys_shell_gets_into_them() -> None:
    texts = [path.read_text() for path in sources(INFRA) if path.suffix == ".bicepparam"]
    read = {name for text in texts for name in re.findall(r"readEnvironmentVariable\('(\w+)'", text)}

    assert read == set(DUMMIES)


def test_every_switch_is_turned_in_one_of_them() -> None:
    """A parameter that no snapshot changes shows nobody what it does."""
    declared = Infra(INFRA).files[MAIN].tree["parameters"]
    switches = {name for name, node in declared.items() if str(node["default"]).lower() in ("true", "false")}
    turned = {
        name for file in PARAMETERS.values() for name in re.findall(r"(?m)^param (\w+) =", (INFRA / file).read_text())
    }

    assert switches
    assert switches - turned == set()


def test_a_comment_needs_no_new_snapshot_and_a_word_of_code_does(tmp_path: Path) -> None:
    commented = seeded(tmp_path / "a", file=MAIN, old="// Who may call\n", new="// Who may\n\n    // call us\n").folder
    changed = seeded(tmp_path / "b", file=MAIN, old="param merchantId", new="param merchantName").folder

    assert fingerprints(commented) == fingerprints(INFRA)
    assert stale(changed) == [MAIN]


def test_a_new_file_is_a_change(tmp_path: Path) -> None:
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder
    (copy / "modules" / "other.bicep").write_text("param x string\n")

    assert stale(copy) == ["modules/other.bicep"]


@pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")
def test_writing_makes_all_of_them_with_their_outputs_in_order(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder

    assert main(["--write", str(copy)]) == 0

    for name in PARAMETERS:
        text = (copy / "snapshots" / f"{name}.json").read_text()
        assert list(json.loads(text)["outputs"].items()) == [("A", 1), ("B", DUMMIES["MERCHANT_ID"])]
    assert [main([str(copy)]), stale(copy)] == [0, []]


@pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")
def test_writing_names_what_is_no_longer_made_and_stays_in_azure(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The played compiler makes nothing. Roles are not named: infra/roles.py finds them, with their holders."""
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder

    main(["--write", str(copy)])
    said = capsys.readouterr().out.splitlines()
    main(["--write", str(copy)])
    again = capsys.readouterr().out

    stays = [line for line in said if line.startswith("STAYS   ")]
    assert any(
        line.startswith("STAYS   prod: Microsoft.Authorization/locks event-store: no deployment") for line in stays
    )
    assert any("closed: Microsoft.Network/natGateways nat-" in line for line in stays)
    assert not any("oleAssignments" in line for line in stays)
    assert "STAYS" not in again


@pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")
def test_comparing_shows_the_difference_and_how_to_write_it(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder
    main(["--write", str(copy)])
    played.write_text(PLAYED.format(does=MAKES.replace('"A": 1', '"A": 2')))

    assert main([str(copy)]) == 1

    said = capsys.readouterr().err
    assert '-    "A": 1,\n+    "A": 2,' in said
    assert said.endswith(f"FAILED  infra/ and infra/snapshots/ differ: {HOW}\n")


@pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")
def test_a_change_that_changes_nothing_in_azure_is_named_too(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder
    main(["--write", str(copy)])
    (copy / MAIN).write_text((copy / MAIN).read_text() + "var other = 1\n")

    assert main([str(copy)]) == 1
    assert f"no difference in Azure, but {MAIN} changed" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")
@pytest.mark.parametrize("does", ["echo refused", "exit 3", ":"], ids=["says no", "ends badly", "writes nothing"])
def test_a_compiler_that_gives_none_writes_none(
    does: str, played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = seeded(tmp_path, file=MAIN, old="//", new="// ").folder
    before = {path: path.read_text() for path in (copy / "snapshots").iterdir()}
    played.write_text(PLAYED.format(does=does))

    assert main(["--write", str(copy)]) == 2

    assert capsys.readouterr().err.startswith("FAILED  dev.bicepparam: ")
    assert {path: path.read_text() for path in (copy / "snapshots").iterdir()} == before


def test_without_a_compiler_it_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BICEP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("FAILED  no Bicep compiler")
