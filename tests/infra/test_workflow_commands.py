"""The steps of the workflows that call az or gh: their very text runs, in GitHub's shell, on a stage of stand-ins."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos._base import create_scope_from_url
from azure.servicebus._common.constants import JWT_TOKEN_SCOPE

from contracts.files import FOLDER
from contracts.released import release
from tests.infra.stage import Stage, staged
from tests.infra.test_workflows import ROOT, steps

WHAT_IF = {
    "status": "Succeeded",
    "changes": [
        {"changeType": "Create", "resourceId": "/subscriptions/a/sites/new"},
        {"changeType": "NoChange", "resourceId": "/subscriptions/a/sites/same"},
        {"changeType": "Ignore", "resourceId": "/subscriptions/a/sites/other"},
    ],
    "diagnostics": [
        {"level": "Warning", "code": "NestedDeploymentShortCircuited", "target": "/a/b", "message": "not looked into"}
    ],
}


@dataclass(frozen=True)
class Ran:
    """A step that ran."""

    code: int
    said: str
    folder: Path
    stage: Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return staged(tmp_path / "stage")


def command(start: str) -> str:
    """The text of the one step that has these words."""
    (text,) = [step["run"] for _, step in steps() if start in step.get("run", "")]
    assert isinstance(text, str)
    return text


def ran(text: str, *, stage: Stage, scripts: dict[str, str] | None = None, **environment: str) -> Ran:
    """scripts: other ones, in place of those of infra/."""
    folder = stage.folder / "checkout"
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    for name, script in (scripts or {}).items():
        (folder / "infra" / name).write_text(script)
    (stage.bin / "python").symlink_to(sys.executable)
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text]
    known = {**stage.environment, "GITHUB_REPOSITORY": "owner/name", "GITHUB_REF_NAME": "v1.2.3"}
    done = subprocess.run(
        shell, cwd=folder, env={**known, **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    return Ran(done.returncode, done.stdout + done.stderr, folder, stage)


def test_every_step_that_calls_az_or_gh_is_run_here_or_in_a_test_of_its_own() -> None:
    calling = [step["run"] for _, step in steps() if any(f"{tool} " in step.get("run", "") for tool in ("az", "gh"))]
    here = [command(start) for start in STARTS]

    assert [text for text in calling if text not in here and "az version" not in text] == []


STARTS = (
    "deployment sub create",
    "what-if.json",
    "release create",
    "release download",
    "pr create",
    "get-access-token --resource",
)


STANDING = "docs/contracts/released/"


def test_the_deployment_is_created_and_its_outputs_are_handed_on(stage: Stage) -> None:
    names = ("AZURE_RESOURCE_GROUP", "AZURE_FUNCTION_APP_NAME", "SERVICE_APP_URL", "SERVICEBUS_NAMESPACE")
    outputs = {name.lower(): {"type": "String", "value": f"of-{name}"} for name in names}
    stage.answers("az deployment sub create", (0, json.dumps(outputs), ""))
    handed_on = stage.folder / "output"

    done = ran(command(STARTS[0]), stage=stage, ENVIRONMENT="dev", LOCATION="here", GITHUB_OUTPUT=str(handed_on))

    assert done.code == 0, done.said
    assert handed_on.read_text() == "".join(f"{name}=of-{name}\n" for name in names)


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq, which the runners of GitHub have")
@pytest.mark.parametrize("diagnostics", [WHAT_IF["diagnostics"], None], ids=["some", "none"])
def test_what_would_change_is_told_and_what_could_not_be_foreseen(diagnostics: Any, stage: Stage) -> None:
    stage.answers("az deployment sub what-if", (0, json.dumps({**WHAT_IF, "diagnostics": diagnostics}), ""))

    done = ran(command("what-if.json"), stage=stage, GITHUB_RUN_ID="7", LOCATION="here")

    assert done.code == 0, done.said
    assert (done.folder / "what-if.txt").read_text().splitlines() == [
        "Create\t/subscriptions/a/sites/new",
        *(["Warning\tNestedDeploymentShortCircuited\t/a/b\tnot looked into"] if diagnostics else []),
    ]


def test_a_tag_is_released_with_its_package(stage: Stage) -> None:
    assert ran(command("release create"), stage=stage).code == 0

    assert stage.calls("gh") == [
        ["gh", "release", "create", "v1.2.3", "dist/app.zip", "--verify-tag", "--generate-notes"]
    ]


RELEASED = "docs/contracts/released/1.2.3"


@pytest.fixture
def contracts(stage: Stage) -> Path:
    """Those of a checkout in which 1.2.3 was released just now; the step runs in it."""
    folder = stage.folder / "checkout" / FOLDER
    shutil.copytree(ROOT / FOLDER, folder, ignore=shutil.ignore_patterns("released"))
    release("1.2.3", folder / "released")
    return folder


def test_a_tag_with_its_contracts_goes_on(contracts: Path, stage: Stage) -> None:
    done = ran(command(STANDING), stage=stage)

    assert (done.code, done.said) == (0, "")
    assert (contracts / "README.md").is_file(), "it is not released, and no difference"


def test_a_tag_without_its_contracts_is_stopped_and_says_how_to_get_them(contracts: Path, stage: Stage) -> None:
    (contracts / "released" / "1.2.3").rename(contracts / "released" / "1.2.4")

    done = ran(command(STANDING), stage=stage)

    assert done.code == 1
    assert f"FAILED  {RELEASED} is not there." in done.said
    assert "make contracts ARGS=--release" in done.said


@pytest.mark.parametrize("place", ["", "released/1.2.3"])
@pytest.mark.parametrize("name", ["openapi.json", "events/regispay.payment.new.v1.schema.json"])
def test_a_tag_whose_contracts_are_not_what_stands_there_is_stopped(
    place: str, name: str, contracts: Path, stage: Stage
) -> None:
    (contracts / place / name).write_text("{}")

    done = ran(command(STANDING), stage=stage)

    assert done.code == 1
    assert f"FAILED  {RELEASED} is not what stands here" in done.said
    assert Path(name).name in done.said


def test_a_rollback_takes_the_released_file_and_asks_who_built_it(stage: Stage) -> None:
    done = ran(command("release download"), stage=stage, GITHUB_REF_TYPE="tag")

    assert done.code == 0, done.said
    assert [call[1:3] for call in stage.calls("gh")] == [["release", "download"], ["attestation", "verify"]]


def test_a_file_that_others_built_is_not_deployed(stage: Stage) -> None:
    stage.answers("gh attestation verify", (1, "", "Error: verifying with issuer failed"))

    assert ran(command("release download"), stage=stage, GITHUB_REF_TYPE="tag").code == 1


def test_a_rollback_to_a_branch_is_refused_and_says_how_to_ask(stage: Stage) -> None:
    done = ran(command("release download"), stage=stage, GITHUB_REF_TYPE="branch")

    assert done.code == 1
    assert "NEXT: gh workflow run rollback.yml --ref" in done.said
    assert stage.calls("gh") == []


def test_the_nightly_run_takes_its_tokens_for_the_audiences_that_the_sdks_ask_for(stage: Stage) -> None:
    endpoint = "https://cosmos-abc.documents.azure.com:443/"

    done = ran(command("get-access-token --resource"), stage=stage, COSMOS_ENDPOINT=endpoint)

    assert done.code == 0, done.said
    audiences = [call[4] for call in stage.calls("az", "account", "get-access-token")]
    assert [f"{each}/.default" for each in audiences] == [create_scope_from_url(endpoint), JWT_TOKEN_SCOPE]


RIGHTS = "No right of the app is left behind"
LEFT, MISSING = "FAILED  left behind: r on t: az role assignment delete", "FAILED  missing: r on t: deploy again"


@pytest.mark.parametrize(
    ("said", "back", "code"),
    [
        ([], "", 0),
        ([LEFT], "", 1),
        ([LEFT, LEFT], "true", 0),
        ([LEFT, MISSING], "true", 1),
        ([MISSING], "true", 1),
        (["Traceback (most recent call last):"], "true", 1),
    ],
)
def test_rights_that_a_newer_release_has_left_fail_no_rollback_and_missing_ones_do(
    said: list[str], back: str, code: int, stage: Stage
) -> None:
    (text,) = [step["run"] for _, step in steps() if step.get("name") == RIGHTS]
    printing = "".join(f"print({line!r}, file=sys.stderr)\n" for line in said)
    done = ran(
        text, stage=stage, scripts={"roles.py": f"import sys\n{printing}sys.exit({int(bool(said))})\n"}, BACK=back
    )

    assert done.code == code, done.said
    assert all(line in done.said for line in said)
    assert ("::warning::" in done.said) == (back == "true" and code == 0)


@pytest.fixture
def clone(stage: Stage) -> Path:
    """A clone with two pinned files and a place to push to; the step runs in it."""
    folder = stage.folder / "checkout"
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", "init", "-q", "--bare", str(stage.folder / "origin")], check=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "requirements.txt").write_text("a==1\n")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    subprocess.run([*git, "remote", "add", "origin", str(stage.folder / "origin")], check=True)
    return folder


def proposed(clone: Path, stage: Stage) -> subprocess.CompletedProcess[str]:
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", command("pr create")]
    environment = {**stage.environment, "GITHUB_RUN_ID": "7"}
    return subprocess.run(shell, cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("open_", "creates"), [("OPEN", 0), ("MERGED", 1), ("", 1)])
def test_newer_pins_are_proposed_once(open_: str, creates: int, clone: Path, stage: Stage) -> None:
    (clone / "requirements.txt").write_text("a==2\n")
    stage.answers("gh pr view", (0 if open_ else 1, open_, "" if open_ else "no pull requests found"))

    done = proposed(clone, stage)

    assert done.returncode == 0, done.stderr
    assert len(stage.calls("gh", "pr", "create")) == creates
    pushed = subprocess.run(
        ["git", "-C", str(stage.folder / "origin"), "show", "pins:requirements.txt"], capture_output=True, check=True
    )
    assert pushed.stdout == b"a==2\n"


def test_where_no_pin_is_newer_nothing_is_proposed(clone: Path, stage: Stage) -> None:
    assert proposed(clone, stage).returncode == 0

    assert stage.calls("gh") == []
