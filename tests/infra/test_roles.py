"""The check of the rights that Azure has given, with an Azure CLI that is played by a script."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.roles import SNAPSHOTS, declared, main

APP, OTHER = "11111111-0000-0000-0000-00000000000a", "22222222-0000-0000-0000-00000000000b"
SUBSCRIPTION = "/subscriptions/33333333-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
STORAGE, BUS = (
    f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st",
    f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/b",
)
COSMOS, TELEMETRY = (
    f"{GROUP}/providers/Microsoft.DocumentDB/databaseAccounts/c",
    f"{GROUP}/providers/microsoft.insights/components/i",
)
BLOBS, TABLES = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
OWNER, RECEIVER, METRICS = (
    "090c5cfd-751d-490a-894a-3ce6f1109419",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "3913510d-42f4-4e42-8a64-420c390055eb",
)

PLAYED_AZ = f"""#!{sys.executable}
import json, os, sys
asked, state = sys.argv[1:], json.loads(os.environ["STATE"])
words = " ".join(each for each in asked[:5] if not each.startswith("-"))
with open(os.environ["ASKED"], "a") as log:
    print(*asked, file=log)
if words.startswith(state.get("failing", "never")):
    sys.exit("ERROR: not signed in")
for name in ("identity list", "role assignment list", "cosmosdb list", "cosmosdb sql role assignment list"):
    if words.startswith(name):
        print(json.dumps(state[name]))
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the Azure CLI is played by a script with a shebang")


def assigned(role: str, scope: str, *, principal: str = APP) -> dict[str, str]:
    """As `az role assignment list` gives it."""
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    name = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{role[:4]}-{len(scope)}"
    return {"id": name, "principalId": principal, "roleDefinitionId": definition, "scope": scope}


def of_cosmos(scope: str, *, name: str = "whole", principal: str = APP) -> dict[str, str]:
    definition = f"{COSMOS}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
    assignment = f"{COSMOS}/sqlRoleAssignments/{name}"
    return {"id": assignment, "principalId": principal, "roleDefinitionId": definition, "scope": scope}


AS_DECLARED = [
    assigned(BLOBS, STORAGE),
    assigned(TABLES, STORAGE),
    assigned(OWNER, BUS),
    assigned(METRICS, TELEMETRY),
]


def azure(**changed: Any) -> dict[str, Any]:
    """What `az` answers when all is as dev declares it."""
    return {
        "identity list": [{"principalId": APP}],
        "role assignment list": AS_DECLARED,
        "cosmosdb list": [{"name": "c"}],
        "cosmosdb sql role assignment list": [of_cosmos(COSMOS), of_cosmos(COSMOS, name="theirs", principal=OTHER)],
    } | {name.replace("_", " "): value for name, value in changed.items()}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command that was given to the stand-in, line by line."""
    (tmp_path / "az").write_text(PLAYED_AZ)
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def checked(state: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.setenv("STATE", json.dumps(state))
    return main(["--snapshot", "dev", "--resource-group", "rg", *more])


def test_the_declared_rights_are_content_whatever_the_names_and_their_case(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(azure(), monkeypatch) == 0

    assert "the 5 rights that dev declares" in capsys.readouterr().out
    assert f"--assignee {APP} --all" in asked.read_text(), "also what it has elsewhere"


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (
            assigned(RECEIVER, BUS),
            f"left behind: {RECEIVER} on microsoft.servicebus/namespaces: az role assignment delete",
        ),
        (assigned(BLOBS, GROUP), f"left behind: {BLOBS} on the whole resource group"),
        (assigned(BLOBS, SUBSCRIPTION), f"left behind: {BLOBS} on the whole subscription"),
        (assigned(BLOBS, STORAGE.replace("/rg/", "/old/")), f"left behind: {BLOBS} on another resource group, old"),
        (assigned(BLOBS, "/"), f"left behind: {BLOBS} on /"),
        (assigned(OWNER, f"{BUS}2"), "held twice"),
    ],
    ids=["another role", "wider", "everywhere", "elsewhere", "above all", "on a second bus"],
)
def test_a_role_left_behind_fails_it_and_is_named(
    extra: dict[str, str],
    says: str,
    asked: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert checked(azure(role_assignment_list=[*AS_DECLARED, extra]), monkeypatch) == 1

    assert f"FAILED  {says}" in capsys.readouterr().err
    assert "delete" not in asked.read_text()


def test_a_role_of_cosmos_that_was_left_wider_is_found_too(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [of_cosmos(COSMOS), of_cosmos(f"{COSMOS}/dbs/regis-pay", name="narrow")]

    assert checked(azure(cosmosdb_sql_role_assignment_list=both), monkeypatch) == 1

    said = capsys.readouterr().err
    assert "on microsoft.documentdb/databaseaccounts/dbs/regis-pay" in said
    assert said.strip().endswith("--role-assignment-id narrow")


def test_a_role_that_is_not_there_fails_it_and_nothing_is_deleted(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To delete the wider one before the narrower is there would stop the app."""
    state = azure(role_assignment_list=[*AS_DECLARED[:2], AS_DECLARED[3], assigned(RECEIVER, BUS)])

    assert checked(state, monkeypatch, "--delete") == 1

    said = capsys.readouterr().err
    assert f"FAILED  missing: {OWNER} on microsoft.servicebus/namespaces" in said
    assert f"left behind: {RECEIVER}" in said
    assert "delete" not in asked.read_text()


def test_what_was_left_behind_is_deleted_when_that_is_asked_for(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = of_cosmos(f"{COSMOS}/dbs/regis-pay", name="narrow")
    state = azure(
        role_assignment_list=[*AS_DECLARED, assigned(RECEIVER, BUS)],
        cosmosdb_sql_role_assignment_list=[of_cosmos(COSMOS), narrow],
    )

    assert checked(state, monkeypatch, "--delete") == 0

    deleted = [line for line in asked.read_text().splitlines() if " delete " in line]
    assert deleted == [
        f"role assignment delete --ids {assigned(RECEIVER, BUS)['id']}",
        "cosmosdb sql role assignment delete --account-name c --resource-group rg --yes --role-assignment-id narrow",
    ]
    assert capsys.readouterr().out.count("deleted ") == len(deleted)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"identity_list": []}, "rg has 0 identities and not one"),
        ({"failing": "role assignment list"}, ": ERROR: not signed in"),
    ],
    ids=["no identity", "az fails"],
)
def test_without_an_answer_nothing_is_called_good(
    changed: dict[str, Any],
    says: str,
    asked: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert checked(azure(**changed), monkeypatch) == 2

    assert says in capsys.readouterr().err


def test_without_the_azure_cli_it_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["--snapshot", "dev", "--resource-group", "rg"]) == 2
    assert "az identity list" in capsys.readouterr().err


def test_an_unknown_snapshot_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--snapshot", "none", "--resource-group", "rg"])

    assert "no snapshot none" in capsys.readouterr().err


def test_narrower_rights_of_a_snapshot_are_other_rights() -> None:
    wide, narrow = (declared(json.loads((SNAPSHOTS / f"{name}.json").read_text())) for name in ("dev", "closed"))

    assert {right.on for right in narrow - wide} >= {"microsoft.documentdb/databaseaccounts/dbs/regis-pay"}
    assert {right.role for right in wide - narrow} >= {OWNER}
