"""The check of the rights that Azure has given, with an Azure CLI that is played in this process."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.roles import SNAPSHOTS, declared, drawn, main
from tests.infra.stage import answering_here
from tests.infra.standin import Answer
from tests.infra.test_doc_commands import fault

APP, OTHER = "11111111-0000-0000-0000-00000000000a", "22222222-0000-0000-0000-00000000000b"
SMOKE, TEAM = "44444444-0000-0000-0000-00000000000c", "55555555-0000-0000-0000-00000000000d"
SUBSCRIPTION = "/subscriptions/33333333-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-abc123"
STORAGE, BUS, VAULT = (
    f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stabc123",
    f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/bus-abc123",
    f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-abc123",
)
COSMOS, TELEMETRY = (
    f"{GROUP}/providers/Microsoft.DocumentDB/databaseAccounts/cosmos-abc123",
    f"{GROUP}/providers/microsoft.insights/components/appi-abc123",
)
SMOKE_TOPIC = f"{BUS}/topics/payment-failed"
BLOBS, TABLES = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
OWNER, RECEIVER, METRICS = (
    "090c5cfd-751d-490a-894a-3ce6f1109419",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "3913510d-42f4-4e42-8a64-420c390055eb",
)
SENDER, SECRETS_OFFICER = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
OF_DEV, OF_PROD = "cosmos=account bus=owner vault=no", "cosmos=account bus=owner vault=yes"

NAMES = ("identity list", "role assignment list", "cosmosdb list", "cosmosdb sql role assignment list")
"""The commands that list something: so a state has it too."""

type Printed = pytest.CaptureFixture[str]


def assigned(role: str, scope: str, *, principal: str = APP) -> dict[str, str]:
    """As `az role assignment list` gives it."""
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    name = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{role[:4]}-{len(scope)}-{principal[:2]}"
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
OF_SMOKE = [
    assigned(SENDER, SMOKE_TOPIC, principal=SMOKE),
    assigned(RECEIVER, f"{SMOKE_TOPIC}/subscriptions/void", principal=SMOKE),
]


def azure(*, switches: str | None = OF_DEV, groups: tuple[str, ...] = (), **changed: Any) -> dict[str, Any]:
    """What `az` answers when all is as dev declares it."""
    tags = {"application": "regis-pay"} | ({"rights": switches} if switches else {})
    return {
        "identity list": [{"id": IDENTITY, "name": "id-abc123", "principalId": APP, "tags": tags}],
        "role assignment list": AS_DECLARED,
        "cosmosdb list": [{"name": "c"}],
        "cosmosdb sql role assignment list": [of_cosmos(COSMOS)],
        "groups": groups,
        "failing": "none",
        "times": 99,
        "error": "ERROR: not signed in",
    } | {name.replace("_", " "): value for name, value in changed.items()}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command that was given to the stand-in, line by line."""
    monkeypatch.delenv("SMOKE_PRINCIPAL_ID", raising=False)
    return tmp_path / "asked"


def answered(words: list[str], *, state: dict[str, Any], asked: Path) -> Answer:
    """failing: the command that does, so many times, with this error."""
    with asked.open("a") as log:
        log.write(f"{' '.join(words)}\n")
    command = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), words))
    earlier = [line for line in asked.read_text().splitlines() if line.startswith(state["failing"])]
    if command == state["failing"] and len(earlier) <= state["times"]:
        return 1, "", state["error"]
    if command not in NAMES:
        return 0, "", ""
    found = state[command]
    if "--assignee-object-id" in words:
        groups = state["groups"] if "--include-groups" in words else []
        whose = [words[words.index("--assignee-object-id") + 1], *groups]
        found = [each for each in found if each["principalId"] in whose]
    return 0, json.dumps(found), ""


