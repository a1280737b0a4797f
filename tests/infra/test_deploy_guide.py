"""docs/deploy.md: its commands run, in their order and in one shell, on a stage where az, azd, gh, devtunnel and curl
are stand-ins that refuse what the real ones would refuse. Python's own commands are the real ones.
"""

import hashlib
import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.app_roles import OF_AN_OPERATOR, OF_THE_CHECK, role_id
from infra.bicep_check import VERSION
from infra.guard import OF_THE_REPOSITORY
from infra.register_ops import name_of
from infra.roles import AZURE_ROLES, COSMOS_ROLES, IDENTITY
from tests.infra.deployment import mangled
from tests.infra.played_app import PlayedApp, serving
from tests.infra.stage import Stage, staged
from tests.infra.test_azd import AZURE_YAML, PARAMETERS, hooks

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "deploy.md").read_text()

BLOCK = re.compile(r"(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+")
"""Indented by four; an item of a list is not."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]  # some hundred processes, one after another

NEVER_ENDS = "-m local provider"
"""It runs for a moment only, so that the guide can go on."""

PYTHON = """#!/bin/sh
case "$*" in
  *"{never_ends}"*) timeout 4 "{python}" "$@" --data "$STAGE/provider" & wait $!; [ $? = 124 ] ;;
  *) exec "{python}" "$@" ;;
