"""The registration in front of the app, played: how it is asked for in this process, and who then has which role."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import patience
from infra.app_roles import MEANING, role_id
from infra.register_ops import main
from tests.infra.stage import Stage, staged, step_on

REGISTRATION, PRINCIPAL = "object-of-app-1", "sp-of-app-1"
GRANT = f"az rest --method post --url https://graph.microsoft.com/v1.0/servicePrincipals/{PRINCIPAL}/appRoleAssignedTo"


def registering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Asked in this process; the registration of `dev` is the first that is made."""
    stage = staged(tmp_path / "stage")
    step_on(stage, monkeypatch, AZURE_ENV_NAME="dev")
    monkeypatch.setattr(patience, "LIMIT_S", 2.5)
    return stage


def directory(azure: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((azure.folder / "state.json").read_text())["directory"]
    return found


def roles(azure: Stage) -> dict[str, set[str]]:
    """What each principal has, by object id."""
    names = {role_id(role): role for role in MEANING}
    found: dict[str, set[str]] = {}
    for each in directory(azure)["assigned"].get(PRINCIPAL, []):
        found.setdefault(each["principalId"], set()).add(names[each["appRoleId"]])
    return found


def grown(azure: Stage, *, principals: list[str]) -> None:
    """One grant each, in this order; all of a size as a tenant may have."""
    assert main(["--operator", "person-2"]) == 0
    given = directory(azure)
    ((first, *_),) = given["assigned"].values()
    kinds = [(each, "Group" if each.startswith("group") else "User") for each in principals]
    grants = [{**first, "id": f"given-{who}", "principalId": who, "principalType": kind} for who, kind in kinds]
    azure.keep(directory={**given, "assigned": {PRINCIPAL: grants}})


MANY = [f"person-of-many-{number}" for number in range(2000)]
"""Two full pages of Graph, and what is on the third."""