def checked(state: dict[str, Any], asked: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    answering_here(monkeypatch, plays=lambda _, words: answered(words, state=state, asked=asked))
    return main(["--snapshot", "dev", "--resource-group", "rg", "--limit-s", "10", "--pause-s", "0.01", *more])


def test_the_declared_rights_are_content_whatever_the_names_and_their_case(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    assert checked(azure(), asked, monkeypatch) == 0

    assert capsys.readouterr().out == "the app's identity has the rights that dev declares, and no others\n"
    assert f"--all --fill-principal-name false --assignee-object-id {APP}" in asked.read_text(), "also elsewhere"


def test_no_directory_is_asked_and_every_command_is_one_that_az_has(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--assignee`, and names of principals, cost a call to Graph: a workflow may have no token for that any more."""
    checked(azure(role_assignment_list=[*AS_DECLARED, assigned(RECEIVER, BUS)]), asked, monkeypatch, "--delete")

    commands = asked.read_text().splitlines()
    assert [found for each in commands if (found := fault(f"az {each}"))] == []
    listed = [each for each in commands if each.startswith("role assignment list")]
    assert listed
    assert all("--fill-principal-name false" in each and not re.search(r"--assignee\b(?!-)", each) for each in listed)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (assigned(RECEIVER, BUS), f"left behind: {RECEIVER} on {BUS.lower()}: az role assignment delete"),
        (assigned(BLOBS, GROUP), f"left behind: {BLOBS} on {GROUP.lower()}"),
        (assigned(BLOBS, SUBSCRIPTION), f"left behind: {BLOBS} on {SUBSCRIPTION}:"),
        (
            assigned(BLOBS, STORAGE.replace("/rg/", "/old/")),
            f"left behind: {BLOBS} on {SUBSCRIPTION}/resourcegroups/old",
        ),
        (assigned(BLOBS, "/"), f"left behind: {BLOBS} on /:"),
        (assigned(OWNER, f"{BUS}2"), f"left behind: {OWNER} on {BUS.lower()}2:"),
    ],
    ids=["another role", "wider", "everywhere", "elsewhere", "above all", "on a second bus"],
)
def test_a_role_left_behind_fails_it_and_is_named(
    extra: dict[str, str], says: str, asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    assert checked(azure(role_assignment_list=[*AS_DECLARED, extra]), asked, monkeypatch) == 1

    printed = capsys.readouterr()
    assert f"FAILED  {says}" in printed.err
    assert all(line.startswith("FAILED  left behind: ") for line in printed.err.splitlines()), "a rollback compares"
    assert "NEXT    `--delete` deletes" in printed.out
    assert "delete" not in asked.read_text()


def test_a_right_on_another_bus_is_not_the_one_that_is_declared(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    state = azure(role_assignment_list=[*AS_DECLARED[:2], AS_DECLARED[3], assigned(OWNER, f"{BUS}2")])

    assert checked(state, asked, monkeypatch) == 1

    assert f"FAILED  missing: {OWNER} on {BUS.lower()}\n" in capsys.readouterr().err


def test_a_role_of_cosmos_that_was_left_wider_is_found_too(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    both = [of_cosmos(COSMOS), of_cosmos(f"{COSMOS}/dbs/regis-pay", name="narrow")]

    assert checked(azure(cosmosdb_sql_role_assignment_list=both), asked, monkeypatch) == 1

    said = capsys.readouterr().err
    assert "databaseaccounts/cosmos-abc123/dbs/regis-pay: az cosmosdb" in said
    assert "--role-assignment-id narrow\n" in said


def test_a_role_that_is_not_there_fails_it_and_nothing_is_deleted(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """To delete the wider one before the narrower is there would stop the app."""
    state = azure(role_assignment_list=[*AS_DECLARED[:2], AS_DECLARED[3], assigned(RECEIVER, BUS)])

    assert checked(state, asked, monkeypatch, "--delete") == 1

    said = capsys.readouterr().err
    assert f"FAILED  missing: {OWNER} on {BUS.lower()}" in said
    assert f"left behind: {RECEIVER}" in said
    assert "delete" not in asked.read_text()


def test_what_was_left_behind_is_deleted_when_that_is_asked_for(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    narrow = of_cosmos(f"{COSMOS}/dbs/regis-pay", name="narrow")
    state = azure(
        role_assignment_list=[*AS_DECLARED, assigned(RECEIVER, BUS)],
        cosmosdb_sql_role_assignment_list=[of_cosmos(COSMOS), narrow],
    )

    assert checked(state, asked, monkeypatch, "--delete") == 0

    deleted = [line for line in asked.read_text().splitlines() if " delete " in line]
    assert deleted == [
        f"role assignment delete --ids {assigned(RECEIVER, BUS)['id']}",
        "cosmosdb sql role assignment delete --account-name c --resource-group rg --yes --role-assignment-id narrow",
    ]
    assert capsys.readouterr().out.count("deleted ") == len(deleted)


@pytest.mark.parametrize(
    ("switches", "do"),
    [
        (OF_PROD, "run this with --snapshot prod, whose rights are the same"),
        ("cosmos=database bus=owner vault=no", "set the same switches in its parameter file"),
        (None, "deploy infra/main.bicep again"),
    ],
    ids=["those of another snapshot", "those of none", "none are known"],
)
def test_a_snapshot_of_other_switches_deletes_nothing_and_says_which_to_take(
    switches: str | None, do: str, asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """The key of the vault is a right that dev does not declare: without it the app gets no key at its next start."""
    key = assigned("4633458b-17de-408a-b874-0445c86b69e6", VAULT)
    state = azure(switches=switches, role_assignment_list=[*AS_DECLARED, key])

    assert checked(state, asked, monkeypatch, "--delete") == 1

    printed = capsys.readouterr()
    assert printed.err.startswith(
        f"FAILED  {f'deployed with {switches}; the snapshot dev is of {OF_DEV}' if switches else ''}"
    )
    assert f"NEXT    {do}" in printed.out
    assert "delete" not in asked.read_text()


def test_what_others_hold_is_told_and_never_deleted(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """A developer who left, and whoever has set the key once."""
    theirs = [assigned(OWNER, BUS, principal=OTHER), assigned(SECRETS_OFFICER, VAULT, principal=OTHER)]
    elsewhere = [assigned(OWNER, f"{GROUP}2", principal=OTHER), assigned(OWNER, SUBSCRIPTION, principal=OTHER)]
    state = azure(
        role_assignment_list=[*AS_DECLARED, *theirs, *elsewhere],
        cosmosdb_sql_role_assignment_list=[of_cosmos(COSMOS), of_cosmos(COSMOS, name="theirs", principal=OTHER)],
    )

    assert checked(state, asked, monkeypatch, "--delete") == 0

    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOTE")]
    assert len(notes) == 3
    assert f"NOTE     {OTHER} has {OWNER} on {BUS.lower()} (not declared). If nobody needs it: az role" in notes[0]
    assert notes[2].endswith("--role-assignment-id theirs")
    assert " delete " not in asked.read_text()


@pytest.mark.parametrize(("named", "notes"), [(SMOKE.upper(), 0), (OTHER, 2), ("", 2)], ids=["it", "another", "nobody"])
def test_the_smoke_test_is_no_stranger_where_its_identity_is_named(
    named: str, notes: int, asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", named)

    assert checked(azure(role_assignment_list=[*AS_DECLARED, *OF_SMOKE]), asked, monkeypatch) == 0

    assert capsys.readouterr().out.count("(declared for SMOKE_PRINCIPAL_ID, which is another)") == notes


def test_the_smoke_test_with_a_right_on_the_whole_bus_is_told(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """As deployments gave it before."""
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", SMOKE)
    state = azure(role_assignment_list=[*AS_DECLARED, *OF_SMOKE, assigned(SENDER, BUS, principal=SMOKE)])

    assert checked(state, asked, monkeypatch) == 0

    assert f"{SMOKE} has {SENDER} on {BUS.lower()} (not declared)" in capsys.readouterr().out


def test_a_right_through_a_group_is_a_fault_and_is_not_taken_from_the_group(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    state = azure(groups=(TEAM,), role_assignment_list=[*AS_DECLARED, assigned(OWNER, BUS, principal=TEAM)])

    assert checked(state, asked, monkeypatch, "--delete") == 1

    assert f"FAILED  through the group {TEAM}: {OWNER} on {BUS.lower()}: take the app out" in capsys.readouterr().err
    assert " delete " not in asked.read_text()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"identity_list": []}, "rg has 0 identities and not one"),
        ({"failing": "role assignment list"}, ": ERROR: not signed in"),
    ],
    ids=["no identity", "az fails"],
)
def test_without_an_answer_nothing_is_called_good(
    changed: dict[str, Any], says: str, asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    assert checked(azure(**changed), asked, monkeypatch) == 2

    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.out.startswith("NEXT    ")


def test_what_may_pass_is_waited_for(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = azure(failing="role assignment list", times=2, error="ERROR: (AuthorizationFailed) 403")

    assert checked(state, asked, monkeypatch) == 0


def test_what_does_not_pass_is_waited_for_up_to_a_limit(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    state = azure(failing="identity list", error="ERROR: (AuthorizationFailed) 403")

    assert checked(state, asked, monkeypatch, "--limit-s", "0.05") == 2

    printed = capsys.readouterr()
    assert "az identity list" in printed.err
    assert "NEXT    if it says 403" in printed.out


def test_without_the_azure_cli_it_fails_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["--snapshot", "dev", "--resource-group", "rg"]) == 2
    assert "az identity list" in capsys.readouterr().err


def test_an_unknown_snapshot_is_refused(capsys: Printed) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--snapshot", "none", "--resource-group", "rg"])

    assert "no snapshot none" in capsys.readouterr().err


def test_snapshots_of_the_same_switches_declare_the_same_rights() -> None:
    """So the switches say enough: who compares them first deletes nothing that is needed."""
    snapshots = [json.loads((SNAPSHOTS / f"{name}.json").read_text()) for name in ("dev", "egress", "prod", "closed")]
    at = drawn(snapshots[0])
    rights = {(drawn(each).switches, frozenset(declared(each, at=at))) for each in snapshots}

    assert len({switches for switches, _ in rights}) == 3
    assert len({held for _, held in rights}) == 3
    assert len(rights) == 3
