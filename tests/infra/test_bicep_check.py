"""The command that compiles infra/: which compiler it takes, what it prints, how it ends. Scripts play the compiler."""

import os
import re
from pathlib import Path

import pytest

from infra import bicep_check
from infra.bicep_check import VERSION, CompilerMissing, CompilerWrong, find, main, placeholders, sources
from tests.infra.product import INFRA, ROOT, seeded

COMPILER = """#!/bin/sh
case "$1" in
  --version) echo "Bicep CLI version {version} (b34271ac51)" ;;
  {verb}) {does} ;;
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


def played(path: Path, *, version: str = VERSION, verb: str = "lint", does: str = ":") -> Path:
    return script(path, COMPILER.format(version=version, verb=verb, does=does))


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


@pytest.mark.parametrize("version", [f"{VERSION}-preview.3", f"{VERSION}7", "1" + VERSION])
def test_a_version_that_only_holds_the_pinned_one_is_another(version: str, tmp_path: Path) -> None:
    mine = played(tmp_path / "mine", version=version)

    with pytest.raises(CompilerWrong, match=rf"is {re.escape(version)} and not"):
        find({"BICEP": str(mine)})


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


VERBS = ("build", "lint", "build-params", "format")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("road", ["", " >&2"], ids=["stdout", "stderr"])
def test_whatever_the_compiler_says_fails_it_though_it_ends_well(
    verb: str, road: str, named: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warning is a fault that nobody has looked at, and so is a line that calls itself nothing."""
    played(named, verb=verb, does=f'echo "$PWD/main.bicep(1,1) : something odd"{road}')

    assert main([]) == 1
    assert capsys.readouterr().err == "FAILED  main.bicep(1,1) : something odd\n"


@pytest.mark.parametrize("verb", VERBS)
def test_a_compiler_that_ends_badly_fails_it_though_it_says_nothing(
    verb: str, named: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played(named, verb=verb, does="exit 3")

    assert main([]) == 1
    assert capsys.readouterr().err == f"FAILED  bicep {verb} ended with 3 and said nothing\n"


def test_a_compiler_that_hangs_is_given_up(
    named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played(named, does="exec sleep 60")
    monkeypatch.setattr(bicep_check, "LIMIT_S", 1)

    assert main([]) == 1
    assert capsys.readouterr().err == "FAILED  bicep lint did not end within 1 s\n"


def test_a_compiler_that_hangs_when_it_is_asked_who_it_is_is_none(
    named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(named, "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(bicep_check, "LIMIT_S", 1)

    assert main([]) == 2
    assert "nothing that answers within 1 s" in capsys.readouterr().err


def test_a_compiler_that_writes_no_utf_8_fails_it(named: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played(named, does=r"printf 'odd \377\n'")

    assert main([]) == 1
    assert capsys.readouterr().err.startswith("FAILED  odd")


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_the_folder_that_is_named_is_the_one_that_is_compiled(
    verb: str, named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = seeded(tmp_path, file="main.bicep", old="// The", new="// A marked one. The").folder
    played(named, verb=verb, does="grep -o 'A marked one' main.bicep")

    assert main([str(folder)]) == 1
    assert capsys.readouterr().err == "FAILED  A marked one\n"


def test_the_folder_that_is_named_is_the_one_that_is_formatted(
    named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = seeded(tmp_path, file="main.bicep", old="// The", new="// A marked one. The").folder
    played(named, verb="format", does="sed -i.bak '/A marked one/d' main.bicep")

    assert main([str(folder)]) == 1
    assert capsys.readouterr().err == "FAILED  main.bicep: not as `bicep format main.bicep` writes it\n"


def test_a_folder_without_bicep_files_fails_it(named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played(named)

    assert [main([str(tmp_path)]), main([str(tmp_path / "absent")])] == [2, 2]
    said = capsys.readouterr().err
    assert (said.count("has no main.bicep"), said.count("has no bicepconfig.json")) == (2, 2)


def test_what_an_editor_leaves_beside_a_file_is_nobodys_concern(tmp_path: Path) -> None:
    for name in ("main.bicep", "a/dev.bicepparam", "main.bicep~", ".main.bicep.swp", "main.bicep.orig", "main.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert sources(tmp_path) == [tmp_path / "a/dev.bicepparam", tmp_path / "main.bicep"]


@pytest.mark.parametrize(("flags", "printed"), [((), bicep_check.PLACEHOLDER), (("--values-given",), "none")])
def test_a_placeholder_stands_for_what_is_not_set_unless_the_values_are_given(
    flags: tuple[str, ...],
    printed: str,
    named: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With one, a name that nobody sets would pass where the values of an environment are what is checked."""
    played(named, verb="build-params", does='echo "${MERCHANT_ID-none}"')
    monkeypatch.delenv("MERCHANT_ID", raising=False)

    assert main([*flags]) == 1
    assert capsys.readouterr().err == f"FAILED  {printed}\n"


def test_a_value_that_is_set_goes_before_a_placeholder(
    named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played(named, verb="build-params", does='echo "$MERCHANT_ID"')
    monkeypatch.setenv("MERCHANT_ID", "shop")

    main([])

    assert capsys.readouterr().err == "FAILED  shop\n"


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


def test_it_takes_the_compiler_from_where_the_azure_cli_was_told_to_keep_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "az", AZ.replace("$HOME/.azure/", "$HOME/elsewhere/"))
    played(tmp_path / "a-bicep")
    monkeypatch.setenv("AZURE_CONFIG_DIR", "~/elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert main(["--install"]) == 0


@pytest.mark.parametrize(
    ("az", "says"),
    [
        (None, "PATH has no az. Install it, or set BICEP"),
        ("#!/bin/sh\nexit 7\n", "`az config set bicep.use_binary_from_path=false --only-show-errors` failed"),
        ('#!/bin/sh\n[ "$1" = config ]\n', f"`az bicep install --version v{VERSION}` failed"),
        ("#!/absent/shell\n", "failed"),
        ("#!/bin/sh\nexec /bin/sleep 60\n", "timed out"),
    ],
    ids=["absent", "fails", "does not install", "does not run", "hangs"],
)
def test_without_an_azure_cli_that_installs_it_fails_and_says_what_to_do(
    az: str | None,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if az:
        script(tmp_path / "az", az)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bicep_check, "INSTALL_LIMIT_S", 1)

    assert main(["--install"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("FAILED  ")
    assert says in said
    assert "set BICEP" in said


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
    needed = {"PROVIDER_BASE_URL", "MERCHANT_ID", "OPS_CLIENT_ID"}

    assert placeholders(INFRA).keys() == needed, "each more must be set before a deployment: can it have a default?"


def test_wherever_a_version_of_the_compiler_stands_it_is_the_pinned_one() -> None:
    files = [*(ROOT / ".github").rglob("*.yml"), *(ROOT / ".devcontainer").glob("*.json"), *ROOT.glob("docs/*.md")]
    lines = [line for path in files for line in path.read_text().splitlines() if "bicep" in line.lower()]

    stated = {version for line in lines for version in re.findall(r"\bv?(0\.\d+\.\d+)\b", line)}

    assert stated == {VERSION}
