"""Compares the rights that the app's identity has in Azure with those that a committed snapshot declares.

A deployment gives rights and takes none away: a role that infra/ no longer declares stays, and with it what a narrower
one was to forbid. `python infra/roles.py --snapshot dev --resource-group GROUP` names what was left behind and ends
with 1; with `--delete` it deletes that. Uses your Azure CLI sign-in. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed, az, az_json
from infra.smoke_http import NotYet

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"

AZURE_ROLES, COSMOS_ROLES = (
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
)

_SCOPE_OF_AN_EXTENSION = re.compile(r"^\[extensionResourceId\('([^']+)'|^(.+)/providers/Microsoft\.Authorization/")
_PLACE = re.compile(
    r"^/subscriptions/[^/]+(?:/resourceGroups/([^/]+)(?:/providers/([^/]+/[^/]+)/[^/]+(.*))?)?$", re.IGNORECASE
)


@dataclass(frozen=True, order=True)
class Right:
    """A role at a place. Names of resources do not count: the snapshot has others than Azure."""

    role: str
    on: str


@dataclass(frozen=True)
class Held:
    """A right as Azure has it, and how it is deleted."""

    right: Right
    scope: str
    deleting: tuple[str, ...]


def place(scope: str, *, group: str) -> str:
    """What a scope is, without names: a type, with what follows in it; or how much more than the group's resources."""
    found = _PLACE.match(scope.rstrip("/"))
    if not found:
        return scope or "/"
    named, kind, rest = found.groups()
    if not named:
        return "the whole subscription"
    if named.lower() != group.lower():
        return f"another resource group, {named}"
    return f"{kind}{rest}".lower() if kind else "the whole resource group"


def declarations(snapshot: dict[str, Any]) -> Iterable[tuple[str, Right]]:
    """Whoever gets a right in a snapshot, and the right. The holder as it stands there: an id, or a formula."""
    for resource in snapshot["predictedResources"]:
        properties = resource.get("properties", {})
        if resource["type"] == AZURE_ROLES:
            found = _SCOPE_OF_AN_EXTENSION.match(resource["id"])
            scope = (found[1] or found[2]) if found else resource["id"]
        elif resource["type"] == COSMOS_ROLES:
            scope = properties["scope"]
        else:
            continue
        group = scope.split("/")[4] if scope.count("/") > 3 else ""
        role = properties["roleDefinitionId"].rsplit("/", 1)[-1]
        yield properties["principalId"], Right(role, place(scope, group=group))


def declared(snapshot: dict[str, Any]) -> set[Right]:
    """The rights of the app's identity."""
    return {right for holder, right in declarations(snapshot) if "userAssignedIdentities" in holder}


def held(group: str) -> list[Held]:
    """The rights that the one identity of the group has, anywhere in the subscription. Raises CommandFailed, NotYet."""
    identities = az_json("identity", "list", "--resource-group", group)
    if len(identities) != 1:
        raise CommandFailed(f"{group} has {len(identities)} identities and not one: is it the app's group?")
    principal = identities[0]["principalId"]
    given = az_json("role", "assignment", "list", "--assignee", principal, "--all", "--fill-principal-name", "false")
    found = [_held(each, group, deleting=("role", "assignment", "delete", "--ids", each["id"])) for each in given]
    for account in az_json("cosmosdb", "list", "--resource-group", group):
        where = ("--account-name", account["name"], "--resource-group", group)
        of_cosmos = az_json("cosmosdb", "sql", "role", "assignment", "list", *where)
        delete = ("cosmosdb", "sql", "role", "assignment", "delete", *where, "--yes", "--role-assignment-id")
        found += [
            _held(each, group, deleting=(*delete, each["id"].rsplit("/", 1)[-1]))
            for each in of_cosmos
            if each["principalId"].lower() == principal.lower()
        ]
    return found


def _held(assignment: dict[str, Any], group: str, *, deleting: tuple[str, ...]) -> Held:
    role = assignment["roleDefinitionId"].rsplit("/", 1)[-1].lower()
    return Held(Right(role, place(assignment["scope"], group=group)), assignment["scope"], deleting)


def compare(snapshot: dict[str, Any], group: str, *, delete: bool) -> list[str]:
    """What is wrong, one line each. Raises CommandFailed, NotYet.

    With `delete`, what was left behind is deleted and not wrong; not before all is there that the app needs instead.
    """
    wanted, has = declared(snapshot), held(group)
    missing = sorted(wanted - {each.right for each in has})
    faults = [f"missing: {right.role} on {right.on}: deploy again" for right in missing]
    for each in has:
        if [other.right for other in has].count(each.right) > 1:
            faults.append(
                f"held twice: {each.right.role} on {each.scope}: which of them is the app's? Delete the other"
            )
        elif each.right not in wanted and delete and not missing:
            az(*each.deleting)
            print(f"deleted  {each.right.role} on {each.scope}")
        elif each.right not in wanted:
            faults.append(f"left behind: {each.right.role} on {each.right.on}: az {' '.join(each.deleting)}")
    return faults


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/roles.py", description="Has the app the rights it should?")
    parser.add_argument("--snapshot", required=True, help="dev or prod: infra/snapshots/NAME.json")
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--delete", action="store_true", help="delete what was left behind")
    options = parser.parse_args(arguments)
    try:
        snapshot = json.loads((SNAPSHOTS / f"{options.snapshot}.json").read_text())
        faults = compare(snapshot, options.resource_group, delete=options.delete)
    except FileNotFoundError as fault:
        parser.error(f"no snapshot {options.snapshot}: {fault}")
    except (CommandFailed, NotYet) as fault:
        print(f"FAILED  {fault}", file=sys.stderr)
        return 2
    for line in faults:
        print(f"FAILED  {line}", file=sys.stderr)
    if not faults:
        print(
            f"the app's identity has the {len(declared(snapshot))} rights that {options.snapshot} declares, no others"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
