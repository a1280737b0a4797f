"""The command that compiles infra/: which compiler it takes, what it prints, how it ends. Scripts play the compiler."""

import os
import re
from pathlib import Path

import pytest

from infra.bicep_check import VERSION, CompilerMissing, CompilerWrong, find, main, placeholders
from tests.infra.product import INFRA, ROOT

COMPILER = """#!/bin/sh
case "$1" in
  --version) echo "Bicep CLI version {version} (b34271ac51)" ;;
  lint) {lint} ;;
esac
"""
AZ = """#!/bin/sh
echo "$*" >> "$HOME/asked"
case "$1 $2" in "bicep install") mkdir -p "$HOME/.azure/bin" && cp "$HOME/a-bicep" "$HOME/.azure/bin/bicep" ;; esac
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the compiler is played by a script with a shebang")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def played(path: Path, *, version: str = VERSION, lint: str = ":") -> Path:
    return script(path, COMPILER.format(version=version, lint=lint))


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where BICEP says that the compiler is."""
    monkeypatch.setenv("BICEP", str(tmp_path / "compiler"))
    return tmp_path / "compiler"


def test_the_compiler_that_bicep_names_goes_before_the_one_on_path(tmp_path: Path) -> None:
    mine, other = played(tmp_path / "mine"), played(tmp_path / "bin" / "bicep")

    assert find({"BICEP": str(mine), "PATH": str(other.parent)}) == mine
    assert find({"PATH": str(other.parent)}) == other


def test_no_compiler_is_said_with_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(CompilerMissing, match=rf"no Bicep compiler.*--install.*{re.escape(VERSION)}.*BICEP"):
        find({"PATH": str(tmp_path)})


def test_a_compiler_of_another_version_on_path_is_not_taken(tmp_path: Path) -> None:
    played(tmp_path / "bicep", version="0.40.1")

    with pytest.raises(CompilerMissing, match=rf"of version {re.escape(VERSION)}.*is 0\.40\.1"):
        find({"PATH": str(tmp_path)})


def test_a_compiler_that_is_named_and_is_not_the_pinned_one_is_a_fault_and_nothing_to_skip(tmp_path: Path) -> None:
    other = played(tmp_path / "other", version="0.40.1")

    with pytest.raises(CompilerWrong, match=r"is 0\.40\.1 and not"):
        find({"BICEP": str(other)})
    with pytest.raises(CompilerWrong, match="nothing that runs"):
        find({"BICEP": str(tmp_path / "absent")})


def test_it_ends_well_when_the_compiler_is_silent(named: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played(named)

    assert main([]) == 0
    assert f"Bicep {VERSION}" in capsys.readouterr().out


def test_whatever_the_compiler_says_fails_it_though_it_ends_well(
    named: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is a fault that nobody has looked at."""
    played(named, lint=f'echo "{INFRA}/main.bicep(1,1) : Warning BCP037" >&2')

    assert main([]) == 1
    assert capsys.readouterr().err == "FAILED  main.bicep(1,1) : Warning BCP037\n"


def test_a_compiler_that_ends_badly_fails_it_though_it_says_nothing(
    named: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played(named, lint="exit 3")

    assert main([]) == 1
    assert "bicep lint ended with 3" in capsys.readouterr().err


def test_without_a_compiler_it_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BICEP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("FAILED  no Bicep compiler")


def test_it_has_the_pinned_one_installed_and_used_by_the_azure_cli_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "az", AZ)
    played(tmp_path / "a-bicep")
    monkeypatch.delenv("AZURE_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert main(["--install"]) == 0

    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == [
        "config set bicep.use_binary_from_path=false --only-show-errors",
        f"bicep install --version v{VERSION}",
    ]


def test_an_installation_that_gave_another_version_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(tmp_path / "az", AZ)
    played(tmp_path / "a-bicep", version="0.40.1")
    monkeypatch.delenv("AZURE_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert main(["--install"]) == 2
    assert "0.40.1" in capsys.readouterr().err


def test_it_has_a_value_for_whatever_the_parameter_files_cannot_do_without() -> None:
    needed = {"PROVIDER_BASE_URL", "MERCHANT_ID", "OPS_CLIENT_ID", "OPS_PRINCIPAL_IDS"}

    assert placeholders(INFRA).keys() == needed


def test_wherever_a_version_of_the_compiler_stands_it_is_the_pinned_one() -> None:
    files = [*(ROOT / ".github").rglob("*.yml"), *(ROOT / ".devcontainer").glob("*.json"), *ROOT.glob("docs/*.md")]
    lines = [line for path in files for line in path.read_text().splitlines() if "bicep" in line.lower()]

    stated = {version for line in lines for version in re.findall(r"\bv?(0\.\d+\.\d+)\b", line)}

    assert stated == {VERSION}