esac
"""

BICEP = f"""#!/bin/sh
[ "$1" = --version ] && echo "Bicep CLI version {VERSION} (stand-in)"
NAME="${{2%.bicepparam}}"
[ "$1" = snapshot ] && cp "{ROOT}/infra/snapshots/$(basename "$NAME").json" "$NAME.snapshot.json"
exit 0
"""


def blocks(guide: str = GUIDE) -> list[str]:
    return [re.sub(r"(?m)^ {4}", "", found) for found in BLOCK.findall(guide)]


@dataclass(frozen=True)
class Told:
    """What came of typing the whole guide."""

    stage: Stage
    app: PlayedApp
    code: int
    said: str
    home: Path

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.stage.folder / "state.json").read_text())
        return found


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def checkout(folder: Path) -> Path:
    """A clone, with what the guide takes from it, a remote to push to, and an interpreter that lets nothing run on."""
    for name in ("infra", "ops", "terminal", "local", "functions", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text(PYTHON.format(never_ends=NEVER_ENDS, python=sys.executable))
    (folder / ".venv/bin/python").chmod(0o755)
    (folder / "the-key.txt").write_text("key")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-C", str(folder)]
    subprocess.run(["git", "init", "-q", "--bare", str(folder.parent / "origin")], check=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run([*git, "remote", "add", "origin", str(folder.parent / "origin")], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    return folder


def home(folder: Path) -> Path:
    """Where the compiler lies that the Azure CLI has installed."""
    (folder / ".azure/bin").mkdir(parents=True)
    (folder / ".azure/bin/bicep").write_text(BICEP)
    (folder / ".azure/bin/bicep").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return typed(GUIDE, tmp_path_factory.mktemp("guide"))


def rights(environment: str, *, group: str) -> dict[str, Any]:
    """What `az` would list of an app that has the rights of the snapshot: its identity, and roles by kind."""
    snapshot = json.loads((ROOT / "infra" / "snapshots" / f"{environment}.json").read_text())
    (identity,) = [each for each in snapshot["predictedResources"] if each["type"] == IDENTITY]
    identity |= {"id": identity["id"].replace(f"rg-regis-pay-{environment}", group), "principalId": "identity-1"}
    found: dict[str, list[dict[str, str]]] = {AZURE_ROLES: [], COSMOS_ROLES: []}
    for resource in snapshot["predictedResources"]:
        properties = resource.get("properties", {})
        if resource["type"] in found and "userAssignedIdentities" in properties["principalId"]:
            at = re.search(r"/subscriptions/[^']+", properties.get("scope", resource["id"]))
            assert at is not None
            role = {"id": resource["name"], "scope": at[0].replace(f"rg-regis-pay-{environment}", group)}
            kept = {"roleDefinitionId": properties["roleDefinitionId"], "principalId": "identity-1"}
            found[resource["type"]].append(role | kept)
    return {"identity": identity, "rights": found}


AS_IN_A_TERMINAL = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])",
)
"""Tests in the background inherit that Ctrl-C is ignored, and a shell cannot take that back for itself."""


def typed(guide: str, folder: Path, **more: Any) -> Told:
    """All commands of a guide, one after another. more: what the tools know beforehand."""
    stage, app = staged(folder / "stage"), PlayedApp()
    text = "\n".join(f"# block {number}\n{block}" for number, block in enumerate(blocks(guide)))
    with serving(app) as url:
        outputs = {"SERVICE_APP_URL": url, "AZURE_RESOURCE_GROUP": "rg-dev", "SERVICE_APP_NAME": "func-abc"}
        stage.keep(**rights("dev", group="rg-dev"), **more)
        stage.answers("gh run list", (0, "17", ""))
        stage.keep(provisioned={**outputs, "OPS_CLIENT_ID": "ops-1"}, outputs=mangled({"VAULT_NAME": "kv-abc"}))
        environment = {**stage.environment, "HOME": str(home(folder / "home"))}
        done = subprocess.run(
            [
                *AS_IN_A_TERMINAL,
                "bash",
                "--noprofile",
                "--norc",
                "-euxo",
                "pipefail",
                "-c",
                text.replace("7090", free_port()),
            ],
            cwd=checkout(folder / "checkout"),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    return Told(stage, app, done.returncode, done.stdout + done.stderr, folder / "home")


def test_every_command_of_the_guide_runs(told: Told) -> None:
    assert len(blocks()) > 25
    assert told.code == 0, told.said[-3000:]


def test_the_tools_were_asked_and_not_talked_about(told: Told) -> None:
    """Each of them, and each command of az and gh that stands in a block."""
    lines = [line for block in blocks() for line in re.findall(r"\b(?:az|azd|gh) [a-z][^\n|]*", block)]
    typed = [[word for word in line.split()[:3] if "$" not in word] for line in lines]

    assert {tool for tool, *_ in told.stage.calls()} == {"az", "azd", "gh", "devtunnel", "curl"}
    assert [words for words in typed if not told.stage.calls(*words)] == []


def test_every_command_of_the_page_for_a_first_deployment_runs(tmp_path: Path) -> None:
    done = typed((ROOT / "docs" / "first-deploy.md").read_text(), tmp_path)

    assert done.code == 0, done.said[-3000:]
    assert done.stage.calls("azd", "up")
    assert done.stage.calls("azd", "down", "--purge")
    assert done.stage.calls("az", "role", "assignment", "list")


def test_what_azd_is_told_are_parameters_it_knows(told: Told) -> None:
    read = set(re.findall(r"\$\{(\w+)", json.dumps(PARAMETERS)))
    told_of = {call[3] for call in told.stage.calls("azd", "env", "set")}

    assert told_of - read == set()
    assert read - told_of - {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_PRINCIPAL_ID"} == set(), "the guide names all"


def test_what_azd_is_told_has_the_type_that_the_template_wants() -> None:
    values = dict(re.findall(r"(?m)^ {4}azd env set (\w+) '?([^'\n]+)'?$", GUIDE))

    assert "@" in values["ALERT_EMAILS"]
    assert int(values["MONTHLY_BUDGET"]) > 0
    assert int(values["INSTANCE_MEMORY_MB"]) in {512, 2048, 4096}
    switches = ("PRIVATE_NETWORKING", "PROVIDER_KEY_IN_VAULT", "FIXED_EGRESS", "DEVELOPER_ROLES", "LOCK_EVENT_STORE")
    assert {values[name] for name in switches} == {"false"}, "any other word would be taken for the default, unsaid"


def test_every_environment_of_github_gets_what_its_workflow_reads(told: Told) -> None:
    workflows = {"plan": "what-if", "dev": "deploy", "prod": "deploy"}
    optional = {"SMOKE_VOIDING_METHOD", "SMOKE_NOTIFICATION_URL", "PROVIDER_IS_LOCAL", "MERCHANT_KEYS"}
    optional |= OF_THE_REPOSITORY

    for environment, workflow in workflows.items():
        text = (ROOT / f".github/workflows/{workflow}.yml").read_text()
        read = set(re.findall(r"\bvars\.(\w+)", text)) - optional
        assert {name for name in read if not told.state["gh"].get(f"{environment}/{name}")} == set(), environment


def test_each_environment_has_a_registration_of_its_own(told: Told) -> None:
    ops = [told.state["gh"][f"{environment}/OPS_CLIENT_ID"] for environment in ("dev", "prod")]
    names = [name_of(each, subscription=f"id-of-Payments-{each}") for each in ("dev", "prod")]

    assert len(set(ops)) == 2
    assert set(names) <= told.state["apps"].keys()


def test_who_deploys_from_github_may_run_the_check_and_whoever_typed_this_may_operate(told: Told) -> None:
    for environment in ("dev", "prod"):
        registration = told.state["gh"][f"{environment}/OPS_CLIENT_ID"]
        deploys = told.state["gh"][f"{environment}/SMOKE_PRINCIPAL_ID"]
        grants = told.state["directory"]["assigned"][f"sp-of-{registration}"]

        assert deploys == f"sp-of-{told.state['gh'][f'{environment}/AZURE_CLIENT_ID']}"
        assert {(each["principalId"], each["appRoleId"]) for each in grants} == {
            *((deploys, role_id(role)) for role in OF_THE_CHECK),
            *(("person-1", role_id(role)) for role in OF_AN_OPERATOR),
        }


def test_what_the_guide_lists_of_a_key_is_its_hash(told: Told) -> None:
    hashes = [hashlib.sha256(key.encode()).hexdigest() for key in ("function-key", "key-of-shop-1")]

    assert re.findall(r"(?m)^[0-9a-f]{64}$", told.said) == hashes


def section(title: str) -> str:
    return "\n\n" + GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0] + "\n"


SAME = re.sub(r'"Payments (dev|prod)"', '"Payments"', section("From GitHub"))


@pytest.fixture(scope="module")
def otherwise(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What can be otherwise, in one run. GitHub says nothing of a prefix; the owner's name is spelled with a capital
    there, and not in the guide. dev and prod share a subscription, and somebody has said what that means.
    """
    said = SAME.replace("    REPO=", '    ONE_FOR_BOTH="dev may do anything to prod"\n    REPO=', 1)
    old = {"prefix": None, "repository": "Owner/Name"}
    return typed(said, tmp_path_factory.mktemp("otherwise"), github=old)


def trusted(told: Told) -> dict[str, str]:
    """The subject that each environment's identity is trusted with."""
    return {
        environment: told.state["trusted"][told.state["gh"][f"{environment}/AZURE_CLIENT_ID"]]
        for environment in ("plan", "dev", "prod")
    }


def test_what_is_trusted_is_the_subject_that_github_shows_letter_by_letter(told: Told, otherwise: Told) -> None:
    assert trusted(told) == {name: f"repo:Owner@11/Name@22:environment:{name}" for name in ("plan", "dev", "prod")}
    assert trusted(otherwise) == {name: f"repo:Owner/Name:environment:{name}" for name in ("plan", "dev", "prod")}


def given(told: Told) -> list[tuple[str, str, str]]:
    """Whom, which role, and where: by the name of the environment whose identity it is."""
    whose = {told.state["gh"][f"{each}/AZURE_CLIENT_ID"]: each for each in ("plan", "dev", "prod")}
    calls = [dict(itertools.pairwise(call)) for call in told.stage.calls("az", "role", "assignment", "create")]
    return [
        (whose[call["--assignee"]], call["--role"], call["--scope"]) for call in calls if call["--assignee"] in whose
    ]


def test_the_identity_of_dev_has_no_right_where_prod_is(told: Told) -> None:
    places = {who: {scope.split("/")[2] for whom, _, scope in given(told) if whom == who} for who in ("dev", "prod")}

    assert places == {"dev": {"id-of-Payments-dev"}, "prod": {"id-of-Payments-prod"}}


def test_the_identity_of_prod_may_set_a_lock_in_its_group_and_delete_none(told: Told) -> None:
    roles = [json.loads(call[5]) for call in told.stage.calls("az", "role", "definition", "create")]
    (locking,) = [role for role in roles if role["Name"] == "Sets locks"]
    (where,) = [scope for who, role, scope in given(told) if (who, role) == ("prod", "Sets locks")]

    assert locking["Actions"] == ["Microsoft.Authorization/locks/read", "Microsoft.Authorization/locks/write"]
    assert where == "/subscriptions/id-of-Payments-prod/resourceGroups/rg-regis-pay-prod"
    assert not [
        role for _, role, _ in given(told) if role in {"Owner", "Locks Contributor", "User Access Administrator"}
    ]


def test_one_subscription_for_dev_and_prod_is_refused_before_anything_is_given(tmp_path: Path) -> None:
    refused = typed(SAME, tmp_path)

    assert "FAILED  dev and prod are in one subscription" in refused.said
    assert not refused.stage.calls("az", "role", "assignment", "create")
    assert not refused.stage.calls("az", "ad", "app", "create")


def test_one_subscription_for_dev_and_prod_is_taken_when_somebody_says_what_that_means(otherwise: Told) -> None:
    assert otherwise.code == 0, otherwise.said[-3000:]


def protections(told: Told) -> dict[str, dict[str, set[str]]]:
    """What GitHub was told of each environment: `policies`, and the words of the environment itself."""
    found: dict[str, dict[str, set[str]]] = {}
    for call in told.stage.calls("gh", "api"):
        if match := re.search(r"/environments/(\w+)(/deployment-branch-policies)?$", call[4]):
            words = {word for word in call[5:] if "=" in word}
            kind = "policies" if match[2] else "itself"
            found.setdefault(match[1], {}).setdefault(kind, set()).update(words)
    return found


def test_every_environment_that_may_change_something_is_open_to_main_and_released_tags_only(told: Told) -> None:
    found = protections(told)
    custom = {
        "deployment_branch_policy[protected_branches]=false",
        "deployment_branch_policy[custom_branch_policies]=true",
    }

    assert {name for name, each in found.items() if custom <= each["itself"]} == {"dev", "prod", "release"}
    assert {name: each.get("policies", set()) for name, each in found.items()} == {
        "plan": set(),
        "dev": {"name=main", "type=branch", "name=v*", "type=tag"},
        "prod": {"name=main", "type=branch", "name=v*", "type=tag"},
        "release": {"name=v*", "type=tag"},
    }


def test_somebody_has_to_approve_for_prod_and_not_everybody_makes_a_tag_that_is_deployed(told: Told) -> None:
    (ruleset,) = [call for call in told.stage.calls("gh", "api") if call[4].endswith("/rulesets")]

    assert {"reviewers[][type]=User", "reviewers[][id]=7"} <= protections(told)["prod"]["itself"]
    assert {"target=tag", "enforcement=active", "conditions[ref_name][include][]=refs/tags/v*"} <= set(ruleset)
    assert {f"rules[][type]={rule}" for rule in ("creation", "update", "deletion")} <= set(ruleset)


def test_a_registration_that_could_not_be_made_stops_the_guide_and_says_why(tmp_path: Path) -> None:
    """Its words went to standard output once, and a pipe dropped them."""
    done = typed(section("From GitHub"), tmp_path, tenants={"default": "t-1", "id-of-Payments-dev": "t-2"})

    assert "FAILED  the Azure CLI works in tenant t-1" in done.said
    assert not [name for name in done.state["gh"] if name.endswith("/OPS_CLIENT_ID")]


def test_the_right_to_write_the_providers_key_is_taken_away_again(told: Told) -> None:
    (made,) = [
        call for call in told.stage.calls("az", "role", "assignment", "create") if "Key Vault Secrets Officer" in call
    ]
    (taken,) = told.stage.calls("az", "role", "assignment", "delete")

    assert made[4:] == taken[4:]


def test_every_hook_can_be_run_by_its_name(told: Told) -> None:
    run = {call[3] for call in told.stage.calls("azd", "hooks", "run")}

    assert run <= dict(hooks()).keys()
    assert AZURE_YAML["hooks"].keys() >= {"postdeploy"}


def test_the_ops_command_of_the_guide_lists_what_the_app_gives(told: Told) -> None:
    assert any("/api/ops/dead-letters" in each for each in told.app.asked)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["az", "ad", "app", "lst"], "misspelled"),
        (["az", "ad", "app", "list", "--name", "x"], "unrecognized arguments: --name"),
        (["az", "functionapp", "keys", "list", "--name", "x"], "required: --resource-group"),
        (["azd", "env", "set", "ONLY_A_NAME"], "unrecognized arguments"),
        (["azd", "env", "get-value", "NOT_THERE"], "not found"),
        (["gh", "variable", "set", "A", "--environment", "dev"], "unrecognized arguments: --environment"),
        (["curl", "--fial", "http://x"], "unrecognized arguments: --fial"),
        (["devtunnel", "hots"], "misspelled"),
    ],
)
def test_a_stand_in_refuses_what_the_tool_would_refuse(command: list[str], says: str, tmp_path: Path) -> None:
    stage = staged(tmp_path / "stage")
    environment = stage.environment

    done = subprocess.run(
        [str(stage.bin / command[0]), *command[1:]], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert says in done.stderr
